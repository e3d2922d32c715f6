"""The population department: a SQLite table with an operation column and an update time.

Telephone numbers start with 154, which no Chinese operator has been given, so that none of them can be dialled.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from . import headers, ledger, vocabulary
from .columns import dates, day, digits, draw, join, pick, strings
from .ledger import Columns, Ledger, Plan, Row
from .people import People
from .population_kinds import kinds

HEADERS = headers.POPULATION
KEY = HEADERS[0]
CREATE = """
CREATE TABLE "population" (
    "公民身份号码" TEXT, "姓名" TEXT, "性别" TEXT, "民族" TEXT, "出生日期" TEXT, "户籍区划" TEXT, "户籍地址" TEXT, "联系电话" TEXT,
    "人员状态" TEXT, "死亡日期" TEXT, "登记机关代码" TEXT, "更新时间" TEXT, "操作" TEXT
)"""
INSERT = 'INSERT INTO "population" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'
INDEX = 'CREATE INDEX "population_更新时间" ON "population" ("更新时间")'
CHUNK = 200_000
UNDIALLED = 154_00000000
"""First telephone number of the range nobody was given."""


def plan(people: People, as_of: date) -> Plan:
    """Which persons carry which kind of dirt."""
    age = (day(as_of) - people.born_on) / 365.25
    alive = people.died_on < 0
    groups = {
        "alive": alive,
        "adult": alive & (age > 20) & (age < 90),
        "han": people.ethnicity_at == 0,
        "dead": ~alive & (age > 20),
        "twentieth": (people.born_on < day(date(2000, 1, 1))) & (people.born_on >= day(date(1900, 1, 1))),
    }
    return ledger.plan(np.random.default_rng([people.seed, 2]), len(people), kinds(people.places), groups)


def chunks(people: People, plan: Plan, entries: Ledger, as_of: date) -> Iterator[Columns]:
    """The delivery in pieces of CHUNK rows, the repeated rows last."""
    repeated: list[Row] = []
    for start in range(0, len(people), CHUNK):
        rows = np.arange(start, min(start + CHUNK, len(people)))
        columns, again = ledger.spoil(render(people, rows, as_of), start, plan, entries, KEY)
        repeated += again
        yield columns
    yield {header: pa.array([row[header] for row in repeated], pa.string()) for header in HEADERS}


def render(people: People, rows: np.ndarray, as_of: date) -> Columns:
    """Clean columns of some persons. The draws depend on seed and first row only."""
    rng = np.random.default_rng([people.seed, 3, int(rows[0]) if len(rows) else 0])
    places, size = people.places, len(rows)
    dead = people.died_on[rows] >= 0
    died = dates(np.where(dead, people.died_on[rows], 0))
    updated = np.maximum(day(as_of) - 1 - rng.integers(0, 3000, size), people.died_on[rows])
    home = people.home_at[rows]
    return {
        KEY: people.numbers(rows),
        "姓名": people.names(rows),
        "性别": pick(("女", "男"), people.male[rows].astype(np.int8)),
        "民族": join(pick(vocabulary.ETHNICITIES[0], people.ethnicity_at[rows]), "族"),
        "出生日期": dates(people.born_on[rows]),
        "户籍区划": pick(places.codes, home),
        "户籍地址": addresses(rng, pick(places.full_names, home), size),
        "联系电话": pc.if_else(pa.array(rng.random(size) < 0.85), phones(rng, size), pa.scalar(None, pa.string())),
        "人员状态": pick(("正常", "死亡"), dead.astype(np.int8)),
        "死亡日期": pc.if_else(pa.array(dead), died, pa.scalar(None, pa.string())),
        "登记机关代码": pick(places.organs("police"), home),
        "更新时间": join(dates(updated), " ", clock(rng, size)),
        "操作": pick(("I", "U"), (rng.random(size) < 0.3).astype(np.int8)),
    }


def addresses(rng: np.random.Generator, county: pa.Array, size: int) -> pa.Array:
    """Street addresses within a county, some with an estate."""
    words = vocabulary
    estate = join(pick(words.ESTATES[0], draw(rng, words.ESTATES, size)), number(rng, 1, 30, size), "幢", number(rng, 1, 6, size), "单元")
    room = join(number(rng, 1, 18, size), "0", number(rng, 1, 4, size), "室")
    street = join(county, pick(words.TOWNS[0], draw(rng, words.TOWNS, size)), pick(words.STREETS[0], draw(rng, words.STREETS, size)))
    tail = pc.if_else(pa.array(rng.random(size) < 0.6), join(estate, room), "")
    return join(street, number(rng, 1, 400, size), "号", tail)


def number(rng: np.random.Generator, low: int, high: int, size: int) -> pa.Array:
    """Whole numbers low … high as text."""
    return pick([str(n) for n in range(low, high + 1)], rng.integers(0, high - low + 1, size))


def phones(rng: np.random.Generator, size: int) -> pa.Array:
    return strings(digits(UNDIALLED + rng.integers(0, 10**8, size), 11))


def clock(rng: np.random.Generator, size: int) -> pa.Array:
    """Office hours, hh:mm:ss."""
    seconds = rng.integers(8 * 3600, 18 * 3600, size)
    parts = (seconds // 3600, seconds // 60 % 60, seconds % 60)
    hours, minutes, rest = (strings(digits(part, 2)) for part in parts)
    return join(hours, ":", minutes, ":", rest)


def write(path: Path, deliveries: Iterator[Columns]) -> None:
    """Write a new SQLite file with the table. Raises FileExistsError."""
    path.touch(exist_ok=False)
    connection = sqlite3.connect(path)
    try:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(CREATE)
        append(connection, deliveries)
        connection.execute(INDEX)
        connection.commit()
    finally:
        connection.close()


def append(connection: sqlite3.Connection, deliveries: Iterator[Columns]) -> None:
    """Insert deliveries into the table, in pieces small enough to stay in memory as Python text."""
    for columns in deliveries:
        table = pa.table({header: columns[header] for header in HEADERS})
        for piece in table.to_batches(max_chunksize=50_000):
            connection.executemany(INSERT, zip(*(column.to_pylist() for column in piece.columns), strict=True))
