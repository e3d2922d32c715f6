"""quality_5m: a batch cleaned, checked by 40 rules, scored, its bad rows quarantined, published, and its results stored with Great
Expectations, pages included, against DuckDB's plain CSV → Parquet COPY of the same rows.

- Each run is a process of its own, so CPU (children included) and peak memory are its own. Both sides in turn; medians of `repeats`.
- Importing Great Expectations counts here (`detail.gx`): it is most of what storing costs. Other imports count on neither side.
- `ratio_gx`, `ratio_gx_keys`: GX on pandas by ours at a million rows, as `rules_vs_gx_1m` measures it, in the same call.
- The shipped rules of `population` are fewer than 40; two more of the same kind make it 40. Plain lake, as the clean benches.
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from catalogs.model import Catalog, Rule
from tests.bench.bench_clean import MILLION, NOW, ROOT, copy, counted, measured

RULES = 40
SPARE = (
    ("population.address.length", "length", ("address",), {"min": 6, "max": 200}),
    ("population.bench.homes_province", "pattern", ("household_division",), {"regex": "[1-9][0-9]{5}"}),
    ("population.bench.name_pattern", "pattern", ("name",), {"regex": "[^0-9]+"}),
    ("population.bench.organ_length", "length", ("registrar_code",), {"min": 18, "max": 18}),
)


def run(rows: int = 5 * MILLION, repeats: int = 3) -> dict:
    """One row of the bench. CPU seconds, GiB."""
    (ROOT / "var").mkdir(exist_ok=True)
    with TemporaryDirectory(dir=ROOT / "var", prefix="bench-quality-") as folder:
        here = Path(folder) / "whole"
        measured("prepare", here, rows, module="bench_quality")
        sides: dict[str, list[dict]] = {"copy": [], "quality": []}
        for _ in range(repeats):
            for side, runs in sides.items():
                runs.append(measured(side, here, module="bench_quality"))
        plain_gx = measured("plain_gx", here, module="bench_quality")
    cpu = {side: statistics.median(one["cpu"] for one in runs) for side, runs in sides.items()}
    return {
        "bench": "quality_5m",
        "value": round(cpu["quality"], 2),
        "unit": "CPU s",
        "baseline": round(cpu["copy"], 2),
        "ratio": round(cpu["quality"] / cpu["copy"], 2),
        "peak_gib": round(max(one["peak_gib"] for one in sides["quality"]), 2),
        "ratio_gx": plain_gx["ratio"],
        "ratio_gx_keys": plain_gx["ratio_keys"],
        "detail": {"rows": rows, "runs": sides, "plain_gx": plain_gx["detail"]},
    }


def catalogue() -> Catalog:
    """The shipped one with `population` brought to 40 rules."""
    from catalogs.load import load

    catalog = load()
    shipped = catalog.rules["population"]
    more = [
        Rule(name, "population", "0302", "warn", "", check, fields, params, "bench", "2026-11-22") for name, check, fields, params in SPARE
    ]
    return replace(catalog, rules={**catalog.rules, "population": (*shipped, *more[: RULES - len(shipped)])})


def prepare(folder: Path, rows: int) -> dict:
    """The CSV and its landed batch."""
    from connectors.pulling import pull
    from connectors.sample.population_csv import population_csv
    from connectors.settings import EnvironmentCredentials

    folder.mkdir()
    population_csv(folder / "population.csv", rows, 1)
    resource = catalogue().resources["population"]
    pull(resource, folder / "lake", credentials=EnvironmentCredentials({}), now=NOW, input=folder / "population.csv")
    return {}


def quality(folder: Path) -> dict:
    """The whole of it on a fresh database."""
    import sqlalchemy as sa

    from connectors.lake import Lake
    from connectors.landing import latest
    from quality import engine, gx_runs
    from quality.store import tables, upgrade

    lake = Lake(folder / "lake")
    for name in ("trusted", "quarantine", gx_runs.FOLDER):
        shutil.rmtree(lake / name, ignore_errors=True)
    (lake / "hub.db").unlink(missing_ok=True)
    database, catalog, landed = sa.create_engine(f"sqlite:///{lake}/hub.db"), catalogue(), latest(lake, "population")
    len(catalog.divisions)  # read before the clock starts, like every import
    upgrade(database)
    reports = []
    checked = counted(lambda: reports.append(engine.check(landed, catalog, lake=lake, database=database, now=NOW, operator="bench")))
    stored = counted(lambda: gx_runs.store_new(database, lake, catalog, "population"))
    (report,) = reports
    with database.connect() as connection:
        scores = connection.scalar(sa.select(sa.func.count()).select_from(tables.score))
    results = list((lake / gx_runs.FOLDER).rglob("validations/population/**/*.json"))
    if not (report.published and report.quarantined and scores and len(results) == 1 and len(report.rules) == RULES):
        raise RuntimeError(f"not all of it was done: {report.counts()}, {scores} scores, {len(results)} results, {len(report.rules)} rules")
    return {
        "cpu": round(checked["cpu"] + stored["cpu"], 3),
        "peak_gib": max(checked["peak_gib"], stored["peak_gib"]),
        "gx": stored["cpu"],
        "wall": round(checked["wall"] + stored["wall"], 3),
        "seconds": dict(report.seconds),
        "balance": report.counts(),
        "scores": scores,
    }


def plain_gx(folder: Path) -> dict:
    from tests.bench import bench_rules_vs_gx

    return bench_rules_vs_gx.run(MILLION)


if __name__ == "__main__":
    step, where, *numbers = sys.argv[1:]
    print(json.dumps({"prepare": prepare, "copy": copy, "quality": quality, "plain_gx": plain_gx}[step](Path(where), *map(int, numbers))))
