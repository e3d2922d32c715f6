"""Who has to be reminded of which ticket today, what is overdue, and what goes to the supervisor. Counted in working days.

`record` writes a day's reminders down, once however often it runs, and ends the provisional values whose time is over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

import sqlalchemy as sa

from catalogs.model import Catalog
from quality.job import SHANGHAI
from quality.store.tables_tickets import provisional, ticket, ticket_event
from quality.store.writing import writing
from quality.tickets.record import SYSTEM, note
from quality.tickets.states import State

KINDS = ("remind", "overdue", "escalate")
PAUSED = (State.CLOSED, State.REVIEW, State.DISPUTED)
"""The body has done its part, or the question is with somebody else."""


@dataclass(frozen=True)
class Warned:
    """A ticket on a list. `kind`: remind | overdue | escalate; `days`: working days left, negative when past."""

    ticket: str
    number: int
    handler: str
    due_on: str
    days: int
    kind: str


def warnings(connection: sa.Connection, catalog: Catalog, now: datetime) -> Iterator[Warned]:
    """Tickets to remind of today, overdue ones and those to escalate; the most urgent first."""
    today = now.astimezone(SHANGHAI).date()
    columns = (ticket.c.ticket, ticket.c.number, ticket.c.handler, ticket.c.due_on)
    query = sa.select(*columns).where(ticket.c.state.not_in(PAUSED)).order_by(ticket.c.due_on, ticket.c.number)
    # Working days are walked day by day: once a due date, not once a ticket.
    for due_on, rows in groupby(connection.execute(query), lambda row: row.due_on):
        days = catalog.workdays.between(today, date.fromisoformat(due_on))
        if kind := _kind(catalog, days):
            yield from (Warned(*row, days, kind) for row in rows)


def _kind(catalog: Catalog, days: int) -> str | None:
    if days < 0:
        return "escalate" if -days >= catalog.tickets.escalate_after else "overdue"
    return "remind" if days in catalog.tickets.remind_before or days == 0 else None


@dataclass(frozen=True)
class Recorded:
    """What a day's run wrote down. `missing`: years within reach of a deadline whose holidays the table does not have yet."""

    reminded: int
    overdue: int
    escalated: int
    expired: int
    missing: tuple[int, ...]


def record(catalog: Catalog, *, database: sa.Engine, now: datetime) -> Recorded:
    """A working day's reminders as events of their tickets; provisional values past their ticket's due date end. Safe to run again."""
    today = now.astimezone(SHANGHAI).date()
    with writing(database) as connection:
        found = list(warnings(connection, catalog, now)) if catalog.workdays.is_workday(today) else []
        done = _noted_on(connection, [one.ticket for one in found], today)
        fresh = [one for one in found if (one.ticket, one.kind) not in done]
        for one in fresh:
            note(connection, one.ticket, SYSTEM, one.kind, now, days=one.days, due_on=one.due_on, to=one.handler)
        expired = _expire(connection, today, now)
    counts = Counter(one.kind for one in fresh)
    return Recorded(*(counts[kind] for kind in KINDS), expired, missing_years(catalog, today))


def missing_years(catalog: Catalog, today: date) -> tuple[int, ...]:
    """Years a deadline given today may reach, whose holidays nobody has entered: dates in them are assumed."""
    policy = catalog.tickets
    return catalog.workdays.after(today, max(policy.days.values()) + policy.extension_days).assumed


def _noted_on(connection: sa.Connection, names: Sequence[str], today: date) -> set[tuple[str, str]]:
    """(ticket, kind) that have their event of that day. The tickets are locked: who runs at the same time waits, then sees it."""
    found: set[tuple[str, str]] = set()
    for at in range(0, len(names), 500):
        some = names[at : at + 500]
        connection.execute(sa.select(ticket.c.ticket).where(ticket.c.ticket.in_(some)).with_for_update()).all()
        wanted = (ticket_event.c.ticket.in_(some), ticket_event.c.act.in_(KINDS))
        last = sa.select(ticket_event.c.ticket, ticket_event.c.act, sa.func.max(ticket_event.c.at).label("at")).where(*wanted)
        for row in connection.execute(last.group_by(ticket_event.c.ticket, ticket_event.c.act)):
            if row.at.astimezone(SHANGHAI).date() == today:
                found.add((row.ticket, row.act))
    return found


def _expire(connection: sa.Connection, today: date, now: datetime) -> int:
    overdue = sa.select(ticket.c.ticket).where(ticket.c.due_on < today.isoformat())
    ended = sa.update(provisional).where(provisional.c.ended_at.is_(None), provisional.c.ticket.in_(overdue))
    return connection.execute(ended.values(ended="expired", ended_at=now)).rowcount
