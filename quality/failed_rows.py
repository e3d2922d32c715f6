"""Failing rows of one batch as people read them, page by page: every row once, with every rule it fails.

- Three parts, numbered on: rejected rows (the quarantine), trusted rows with a warning, rows of the head that the delivery lost.
- A row is addressed by its number in the batch, never by its key. Files do not change, so neither does a number; an erasure, which
  does change them, is the exception.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import sqlalchemy as sa

from catalogs.model import Catalog, Resource
from connectors.lake import Lake
from quality import publications, responsible
from quality.session import alone, fill, session
from quality.sql import NULL, Sql, compose, ident, literal, trusted
from quality.store import tables
from quality.tickets.failing import REMOVED, said_of

PAGE = 50


@dataclass(frozen=True)
class Wanted:
    """What is asked for. `fate`: rejected | warned | removed, '' = all; `rule`, `body`: '' = any."""

    batch: str
    rule: str = ""
    body: str = ""
    fate: str = ""


@dataclass(frozen=True)
class FailedRow:
    number: int
    fate: str
    origin: str
    key: str | None
    rules: tuple[str, ...]
    values: Mapping[str, object]
    """Source column → what was delivered."""
    body: str


@dataclass(frozen=True)
class Page:
    rows: tuple[FailedRow, ...]
    total: int
    next_after: int | None
    """`after` of the next page; None on the last."""


@dataclass(frozen=True)
class _Part:
    fate: str
    first: int
    """Number before its first row."""
    path: Path
    rows: Sql


class FailedRows:
    """The rows of one batch, while the connection is open."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, catalog: Catalog, resource: Resource, parts: Sequence[_Part]):
        self._connection = connection
        self._catalog = catalog
        self._resource = resource
        self._parts = parts

    def page(self, wanted: Wanted, after: int = 0, size: int = PAGE) -> Page:
        total, found = 0, []
        for part in self._asked(wanted):
            rows = self._filtered(part, wanted)
            total += self._number(compose("SELECT count(*) FROM ({rows})", rows=rows))
            if len(found) <= size:
                found += self._read(compose(_PAGE, rows=rows, after=literal(after), size=literal(size + 1 - len(found))))
        shown = tuple(found[:size])
        return Page(shown, total, shown[-1].number if len(found) > size else None)

    def one(self, batch: str, number: int) -> FailedRow | None:
        """The row of that number."""
        for part in self._asked(Wanted(batch)):
            found = self._read(compose(_ONE, rows=self._filtered(part, Wanted(batch)), number=literal(number)))
            if found:
                return found[0]
        return None

    def number_of(self, batch: str, rule: str, key: str | None, origin: str) -> int | None:
        """The row of that key, or of that origin where there is none, that fails the rule."""
        column, value = ("origin", origin) if key is None else ("key", key)
        for part in self._asked(Wanted(batch, rule)):
            rows = compose(_AT, rows=self._filtered(part, Wanted(batch, rule)), column=ident(column), value=literal(value))
            if found := self._connection.execute(rows.text).fetchone():
                return found[0]
        return None

    def all(self, wanted: Wanted, at_once: int = 10_000) -> Iterator[FailedRow]:
        """Every row asked for, by number."""
        for part in self._asked(wanted):
            rows = self._connection.execute(compose(_ALL, rows=self._filtered(part, wanted)).text)
            while some := rows.fetchmany(at_once):
                yield from self._shown(some)

    def _asked(self, wanted: Wanted) -> list[_Part]:
        return [one for one in self._parts if wanted.fate in ("", one.fate)]

    def _filtered(self, part: _Part, wanted: Wanted) -> Sql:
        rule = compose("list_contains(rules, {rule})", rule=literal(wanted.rule)) if wanted.rule else trusted("TRUE")
        mine = trusted("TRUE")
        if wanted.body:
            self._sayings(part)
            mine = compose("(organ, division) IN (SELECT (organ, division) FROM bodies WHERE body = {body})", body=literal(wanted.body))
        return compose(_FILTERED, rows=part.rows, rule=rule, mine=mine)

    def _read(self, query: Sql) -> list[FailedRow]:
        return self._shown(self._connection.execute(query.text).fetchall())

    def _shown(self, rows: Sequence[tuple]) -> list[FailedRow]:
        found = responsible.found(self._resource, self._catalog, {(one[-2] or None, one[-1] or None) for one in rows})
        return [
            FailedRow(number, fate, origin, key, tuple(rules), json.loads(values), found[organ or None, division or None].code)
            for number, fate, origin, key, rules, values, organ, division in rows
        ]

    def _sayings(self, part: _Part) -> None:
        query = compose("SELECT DISTINCT organ, division FROM ({rows})", rows=part.rows)
        sayings = [(organ or None, division or None) for organ, division in self._connection.execute(query.text).fetchall()]
        found = responsible.found(self._resource, self._catalog, sayings)
        fill(self._connection, _BODIES, [(organ or "", division or "", one.code) for (organ, division), one in found.items()], 3)

    def _number(self, query: Sql) -> int:
        ((found,),) = self._connection.execute(query.text).fetchall()
        return found


