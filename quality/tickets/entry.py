"""A new ticket's line, and whether there is one already: for failing rows, failing deliveries and requests for correction alike."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from catalogs.model import Catalog
from quality.job import SHANGHAI
from quality.store.tables_tickets import ticket
from quality.tickets.states import Kind, Standing


@dataclass(frozen=True)
class Case:
    """What a ticket is about: at most one is open for it."""

    rule: str
    resource: str
    body: str
    division: str
    batch: str
    kind: Kind = Kind.RULE
    subject: str = ""
    """License of a request for correction."""

    @property
    def where(self) -> sa.ColumnElement[bool]:
        """Tickets of this case, closed ones included."""
        names = ("rule", "resource", "body", "subject")
        return sa.and_(*(ticket.c[name] == getattr(self, name) for name in names))


def standing_open(connection: sa.Connection, case: Case, *, lock: bool = False) -> str | None:
    """The case's open ticket. `lock`: nobody ends it before this transaction is over; one that was ended meanwhile is not found."""
    query = sa.select(ticket.c.ticket).where(case.where, ticket.c.closed_at.is_(None))
    return connection.scalar(query.with_for_update() if lock else query)


def insert(writing: sa.Connection, catalog: Catalog, case: Case, name: str, now: datetime, actor: str) -> tuple[int, ...]:
    """The line of a fresh ticket; returns the years whose holidays were assumed. Raises IntegrityError where somebody was faster."""
    due = catalog.workdays.after(now.astimezone(SHANGHAI).date(), catalog.tickets.days[case.kind])
    number = (writing.scalar(sa.select(sa.func.max(ticket.c.number))) or 0) + 1
    fresh = Standing(kind=case.kind)
    line = {name: getattr(case, name) for name in ("rule", "resource", "body", "division", "batch", "kind", "subject")}
    standing = {"phase": fresh.phase, "state": fresh.state, "returned": False, "disputed": False, "extension_asked": False}
    counts = {"rows_open": 0, "rows_corrected": 0, "rows_closed": 0}
    opened = {"ticket": name, "number": number, "handler": case.body, "opened_by": actor, "opened_at": now, "due_on": due.day.isoformat()}
    writing.execute(sa.insert(ticket).values(line | standing | counts | opened))
    return due.assumed
