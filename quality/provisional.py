"""暂行更正 as others may know of them: that a value is given for the time being, of which field, and until when. Never the value.

A provisional value lies beside the source's data and is part of no license: who shows a license says that one is pending. It ends when
the source delivers, when its ticket ends, or the day after the ticket's due date.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from quality.store.tables_tickets import provisional, ticket


@dataclass(frozen=True)
class Pending:
    """`field`: of the resource; `until`: the last day it counts, ISO."""

    license: str
    resource: str
    field: str
    until: str


def license_of(identifier: str) -> str:
    """What stays of a license's identifier from version to version: all but version and check character."""
    return identifier.rsplit(".", 2)[0]


def standing(today: date) -> sa.ColumnElement[bool]:
    """That an edit, joined with its ticket, counts on that day."""
    return sa.and_(provisional.c.ended_at.is_(None), ticket.c.closed_at.is_(None), ticket.c.due_on >= today.isoformat())


def pending(connection: sa.Connection, today: date, licenses: Collection[str] | None = None) -> list[Pending]:
    """Of these licenses (`license_of`), or of all; by license and field. `today`: in Shanghai."""
    wanted = [provisional.c.license != ""] if licenses is None else [provisional.c.license.in_(licenses)]
    columns = (provisional.c.license, provisional.c.resource, provisional.c.field, ticket.c.due_on)
    query = sa.select(*columns).join(ticket, ticket.c.ticket == provisional.c.ticket).where(standing(today), *wanted)
    return [Pending(*row) for row in connection.execute(query.order_by(provisional.c.license, provisional.c.field))]
