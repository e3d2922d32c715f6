"""quarantine_120k: 120,000 bad rows of a million, each failing one to several rules, written with their rule lists and read back, against
the same run over a million rows without a bad one.

Each run is a process of its own: a whole check (clean, rules, score, quarantine, publish), then every quarantined row read as the export
reads it. Both sides in turn; medians of `repeats`, CPU of children included. Plain lake, as the clean benches.
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.bench_clean import MILLION, NOW, ROOT, counted, measured

BAD = 120_000


def run(rows: int = MILLION, bad: int = BAD, repeats: int = 3) -> dict:
    """One row of the bench. CPU seconds."""
    (ROOT / "var").mkdir(exist_ok=True)
    with TemporaryDirectory(dir=ROOT / "var", prefix="bench-quarantine-") as folder:
        places = {"without": Path(folder) / "without", "bad": Path(folder) / "bad"}
        for side, place in places.items():
            measured("prepare", place, rows, bad if side == "bad" else 0, module="bench_quarantine")
        sides: dict[str, list[dict]] = {side: [] for side in places}
        for _ in range(repeats):
            for side, runs in sides.items():
                runs.append(measured("check", places[side], module="bench_quarantine"))
    cpu = {side: statistics.median(one["cpu"] for one in runs) for side, runs in sides.items()}
    if {one["read_back"] for one in sides["bad"]} != {bad} or {one["read_back"] for one in sides["without"]} != {0}:
        raise AssertionError("not the bad rows alone were read back")
    return {
        "bench": "quarantine_120k",
        "value": round(cpu["bad"], 2),
        "unit": "CPU s",
        "baseline": round(cpu["without"], 2),
        "ratio": round(cpu["bad"] / cpu["without"], 2),
        "detail": {"rows": rows, "bad": bad, "runs": sides},
    }


def prepare(folder: Path, rows: int, bad: int) -> dict:
    from catalogs.load import load
    from connectors.pulling import pull
    from connectors.settings import EnvironmentCredentials
    from tests.support import bad_rows

    folder.mkdir()
    bad_rows.deliver(folder / "population.csv", folder / "truth.csv", rows, bad, 0)
    resource = load().resources["population"]
    pull(resource, folder / "lake", credentials=EnvironmentCredentials({}), now=NOW, input=folder / "population.csv")
    return {}


def check(folder: Path) -> dict:
    import sqlalchemy as sa

    from catalogs.load import load
    from connectors.lake import Lake
    from connectors.landing import latest
    from quality import engine, quarantine
    from quality.store import upgrade

    lake = Lake(folder / "lake")
    for name in ("trusted", "quarantine"):
        shutil.rmtree(lake / name, ignore_errors=True)
    (lake / "hub.db").unlink(missing_ok=True)
    database, catalog, landed = sa.create_engine(f"sqlite:///{lake}/hub.db"), load(), latest(lake, "population")
    len(catalog.divisions)  # read before the clock starts, like every import
    upgrade(database)
    reports, rows = [], []
    checked = counted(
        lambda: reports.append(engine.check(landed, catalog, lake=lake, database=database, now=NOW, operator="bench", accept_rejects=True))
    )
    (report,) = reports
    read = counted(lambda: rows.append(sum(bool(one["failed_rules"]) for one in quarantine.rows(lake / report.quarantine, lake=lake))))
    return {
        "cpu": round(checked["cpu"] + read["cpu"], 3),
        "read": read["cpu"],
        "read_back": rows[0],
        "seconds": dict(report.seconds),
        "balance": report.counts(),
    }


if __name__ == "__main__":
    step, where, *numbers = sys.argv[1:]
    print(json.dumps({"prepare": prepare, "check": check}[step](Path(where), *map(int, numbers))))
