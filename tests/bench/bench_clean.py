"""clean_1m, clean_5m: a whole `check` (clean, all rules, exact uniqueness, duplicates, trusted rows written) against DuckDB's plain
CSV → Parquet COPY of the same rows.

- Each run is a process of its own, so CPU (children included) and peak memory are its own; imports are not counted on either side.
- Both sides run in turn; medians of `repeats`. `ratio` = CPU of the check by CPU of the COPY.
- The goals are judged on a plain lake; what encrypting the lake costs on top stands beside them (`detail.encrypted`).
- `clean_5m` also measures a million rows in the same way for `growth` = CPU of 5 M by CPU of 1 M.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from connectors.lake import Lake
from connectors.sealed import FileKeys

MILLION = 1_000_000
ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)


def run(rows: int = MILLION, repeats: int = 3) -> dict:
    """One row of the bench. CPU seconds, GiB."""
    (ROOT / "var").mkdir(exist_ok=True)
    with TemporaryDirectory(dir=ROOT / "var", prefix="bench-clean-") as folder:
        here = Path(folder)
        measured("prepare", here / "whole", rows)
        small = here / "million"
        if rows > MILLION:
            measured("prepare", small, MILLION)
        sides: dict[str, list[dict]] = {"copy": [], "check": [], "encrypted": [], "million": []}
        for _ in range(repeats):
            sides["copy"].append(measured("copy", here / "whole"))
            sides["check"].append(measured("check", here / "whole"))
            sides["encrypted"].append(measured("encrypted", here / "whole"))
            if rows > MILLION:
                sides["million"].append(measured("check", small))
    return _row(rows, sides)


def _row(rows: int, sides: dict[str, list[dict]]) -> dict:
    cpu = {side: statistics.median(one["cpu"] for one in runs) for side, runs in sides.items() if runs}
    last = sides["check"][-1]
    row = {
        "bench": "clean_" + str(rows // MILLION) + "m" if rows >= MILLION else "clean_" + str(rows),
        "value": round(cpu["check"], 2),
        "unit": "CPU s",
        "baseline": round(cpu["copy"], 2),
        "ratio": round(cpu["check"] / cpu["copy"], 2),
        "peak_gib": round(max(one["peak_gib"] for one in sides["check"]), 2),
        "detail": {"rows": rows, "runs": sides, "balance": last["balance"], "rules": last["rules"], "columns": last["columns"]},
    }
    row["detail"]["encrypted"] = {
        "cpu": round(cpu["encrypted"], 2),
        "cost": round(cpu["encrypted"] / cpu["check"], 3),
        "peak_gib": round(max(one["peak_gib"] for one in sides["encrypted"]), 2),
    }
    if "million" in cpu:
        row["growth"] = round(cpu["check"] / cpu["million"], 2)
    return row


def measured(what: str, folder: Path, *arguments: int, module: str = "bench_clean") -> dict:
    """What a step of a bench's module prints, run in a process of its own."""
    command = [sys.executable, "-m", f"tests.bench.{module}", what, str(folder), *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def prepare(folder: Path, rows: int) -> dict:
    """The CSV and its landed batch."""
    from catalogs.load import load
    from connectors.pulling import pull
    from connectors.sample.population_csv import population_csv
    from connectors.settings import EnvironmentCredentials
    from quality.reencrypt import reencrypt

    folder.mkdir()
    population_csv(folder / "population.csv", rows, 1)
    resource = load().resources["population"]
    landed = pull(resource, folder / "lake", credentials=EnvironmentCredentials({}), now=NOW, input=folder / "population.csv")
    shutil.copytree(folder / "lake", folder / "sealed")
    reencrypt(encrypted_lake(folder))
    return {"rows": landed.manifest.rows}


def encrypted_lake(folder: Path) -> Lake:
    """The same landed batch, under a key of the bench."""
    return Lake(folder / "sealed", FileKeys(b"bench-1.", {b"bench-1.": bytes(range(32))}))


def encrypted(folder: Path) -> dict:
    """`check` on the encrypted lake."""
    return check(folder, encrypted_lake(folder))


def copy(folder: Path) -> dict:
    import duckdb

    from quality.sql import compose, literal

    statement = compose(
        "COPY (SELECT * FROM read_csv({csv}, all_varchar = true)) TO {out} (FORMAT parquet, COMPRESSION zstd)",
        csv=literal(str(folder / "population.csv")), out=literal(str(folder / "copy.parquet")),
    )  # fmt: skip
    with duckdb.connect(":memory:") as connection:
        return counted(lambda: connection.execute(statement.text).fetchall())


def check(folder: Path, lake: Lake | None = None) -> dict:
    import sqlalchemy as sa

    from catalogs.load import load
    from connectors.landing import latest
    from quality import engine
    from quality.store import upgrade

    lake = lake or Lake(folder / "lake")
    for name in ("trusted", "quarantine"):
        shutil.rmtree(lake / name, ignore_errors=True)
    (lake / "hub.db").unlink(missing_ok=True)
    database, catalog, landed = sa.create_engine(f"sqlite:///{lake}/hub.db"), load(), latest(lake, "population")
    len(catalog.divisions)  # read before the clock starts, like every import
    upgrade(database)
    reports = []
    found = counted(lambda: reports.append(engine.check(landed, catalog, lake=lake, database=database, now=NOW, operator="bench")))
    (report,) = reports
    if not report.published:
        raise RuntimeError(f"nothing was published: {report.gate}")
    return found | {
        "balance": report.counts(),
        "seconds": dict(report.seconds),
        "rules": len(report.rules),
        "columns": len(landed.manifest.columns),
    }


def counted(work) -> dict:
    """CPU seconds (user and system, children included) of the work, and the process's peak memory."""
    import resource
    import time

    def spent() -> float:
        return sum(one.ru_utime + one.ru_stime for one in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))

    before, began = spent(), time.perf_counter()
    work()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    return {"cpu": round(spent() - before, 3), "wall": round(time.perf_counter() - began, 3), "peak_gib": round(peak, 3)}


if __name__ == "__main__":
    step, where, *numbers = sys.argv[1:]
    print(json.dumps({"prepare": prepare, "copy": copy, "check": check, "encrypted": encrypted}[step](Path(where), *map(int, numbers))))
