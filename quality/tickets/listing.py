"""Tickets as lists show them: filtered, newest first, each with how urgent it is; and what a body or a department has in all."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from catalogs.model import Catalog
from quality.store.tables_tickets import ticket
from quality.tickets.deadlines import warnings
from quality.tickets.states import State

PAGE = 50
OPEN = tuple(one for one in State if one is not State.CLOSED)
ALL_OPEN = "open"
"""As a state: every ticket that is not closed."""


@dataclass(frozen=True)
class Filter:
    """What is asked for; '' = any. `state`: a State, or `open`; `body`: who has the ticket; `urgency`: remind | overdue | escalate."""

    state: str = ""
    rule: str = ""
    resource: str = ""
    body: str = ""
    batch: str = ""
    urgency: str = ""


@dataclass(frozen=True)
class Listed:
    line: sa.Row
    urgency: str
    """remind | overdue | escalate, '' = none of them."""


@dataclass(frozen=True)
class Page:
    tickets: tuple[Listed, ...]
    total: int
    next_before: int | None
    """`before` of the next page."""


def page(connection: sa.Connection, catalog: Catalog, asked: Filter, now: datetime, *, before: int = 0, size: int = PAGE) -> Page:
    """Tickets with a number below `before` (0 = from the newest)."""
    urgent = urgency(connection, catalog, now)
    where = _where(asked, urgent)
    total = connection.scalar(sa.select(sa.func.count()).select_from(ticket).where(*where)) or 0
    if before:
        where.append(ticket.c.number < before)
    lines = connection.execute(sa.select(ticket).where(*where).order_by(ticket.c.number.desc()).limit(size + 1)).all()
    shown = tuple(Listed(line, urgent.get(line.ticket, "")) for line in lines[:size])
    return Page(shown, total, shown[-1].line.number if len(lines) > size else None)


def urgency(connection: sa.Connection, catalog: Catalog, now: datetime) -> dict[str, str]:
    """Ticket → remind | overdue | escalate, of those that are one of them today."""
    return {one.ticket: one.kind for one in warnings(connection, catalog, now)}


def _where(asked: Filter, urgent: dict[str, str]) -> list[sa.ColumnElement[bool]]:
    columns = {ticket.c.rule: asked.rule, ticket.c.resource: asked.resource, ticket.c.handler: asked.body, ticket.c.batch: asked.batch}
    where = [column == value for column, value in columns.items() if value]
    if asked.state:
        where.append(ticket.c.state.in_(OPEN) if asked.state == ALL_OPEN else ticket.c.state == asked.state)
    if asked.urgency:
        # Whatever is to be escalated is overdue too.
        kinds = {"overdue": ("overdue", "escalate")}.get(asked.urgency, (asked.urgency,))
        where.append(ticket.c.ticket.in_([name for name, kind in urgent.items() if kind in kinds]))
    return where


@dataclass(frozen=True)
class Load:
    """What one body has of one resource."""

    body: str
    resource: str
    open: int
    overdue: int
    rows_open: int
    rows_corrected: int


def loads(
    connection: sa.Connection, catalog: Catalog, now: datetime, *, bodies: Collection[str] = (), resources: Iterable[str] = ()
) -> list[Load]:  # fmt: skip
    """Open tickets of these bodies or of these resources, by body and resource, the most overdue first."""
    urgent = urgency(connection, catalog, now)
    where = sa.or_(ticket.c.handler.in_(list(bodies)), ticket.c.resource.in_(list(resources)))
    found: dict[tuple[str, str], list[sa.Row]] = {}
    for line in connection.execute(sa.select(ticket).where(where, ticket.c.closed_at.is_(None))):
        found.setdefault((line.handler, line.resource), []).append(line)
    made = [
        Load(
            body, resource, len(lines),
            sum(urgent.get(line.ticket) in ("overdue", "escalate") for line in lines),
            sum(line.rows_open for line in lines), sum(line.rows_corrected for line in lines),
        )
        for (body, resource), lines in found.items()
    ]  # fmt: skip
    return sorted(made, key=lambda one: (-one.overdue, -one.open, one.body, one.resource))


def numbered(connection: sa.Connection, number: int) -> sa.Row | None:
    """The ticket of that number."""
    return connection.execute(sa.select(ticket).where(ticket.c.number == number)).one_or_none()
