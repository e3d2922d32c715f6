"""`pull_postgres`: a table of 11 columns landed with origin, hash and manifest, against SQLAlchemy's fetchmany into the same Parquet.

- Ours is `connectors.pull`: checks the header, streams, hashes, writes Parquet and manifest, syncs.
- The baseline is what one writes by hand: one SELECT of the same text casts on a server-side cursor, `fetchmany`, Arrow, Parquet
  (zstd) with the same origin columns. It does not hash, check or sync, and reads no value in Python that it can leave alone.
- Both files must hold the same rows. Interleaved, medians of three; ratio = our rows per second over the baseline's.
"""

from __future__ import annotations

import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

import connectors
from catalogs.load import load
from catalogs.model import Connector, Delivery, Field, Resource
from connectors.settings import EnvironmentCredentials
from tests.support import postgres

COLUMNS = ("序号", "公民身份号码", "姓名", "性别", "出生日期", "民族", "住址", "电话", "状态", "金额", "更新时间")
FETCH = 10_000
REPEATS = 3
MAKE = """
CREATE TABLE bench (序号 bigint, 公民身份号码 varchar(18), 姓名 varchar(60), 性别 varchar(3), 出生日期 date, 民族 varchar(20),
  住址 varchar(200), 电话 varchar(20), 状态 varchar(10), 金额 numeric(14,2), 更新时间 timestamp)
"""
FILL = """
INSERT INTO bench SELECT i, '99' || lpad(i::text, 16, '0'), '样例' || i, mod(i, 2)::text, date '1950-01-01' + mod(i, 20000),
  CASE WHEN mod(i, 20) = 0 THEN NULL ELSE '汉族' END, '样例省样例市样例区幸福路' || mod(i, 999) || '号' || mod(i, 31) || '室',
  '000' || lpad(mod(i, 100000000)::text, 8, '0'), '正常', i / 7.0, timestamp '2024-01-01' + make_interval(secs => i)
FROM generate_series(1, CAST(:rows AS integer)) i
"""


def run(rows: int = 1_000_000) -> dict:
    with postgres.server() as root, postgres.database(root) as url, tempfile.TemporaryDirectory() as folder:
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            connection.execute(sa.text(MAKE))
            connection.execute(sa.text(FILL), {"rows": rows})
            connection.execute(sa.text("ANALYZE bench"))
        where, table = Path(folder), _table()
        ours, theirs = [], []
        for turn in range(REPEATS):
            ours.append(_timed(lambda: _pull(table, url, where / "lake"), rows))
            theirs.append(_timed(lambda turn=turn: _fetchmany(engine, where / f"{turn}.parquet"), rows))
        engine.dispose()
        _check_equal(ours[-1]["made"], theirs[-1]["made"], rows)
    ours_rate, theirs_rate = (statistics.median(one["rows_per_s"] for one in side) for side in (ours, theirs))
    return {
        "bench": "pull_postgres",
        "value": round(ours_rate),
        "unit": "rows/s",
        "baseline": round(theirs_rate),
        "ratio": round(ours_rate / theirs_rate, 2),
        "detail": {"rows": rows, "columns": len(COLUMNS), "ours": _seconds(ours), "sqlalchemy_fetchmany": _seconds(theirs)},
    }


def _table() -> Resource:
    """A resource with the bench's columns and nothing else of its model."""
    return replace(
        load().resources["population"],
        connector=Connector("database", {"connection": "bench", "table": "bench"}),
        key=(COLUMNS[0],),
        order_by=None,
        watermark=None,
        delivery=Delivery("snapshot"),
        fields=tuple(Field(name, name, name, "text") for name in COLUMNS),
    )


def _pull(table: Resource, url: str, lake: Path) -> Path:
    credentials = EnvironmentCredentials({"HUB_CONN_BENCH": url})
    return connectors.pull(table, lake, credentials=credentials, now=datetime.now(UTC)).rows


def _fetchmany(engine: sa.Engine, path: Path) -> Path:
    schema = pa.schema([(name, pa.string()) for name in (*COLUMNS, "_source")] + [("_line", pa.int64()), ("_raw", pa.string())])
    statement = sa.select(*(sa.cast(sa.column(name), sa.Text) for name in COLUMNS)).select_from(sa.table("bench"))
    line = 1
    with engine.connect() as connection, pq.ParquetWriter(path, schema, compression="zstd", compression_level=1) as writer:
        result = connection.execution_options(stream_results=True, max_row_buffer=FETCH).execute(statement)
        while part := result.fetchmany(FETCH):
            columns = [pa.array(column, pa.string()) for column in zip(*part, strict=True)]
            count = len(part)
            origin = [pa.repeat("bench", count), pa.array(range(line, line + count), pa.int64()), pa.nulls(count, pa.string())]
            writer.write_table(pa.table([*columns, *origin], schema=schema))
            line += count
    return path


def _check_equal(ours: Path, theirs: Path, rows: int) -> None:
    """Both landed the same: a fast reader that drops or bends rows wins nothing."""
    one, other = pq.read_table(ours), pq.read_table(theirs)
    if one.num_rows != rows or not one.equals(other):
        raise AssertionError("the two files differ")


def _timed(work: Callable[[], Path], rows: int) -> dict:
    cpu, wall = _cpu_s(), time.perf_counter()
    made = work()
    wall = time.perf_counter() - wall
    return {"made": made, "wall_s": wall, "cpu_s": _cpu_s() - cpu, "rows_per_s": rows / wall}


def _cpu_s() -> float:
    """Of this process and the children it waited for; the database server is neither."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def _seconds(side: list[dict]) -> dict[str, list[float]]:
    return {name: [round(one[name], 2) for one in side] for name in ("wall_s", "cpu_s")}
