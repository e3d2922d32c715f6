"""The population table a day later: rows updated in place, newborns added, and what an increment then reads.

An increment reads what was updated since the first one's watermark, and again what lies within the declared lag behind it: those
old rows are counted here row by row, from the kinds they carry.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from . import headers, misspellings, population
from .ledger import Ledger, Plan, Row
from .next_day import Turn
from .population import CHUNK, KEY
from .world import World

UPDATE = """
UPDATE "population" SET "公民身份号码" = ?, "姓名" = ?, "性别" = ?, "民族" = ?, "出生日期" = ?, "户籍区划" = ?,
    "户籍地址" = ?, "联系电话" = ?, "人员状态" = ?, "死亡日期" = ?, "登记机关代码" = ?, "更新时间" = ?, "操作" = ?
WHERE rowid = ?"""
LATEST = 'SELECT max("更新时间") FROM "population"'
SINCE = 'SELECT rowid, "公民身份号码" FROM "population" WHERE "更新时间" >= ? AND "更新时间" < ?'
NEWBORN = 5


def deliver(path: Path, world: World, turn: Turn, lag: timedelta) -> Ledger:
    """Change the first delivery's table in place; returns what an increment after the first must find."""
    entries = Ledger()
    with closing(sqlite3.connect(path)) as connection:
        latest = connection.execute(LATEST).fetchone()[0]
        overnight = f"{world.request.as_of.isoformat()} 00:30:00"
        rows = list(_edited(world, turn, overnight))
        connection.executemany(UPDATE, ((*(row[header] for header in headers.POPULATION), at + 1) for at, row in rows))
        born = list(_newborns(world, rows[0][1], overnight))
        connection.executemany(population.INSERT, ([row[header] for header in headers.POPULATION] for row in born))
        connection.commit()
        since = (datetime.fromisoformat(latest) - lag).isoformat(sep=" ")
        again = connection.execute(SINCE, (since, overnight)).fetchall()
    _reread(world.register, len(world.people), again, entries)
    trusted = len(turn.corrected) + len(turn.changed) + len(turn.ended) + NEWBORN
    entries.read += trusted + len(turn.spoiled) + len(turn.gone)
    entries.trusted += trusted
    entries.quarantined += len(turn.spoiled)
    entries.deleted += len(turn.gone)
    nameless = set(turn.spoiled.tolist())
    entries.rules.setdefault("population.name.not_null", []).extend(row[KEY] for at, row in rows if at in nameless)
    return entries


def _edited(world: World, turn: Turn, overnight: str) -> Iterator[tuple[int, dict[str, str | None]]]:
    """Row number and new content of every row that is updated in place."""
    yesterday = (world.request.as_of - timedelta(days=1)).isoformat()
    changes = (
        (turn.corrected, {}),
        (turn.changed, {"户籍地址": "样例省云江市临江区新城街道人民路1号", "联系电话": "15400000002"}),
        (turn.ended, {"人员状态": "死亡", "死亡日期": yesterday}),
        (turn.spoiled, {"姓名": None}),
        (turn.gone, {"操作": "D"}),
    )
    for rows, cells in changes:
        for at, row in zip(rows.tolist(), _clean(world, rows), strict=True):
            yield at, {**row, "操作": "U", "更新时间": overnight, **cells}


def _clean(world: World, rows: np.ndarray) -> Iterator[dict[str, str | None]]:
    """The rows as drawn, each rendered within its chunk, so that all cells are those of the first delivery."""
    for start in range(0, len(world.people), CHUNK):
        inside = rows[(rows >= start) & (rows < start + CHUNK)]
        if len(inside):
            chunk = np.arange(start, min(start + CHUNK, len(world.people)))
            columns = population.render(world.people, chunk, world.request.as_of)
            texts = [column.take((inside - start).tolist()).to_pylist() for column in columns.values()]
            yield from (dict(zip(columns, values, strict=True)) for values in zip(*texts, strict=True))


def _newborns(world: World, parent: Row, overnight: str) -> Iterator[dict[str, str | None]]:
    """Children born yesterday: nobody in the first delivery is younger than a month."""
    yesterday = world.request.as_of - timedelta(days=1)
    for n in range(NEWBORN):
        number = misspellings.renumbered(f"{world.people.places.codes[0]}{yesterday:%Y%m%d}{2 * n + 1:03d}")
        own = {KEY: number, "姓名": f"{parent['姓名'][0]}新{'一二三四五'[n]}", "性别": "男", "出生日期": yesterday.isoformat()}
        alive = {"人员状态": "正常", "死亡日期": None, "联系电话": None, "更新时间": overnight, "操作": "I"}
        yield {**parent, **own, **alive}


def _reread(plan: Plan, persons: int, again: list[tuple[int, str | None]], entries: Ledger) -> None:
    """Count old rows (rowid, number) that are read again, each by the kind it carries; a twin counts as one if both are read."""
    kinds = {at: kind for kind in plan.kinds for at in plan.rows[kind.name].tolist()}
    twins = _twins(plan, persons)
    seen: dict[int, set[str]] = defaultdict(set)
    keys: dict[int, str] = {}
    for rowid, number in again:
        at, place = (rowid - 1, "first") if rowid <= persons else (twins[rowid - persons - 1], "second")
        seen[at].add(place)
        keys[at] = (number or "").strip()
    for at, places in seen.items():
        kind = kinds.get(at)
        entries.read += 1
        if kind is not None and kind.repeats and places == {"second"} and kind.outcome == "deleted":
            entries.deleted += 1
            continue
        entries.trusted += 1
        if kind is not None and (not kind.repeats or len(places) == 2):
            entries.enter(kind, [keys[at]])


def _twins(plan: Plan, persons: int) -> list[int]:
    """Base row of each repeated row, in the order the first delivery appended them."""
    found = []
    for start in range(0, persons, CHUNK):
        for kind in (one for one in plan.kinds if one.repeats):
            rows = plan.rows[kind.name]
            found += rows[(rows >= start) & (rows < start + CHUNK)].tolist()
    return found
