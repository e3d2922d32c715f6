"""The next day's delivery: `python -m connectors.sample.second_delivery FIRST --out DIR`, or `deliver(first, out)`.

- population.db: the first table with rows corrected, changed, ended, spoiled or marked D in place (and a new update time), and newborns
- legal_entity_1_enterprise.csv: the whole partition again, without the rows that are gone
- the other drops, the permits and the titles: the same bytes as before (a no-op), but licenses held for a missing holder may be issued
- truth.json: the words of the first, plus `stale`, `ended`, `status_acts`, `settled` (licenses issued from holds), `noop`

The first delivery must be as generated, and landed before this one; the pipeline's clock must stand after its day.
Source: design.md decision 7 (increments, stale keys, a missing row is never a revocation).
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from . import csv_drop, headers, legal_entity, next_day, real_estate_title, second_population, truth
from .columns import replace
from .companies import SECTORS
from .generate import PERMITS, POPULATION, TITLES, TRUTH, about, record
from .ledger import Columns, Ledger
from .next_day import Turn
from .world import Request, World, imagine

LAG = timedelta(minutes=10)
"""How far behind the watermark the population's increments are read again (the catalogue's lag_minutes)."""
ENTERPRISES = SECTORS[0]


def deliver(first: Path, out: Path) -> dict[str, object]:
    """Write the second delivery into a new folder and return its truth. Raises FileExistsError, FileNotFoundError, ValueError."""
    before = json.loads((first / TRUTH).read_text(encoding="utf-8"))
    given = before["generated"]
    world = imagine(Request(given["persons"], given["seed"], date.fromisoformat(given["as_of"])))
    out.mkdir(parents=True, exist_ok=False)
    for name in (POPULATION, PERMITS, TITLES, *(sector.file_name for sector in SECTORS[1:])):
        shutil.copyfile(first / name, out / name)
    persons = next_day.of_people(world)
    registered = second_population.deliver(out / POPULATION, world, persons, LAG)
    enterprises, listed = _enterprises(out / ENTERPRISES.file_name, world)
    known = registered.trusted - len(persons.corrected) - second_population.NEWBORN
    stays = before["resources"]["population"]["trusted"] - known - len(persons.gone)
    resources = {
        "population": _changed(registered, persons, removed=0, carried=stays),
        "legal_entity": {"partitions": {ENTERPRISES.label: _enterprise_truth(listed, enterprises)}},
        "food_permit": _settled(before, world.lost_companies, enterprises.corrected, "food_permit", "operator_not_trusted"),
        "real_estate_title": _settled(
            before, world.lost_people[: real_estate_title.MISSING], persons.corrected, "real_estate_title", "holder_not_trusted"
        ),
    }
    whole = {"generated": about(world.request), "resources": resources}
    record(out / TRUTH, whole)
    return whole


def _enterprises(path: Path, world: World) -> tuple[Turn, Ledger]:
    """Write the enterprises' drop."""
    rows, as_of = world.companies.of(ENTERPRISES), world.request.as_of
    clean = legal_entity.render(world.companies, world.people, rows, as_of)
    turn = next_day.of_enterprises(world, pc.equal(clean["登记状态"], "存续").to_numpy(zero_copy_only=False))
    clean["住所"] = replace(clean["住所"], turn.changed, ["样例省云江市临江区新城街道解放路1号"] * len(turn.changed))
    clean["核准日期"] = replace(clean["核准日期"], turn.changed, [(as_of - timedelta(days=1)).isoformat()] * len(turn.changed))
    clean["登记状态"] = replace(clean["登记状态"], turn.ended, ["注销"] * len(turn.ended))
    entries = Ledger()
    columns = legal_entity.dirtied(clean, next_day.replanned(world.drops[ENTERPRISES.label], turn, "name_missing"), entries)
    csv_drop.write(path, headers.LEGAL_ENTITY, _without(columns, turn.gone))
    entries.read -= len(turn.gone)
    entries.trusted -= len(turn.gone)
    return turn, entries


def _without(columns: Columns, rows: np.ndarray) -> Columns:
    kept = np.ones(len(next(iter(columns.values()))), dtype=bool)
    kept[rows] = False
    return {header: column.filter(pa.array(kept)) for header, column in columns.items()}


def _changed(entries: Ledger, turn: Turn, *, removed: int, carried: int) -> dict[str, object]:
    """What the gate must report of a changed delivery."""
    return {**truth.counts(entries), "noop": False, "removed": removed, "carried": carried, "stale": len(turn.spoiled)}


def _enterprise_truth(entries: Ledger, turn: Turn) -> dict[str, object]:
    """What gate and hub must report of the enterprises: only stale rows are carried over, as the partition comes whole.

    A status act records each status that ended, and each entity the source no longer provides (which revokes nothing).
    """
    ended, gone = len(turn.ended), len(turn.gone)
    made = {"issued": len(turn.corrected), "versions": len(turn.changed), "ended": ended, "status_acts": ended + gone, "held": 0}
    return {**_changed(entries, turn, removed=gone, carried=len(turn.spoiled)), **made}


def _settled(before: dict, missing: np.ndarray, corrected: np.ndarray, resource: str, kind: str) -> dict[str, object]:
    named = before["resources"][resource]["kinds"][kind]
    return {"noop": True, "settled": next_day.settled(missing, corrected, named)}


def main(arguments: list[str] | None = None) -> int:
    """Exit 0; 2 where there is no first delivery, or a second already."""
    parser = argparse.ArgumentParser(prog="python -m connectors.sample.second_delivery", description="Generate the next day's delivery.")
    parser.add_argument("first", type=Path, help="folder of the first delivery")
    parser.add_argument("--out", type=Path, required=True, help="folder to make")
    options = parser.parse_args(arguments)
    try:
        deliver(options.first, options.out)
    except OSError as error:
        print(f"second_delivery: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