_BODIES = """CREATE OR REPLACE TEMP TABLE bodies AS
    SELECT unnest($1::VARCHAR[]) AS organ, unnest($2::VARCHAR[]) AS division, unnest($3::VARCHAR[]) AS body"""
_FILTERED = "SELECT * FROM ({rows}) WHERE {rule} AND {mine}"
_PAGE = "SELECT * FROM ({rows}) WHERE number > {after} ORDER BY number LIMIT {size}"
_ALL = "SELECT * FROM ({rows}) ORDER BY number"
_AT = "SELECT number FROM ({rows}) WHERE {column} = {value} ORDER BY number DESC"
_ONE = "SELECT * FROM ({rows}) WHERE number = {number}"


@contextmanager
def opened(lake: Lake | Path, catalog: Catalog, database: sa.Engine, batch: str) -> Iterator[FailedRows]:
    """The failing rows of a checked batch. Raises KeyError for an unknown one."""
    here = Lake.of(lake)
    with database.connect() as reading:
        row = reading.execute(sa.select(tables.batch.c.resource, tables.batch.c.report).where(tables.batch.c.batch == batch)).one_or_none()
        published = publications.of_batch(reading, batch)
    if row is None or row.resource not in catalog.resources:
        raise KeyError(batch)
    resource = catalog.resources[row.resource]
    # Who answers for a trusted row may need a macro; the resource's own are opened fast.
    with session(here, alone(catalog, resource.id)) as connection:
        yield FailedRows(connection, catalog, resource, _parts(here, resource, batch, row.report, published))


def _parts(lake: Lake, resource: Resource, batch: str, report: dict, published: publications.Publication | None) -> list[_Part]:
    quarantine = lake / report["quarantine"]
    names, rows = _described(lake, quarantine)
    parts = [_Part("rejected", 0, quarantine, _rejected(lake, quarantine, "organ" in names))]
    if published is None:
        return parts
    head = lake / published.rows_path
    where = compose("_batch = {batch} AND len(_warnings) > 0", batch=literal(batch))
    parts.append(_Part("warned", rows, head, _kept(lake, resource, head, "warned", rows, trusted("_warnings"), where)))
    if published.changes_path != published.rows_path:
        lost, first = lake / published.changes_path, rows + _described(lake, head)[1]
        where, rules = trusted("_op = 'removed'"), compose("[{removed}]", removed=literal(REMOVED))
        parts.append(_Part(REMOVED, first, lost, _kept(lake, resource, lost, REMOVED, first, rules, where)))
    return parts


def _described(lake: Lake, path: Path) -> tuple[Sequence[str], int]:
    """Columns and rows of a file."""
    with lake.open(path) as file:
        found = pq.ParquetFile(file)
        return found.schema_arrow.names, found.metadata.num_rows


def _rejected(lake: Lake, path: Path, says: bool) -> Sql:
    return compose(
        """SELECT file_row_number + 1 AS number, 'rejected' AS fate, origin, key, failed_rules AS rules, "values",
                  coalesce({organ}::VARCHAR, '') AS organ, coalesce({division}::VARCHAR, '') AS division
           FROM read_parquet({path}, file_row_number = true)""",
        organ=ident("organ") if says else NULL, division=ident("division") if says else NULL, path=literal(lake.named(path)),
    )  # fmt: skip


def _kept(lake: Lake, resource: Resource, path: Path, fate: str, first: int, rules: Sql, where: Sql) -> Sql:
    """Rows of a trusted file or a change set, numbered on from `first`."""
    return compose(
        """SELECT {first} + file_row_number + 1 AS number, {fate} AS fate, _origin AS origin, _key AS key, {rules} AS rules,
                  {values} AS "values", coalesce(({organ})::VARCHAR, '') AS organ, coalesce(({division})::VARCHAR, '') AS division
           FROM read_parquet({path}, file_row_number = true) WHERE {where}""",
        first=literal(first), fate=literal(fate), rules=rules, path=literal(lake.named(path)), where=where, **said_of(resource),
    )  # fmt: skip
