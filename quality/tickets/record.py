"""What every change of a ticket writes: an event, and the ticket's line as it follows from rows and events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from quality.store.tables_tickets import provisional, ticket, ticket_event, ticket_row
from quality.tickets.states import Kind, Role, RowState, Standing, State


@dataclass(frozen=True)
class Actor:
    name: str
    role: Role | str
    body: str = ""
    """Credit code, for staff of a body."""


SYSTEM = Actor("system", "system")


def note(
    connection: sa.Connection,
    name: str,
    actor: Actor,
    act: str,
    now: datetime,
    *,
    reason: str = "",
    comment: str = "",
    batch: str = "",
    **figures: object,
) -> None:
    """A line of what happened."""
    line = {"ticket": name, "at": now, "actor": actor.name, "role": str(actor.role), "act": str(act), "reason": reason, "comment": comment}
    connection.execute(sa.insert(ticket_event).values(**line, batch=batch, figures=figures))


def standing(row: sa.Row, counts: Mapping[str, int]) -> Standing:
    """From a ticket's line and its rows by state."""
    return Standing(
        State(row.phase), row.returned, row.disputed, row.extension_asked,
        counts.get(RowState.OPEN, 0), counts.get(RowState.CORRECTED, 0), counts.get(RowState.CLOSED, 0),
        Kind(row.kind),
    )  # fmt: skip


def locked(connection: sa.Connection, name: str) -> sa.Row:
    """The ticket's line, kept for this transaction. Raises KeyError."""
    row = connection.execute(sa.select(ticket).where(ticket.c.ticket == name).with_for_update()).one_or_none()
    if row is None:
        raise KeyError(name)
    return row


def counted(connection: sa.Connection, name: str) -> dict[str, int]:
    """Rows by state."""
    query = sa.select(ticket_row.c.state, sa.func.count()).where(ticket_row.c.ticket == name).group_by(ticket_row.c.state)
    return {state: number for state, number in connection.execute(query)}


def keep(connection: sa.Connection, name: str, now: datetime, **changed: object) -> sa.Row:
    """Writes what an act changed and what follows from it; returns the ticket's new line."""
    if changed:
        connection.execute(sa.update(ticket).where(ticket.c.ticket == name).values(**changed))
    row = locked(connection, name)
    found = standing(row, counted(connection, name))
    closed_at = None if found.state is not State.CLOSED else row.closed_at or now
    values = {"state": found.state, "rows_open": found.open, "rows_corrected": found.corrected, "rows_closed": found.closed}
    connection.execute(sa.update(ticket).where(ticket.c.ticket == name).values(**values, closed_at=closed_at))
    if closed_at is not None:
        end_provisional(connection, name, "closed", now)
    return connection.execute(sa.select(ticket).where(ticket.c.ticket == name)).one()


def end_provisional(
    connection: sa.Connection, name: str, why: str, now: datetime, *, rows: Sequence[int] | None = None, fields: Sequence[str] | None = None
) -> int:
    """Ends provisional values of a ticket: of all its rows and fields, or of these alone; returns how many stood."""
    ended = sa.update(provisional).where(provisional.c.ticket == name, provisional.c.ended_at.is_(None)).values(ended=why, ended_at=now)
    if fields is not None:
        ended = ended.where(provisional.c.field.in_(fields))
    if rows is None:
        return connection.execute(ended).rowcount
    return sum(connection.execute(ended.where(provisional.c.row.in_(rows[at : at + 500]))).rowcount for at in range(0, len(rows), 500))
