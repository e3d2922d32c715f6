"""After a batch: rows whose correction the source delivered go to 待复核; rows whose old value is back open again. Safe to run twice.

- A row is corrected when its key is in the batch and the rule accepts it there; a key the batch does not have stays as it is.
- A row without a key is corrected when a delivery has no keyless row of that rule and body any more.
- A key that was `removed` is corrected when it is back among the head's.
- A rule the batch did not judge (errored, skipped, switched off) says nothing about its tickets.
- A closed ticket whose row fails again opens again, unless its rule and body have an open one by now: that one gets the row (`opening`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import sqlalchemy as sa

from catalogs.model import Catalog
from connectors.lake import Lake
from quality import publications
from quality.session import fill, session
from quality.sql import compose, literal, literals
from quality.store import tables
from quality.store.tables_tickets import ticket, ticket_part, ticket_row
from quality.tickets import failing
from quality.tickets.record import SYSTEM, keep, note
from quality.tickets.states import RowState


@dataclass(frozen=True)
class Settled:
    """One ticket a batch moved."""

    ticket: str
    corrected: int
    reopened: int


def settle(catalog: Catalog, batch: str, *, lake: Lake | Path, database: sa.Engine, now: datetime) -> list[Settled]:
    """Moves the rows of all tickets of the batch's resource. Raises KeyError.

    A batch that was not published, or that a newer one of its partition has overtaken, settles nothing.
    """
    opened = Lake.of(lake)
    with database.connect() as reading:
        if reading.scalar(sa.select(tables.batch.c.batch).where(tables.batch.c.batch == batch)) is None:
            raise KeyError(batch)
        published = publications.of_batch(reading, batch)
        if published is not None and publications.head(reading, published.resource, published.partition) != published:
            return []
        found = reading.execute(sa.select(ticket).where(ticket.c.resource == batch.rsplit("-", 2)[0]).order_by(ticket.c.number)).all()
        judged = _judged(reading, batch)
    found = [one for one in found if one.rule in judged]
    if published is None or not found:
        return []
    with session(opened, catalog) as connection:
        failing.stage(connection, database, opened, catalog, batch, sorted({one.rule for one in found}))
        head = opened.named(opened / published.rows_path)
        connection.execute(compose(_FRESH, path=literal(head), batch=literal(batch)).text).fetchall()
        moved = [_settle(connection, one, opened, database, batch, now) for one in found]
    return [one for one in moved if one.corrected or one.reopened]


def _judged(reading: sa.Connection, batch: str) -> set[str]:
    """Rules the batch was judged by."""
    well = (tables.outcome.c.batch == batch, tables.outcome.c.errored == 0, tables.outcome.c.skipped == 0)
    return {*reading.scalars(sa.select(tables.outcome.c.rule).where(*well)), failing.REMOVED}


_FRESH = """CREATE OR REPLACE TEMP VIEW head AS SELECT _key AS place, _batch = {batch} AS fresh FROM read_parquet({path})"""


def _settle(
    connection: duckdb.DuckDBPyConnection, one: sa.Row, lake: Lake, database: sa.Engine, batch: str, now: datetime
) -> Settled:  # fmt: skip
    with database.connect() as reading:
        parts = list(reading.scalars(sa.select(ticket_part.c.path).where(ticket_part.c.ticket == one.ticket)))
        states = reading.execute(sa.select(ticket_row.c.row, ticket_row.c.state).where(ticket_row.c.ticket == one.ticket)).all()
        rival = one.closed_at is not None and _rival(reading, one)
    if not parts:
        return Settled(one.ticket, 0, 0)
    fill(connection, _STATES, [tuple(state) for state in states], 2)
    places = {
        "rule": literal(one.rule), "body": literal(one.body), "paths": literals(lake.named(lake / path) for path in parts),
        "removed": literal(one.rule == failing.REMOVED),
    }  # fmt: skip
    rows = connection.execute(compose(_MOVED, **places).text).fetchall()
    corrected = [row for row, state, fails, well in rows if state == RowState.OPEN and well and not fails]
    reopened = [row for row, state, fails, _ in rows if state != RowState.OPEN and fails and not rival]
    if corrected or reopened:
        _write(database, one.ticket, batch, corrected, reopened, now)
    return Settled(one.ticket, len(corrected), len(reopened))


_STATES = 'CREATE OR REPLACE TEMP TABLE states AS SELECT unnest($1::BIGINT[]) AS "row", unnest($2::VARCHAR[]) AS state'

# A keyless row's place begins with chr(30): it is well once no keyless row fails any more.
_MOVED = """WITH mine AS (SELECT * FROM failing WHERE rule = {rule} AND body = {body}),
         anew AS (SELECT place FROM failing WHERE rule = {rule})
    SELECT asked."row", states.state,
           asked.place IN (SELECT place FROM anew) AS fails,
           CASE WHEN asked.place[1] = chr(30) THEN NOT EXISTS (SELECT 1 FROM mine WHERE place[1] = chr(30))
                WHEN {removed} THEN asked.place IN (SELECT place FROM head)
                ELSE asked.place IN (SELECT place FROM head WHERE fresh) END AS well
    FROM read_parquet([{paths}]) AS asked JOIN states USING ("row") ORDER BY 1"""


def _rival(reading: sa.Connection, one: sa.Row) -> bool:
    """Whether another ticket is open for the same rule and body."""
    same = (ticket.c.rule == one.rule, ticket.c.resource == one.resource, ticket.c.body == one.body, ticket.c.closed_at.is_(None))
    return reading.scalar(sa.select(ticket.c.ticket).where(*same)) is not None


def _write(database: sa.Engine, name: str, batch: str, corrected: Sequence[int], reopened: Sequence[int], now: datetime) -> None:
    with database.begin() as writing:
        is_open = ticket_row.c.state == RowState.OPEN
        for rows, before, after, again in ((corrected, is_open, RowState.CORRECTED, 0), (reopened, ~is_open, RowState.OPEN, 1)):
            mine = (ticket_row.c.ticket == name, ticket_row.c.row == sa.bindparam("b_row"), before)
            values = {"state": after, "batch": batch, "changed_at": now, "reopened": ticket_row.c.reopened + again}
            if rows:
                writing.execute(sa.update(ticket_row).where(*mine).values(values), [{"b_row": row} for row in rows])
        note(writing, name, SYSTEM, "settled", now, batch=batch, corrected=len(corrected), reopened=len(reopened))
        keep(writing, name, now)
