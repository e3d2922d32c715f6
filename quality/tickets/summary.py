"""How many tickets there are, by state, resource, rule or batch: what pages about scores say of tickets. Listing them is the desk's."""

from __future__ import annotations

import sqlalchemy as sa

from quality.store.tables_tickets import ticket
from quality.tickets.states import State


def by_state(connection: sa.Connection, **where: str) -> dict[State, int]:
    """State → tickets, for columns with these values (resource, rule, body, handler, batch)."""
    query = sa.select(ticket.c.state, sa.func.count()).group_by(ticket.c.state)
    for name, value in where.items():
        query = query.where(ticket.c[name] == value)
    counts = {State(state): number for state, number in connection.execute(query)}
    return {state: counts[state] for state in State if state in counts}


def open_by(connection: sa.Connection, column: str, **where: str) -> dict[str, int]:
    """Value of the column (resource, rule, handler) → tickets that are not closed."""
    query = sa.select(ticket.c[column], sa.func.count()).where(ticket.c.closed_at.is_(None)).group_by(ticket.c[column])
    for name, value in where.items():
        query = query.where(ticket.c[name] == value)
    return {value: number for value, number in connection.execute(query)}


def of_rule(connection: sa.Connection, rule: str, resource: str, limit: int = 20) -> list[sa.Row]:
    """The rule's tickets, open ones first, newest first."""
    query = sa.select(ticket).where(ticket.c.rule == rule, ticket.c.resource == resource)
    return list(connection.execute(query.order_by(ticket.c.closed_at.is_not(None), ticket.c.number.desc()).limit(limit)))


def of_batch(connection: sa.Connection, batch: str) -> list[sa.Row]:
    """Tickets opened from the batch, by number."""
    return list(connection.execute(sa.select(ticket).where(ticket.c.batch == batch).order_by(ticket.c.number)))
