"""After a batch: rows whose correction the source delivered go to 待复核; rows whose old value is back open again. Safe to run twice.

- A row is corrected when its key is in the batch and the rule accepts it there; a key the batch does not have stays as it is.
- A row whose key itself is wrong is corrected, too, when a whole delivery of its partition does not have that key any more: the right
  one is another row, and a person looks.
- A row without a key is corrected when a delivery of its partition (not a pushed row) has no keyless row of that rule and body any more.
- A key that was `removed` is corrected when it is back among the head's.
- A rule the batch did not judge (errored, skipped, switched off) says nothing about its tickets.
- A delivery that failed as a whole is corrected when a later one of its partition passes the rule.
- A row whose correction a reviewer refused is corrected when the source delivers its key with other content; without a key, by the next
  delivery that would correct it.
- A row that was erased since goes to 待复核: nothing the source delivers can be compared with it any more.
- No batch moves a row that a newer one has moved, so that heads may be settled again at any time (`settle_heads`).
- A row that somebody doubted (校核申请) is corrected when one of the doubted fields reads otherwise.
- A closed ticket whose row fails again opens again, unless its case has an open one by now: that one gets the row (`opening`).

All tickets are answered by one query over their rows. Closed ones take part while they may open again (`reopens_within_days`) and only
where the batch fails their rule, so the work follows what is open, not how many years of tickets there are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from catalogs.model import Catalog
from connectors.lake import Lake
from quality import publications
from quality.publications import Publication
from quality.session import alone, kept, session
from quality.store import tables
from quality.store.tables_tickets import ticket, ticket_row
from quality.store.writing import writing
from quality.tickets import delivery, failing, moves
from quality.tickets.moves import Move
from quality.tickets.record import SYSTEM, end_provisional, keep, locked, note
from quality.tickets.states import Kind, RowState, State


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
        if published is None or publications.head(reading, published.resource, published.partition) != published:
            return []
        found = _candidates(reading, published.resource, now - timedelta(days=catalog.tickets.reopens_within_days))
        judged = _judged(reading, batch)
    found = {name: one for name, one in found.items() if one.kind == Kind.CORRECTION or one.rule in judged}
    if not found:
        return []
    moved = _moves(catalog, published, found, opened, database)
    return _written(database, found, moved, batch, now)


def settle_heads(catalog: Catalog, resource_id: str, *, lake: Lake | Path, database: sa.Engine, now: datetime) -> list[Settled]:
    """Makes up for batches that were published and not settled, because their worker was killed in between."""
    with database.connect() as reading:
        heads = sorted(publications.heads(reading, resource_id), key=lambda one: one.number)
    return [one for head in heads for one in settle(catalog, head.batch, lake=lake, database=database, now=now)]


def _judged(reading: sa.Connection, batch: str) -> set[str]:
    """Rules the batch was judged by."""
    well = (tables.outcome.c.batch == batch, tables.outcome.c.errored == 0, tables.outcome.c.skipped == 0)
    return {*reading.scalars(sa.select(tables.outcome.c.rule).where(*well)), failing.REMOVED}


def _candidates(reading: sa.Connection, resource_id: str, since: datetime) -> dict[str, sa.Row]:
    """Tickets a delivery may move, by name: open ones, and closed ones that may still open again."""
    recent = sa.and_(ticket.c.closed_at >= since, ticket.c.phase != State.CLOSED)
    query = sa.select(ticket).where(ticket.c.resource == resource_id, sa.or_(ticket.c.closed_at.is_(None), recent))
    return {row.ticket: row for row in reading.execute(query.order_by(ticket.c.number))}


def _moves(
    catalog: Catalog, published: Publication, found: dict[str, sa.Row], lake: Lake, database: sa.Engine
) -> list[Move]:  # fmt: skip
    by_kind: dict[str, list[sa.Row]] = defaultdict(list)
    for one in found.values():
        by_kind[one.kind].append(one)
    # One pushed row says nothing about deliveries.
    moved = [] if published.pushed else _of_deliveries(database, published, by_kind[Kind.DELIVERY])
    rows, doubted = by_kind[Kind.RULE], by_kind[Kind.CORRECTION]
    if not rows and not doubted:
        return moved
    with kept(lake, catalog) if published.pushed else session(lake, alone(catalog, published.resource)) as connection:
        if rows:
            failing.stage(connection, database, lake, catalog, published.batch, sorted({one.rule for one in rows}))
            again = {rule for (rule,) in connection.execute("SELECT DISTINCT rule FROM failing").fetchall()}
            asked = [one for one in rows if one.closed_at is None or one.rule in again]
            moved += moves.of_rows(connection, database, lake, catalog, published, asked)
        if doubted:
            moved += moves.of_doubts(connection, database, lake, catalog, published, doubted)
    return moved


def _of_deliveries(database: sa.Engine, published: Publication, found: Sequence[sa.Row]) -> list[Move]:
    if not found:
        return []
    with database.connect() as reading:
        verdicts = delivery.failed(reading, published.batch, {one.rule for one in found})
        states = moves.states(reading, published, [one.ticket for one in found])
    rules, moved = {one.ticket: one.rule for one in found}, []
    for one in states:
        fails = verdicts.get(rules[one.ticket])
        if fails and one.state is not RowState.OPEN:
            moved.append(Move(one.ticket, one.row, RowState.OPEN))
        if fails is False and one.state is RowState.OPEN and one.same_partition:
            moved.append(Move(one.ticket, one.row, RowState.CORRECTED))
    return moved


def _written(database: sa.Engine, found: dict[str, sa.Row], moved: Iterable[Move], batch: str, now: datetime) -> list[Settled]:
    by_ticket: dict[str, list[Move]] = defaultdict(list)
    for one in moved:
        by_ticket[one.ticket].append(one)
    with_open = {_case(one) for one in found.values() if one.closed_at is None}
    done = []
    for name, line in found.items():
        corrected = [one.row for one in by_ticket[name] if one.to is RowState.CORRECTED]
        reopened = [one.row for one in by_ticket[name] if one.to is RowState.OPEN]
        if line.closed_at is not None and _case(line) in with_open:
            reopened = []
        if corrected or reopened:
            _write(database, name, batch, corrected, reopened, now)
            if line.closed_at is not None:
                with_open.add(_case(line))
            done.append(Settled(name, len(corrected), len(reopened)))
    return done


def _case(line: sa.Row) -> tuple[str, str, str]:
    return line.rule, line.body, line.subject


def _write(database: sa.Engine, name: str, batch: str, corrected: Sequence[int], reopened: Sequence[int], now: datetime) -> None:
    with writing(database) as connection:
        locked(connection, name)
        is_open = ticket_row.c.state == RowState.OPEN
        # A reviewer may have refused this very correction since the look.
        asked = is_open & ~(ticket_row.c.refused & (ticket_row.c.batch == batch))
        for rows, before, after, again in ((corrected, asked, RowState.CORRECTED, 0), (reopened, ~is_open, RowState.OPEN, 1)):
            mine = (ticket_row.c.ticket == name, ticket_row.c.row == sa.bindparam("b_row"), before)
            values = {"state": after, "batch": batch, "changed_at": now, "reopened": ticket_row.c.reopened + again, "refused": False}
            if rows:
                connection.execute(sa.update(ticket_row).where(*mine).values(values), [{"b_row": row} for row in rows])
        end_provisional(connection, name, "delivered", now, rows=corrected)
        note(connection, name, SYSTEM, "settled", now, batch=batch, corrected=len(corrected), reopened=len(reopened))
        keep(connection, name, now)
