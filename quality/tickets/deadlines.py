"""Who has to be reminded of which ticket today, what is overdue, and what goes to the supervisor. Counted in working days."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from catalogs.model import Catalog
from quality.store.tables_tickets import ticket
from quality.tickets.states import State

SHANGHAI = ZoneInfo("Asia/Shanghai")
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
    query = sa.select(ticket).where(ticket.c.state.not_in(PAUSED)).order_by(ticket.c.due_on, ticket.c.number)
    for row in connection.execute(query):
        days = catalog.workdays.between(today, date.fromisoformat(row.due_on))
        if kind := _kind(catalog, days):
            yield Warned(row.ticket, row.number, row.handler, row.due_on, days, kind)


def _kind(catalog: Catalog, days: int) -> str | None:
    if days < 0:
        return "escalate" if -days >= catalog.tickets.escalate_after else "overdue"
    return "remind" if days in catalog.tickets.remind_before or days == 0 else None
