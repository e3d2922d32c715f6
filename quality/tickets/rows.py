"""A ticket's rows as people look at them: what the source said, page by page, in the order of their numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from connectors.lake import Lake
from quality.publications import reader
from quality.sql import commas, compose, literal, literals
from quality.store.tables_tickets import ticket_part, ticket_row
from quality.tickets.states import RowState

PAGE = 50


@dataclass(frozen=True)
class TicketRow:
    """`values`: source column → text as delivered when the row entered the ticket; empty where it was erased or outlived its retention."""

    row: int
    key: str | None
    origin: str
    values: Mapping[str, str | None]
    state: RowState
    batch: str
    changed_at: datetime
    reopened: int


def page(
    connection: sa.Connection, lake: Lake, ticket: str, *, after: int = 0, count: int = PAGE, state: RowState | None = None
) -> list[TicketRow]:
    """The next rows with a number above `after`; of one state alone if it is given. A row without a file (a delivery's) has no values."""
    wanted = [ticket_row.c.ticket == ticket, ticket_row.c.row > after]
    if state is not None:
        wanted.append(ticket_row.c.state == state)
    states = connection.execute(sa.select(ticket_row).where(*wanted).order_by(ticket_row.c.row).limit(count)).all()
    # Files of a ticket that was closed long ago are gone.
    named = connection.scalars(sa.select(ticket_part.c.path).where(ticket_part.c.ticket == ticket))
    parts = [one for one in named if (lake / one).is_file()]
    said = _said(lake, parts, [one.row for one in states])
    return [
        TicketRow(one.row, *said.get(one.row, (None, "", {})), RowState(one.state), one.batch, one.changed_at, one.reopened)
        for one in states
    ]


def _said(lake: Lake, parts: list[str], rows: list[int]) -> dict[int, tuple[str | None, str, Mapping[str, str | None]]]:
    if not parts or not rows:
        return {}
    query = compose(
        'SELECT "row", key, origin, "values" FROM read_parquet([{paths}]) WHERE "row" IN ({rows})',
        paths=literals(lake.named(lake / path) for path in parts), rows=commas(map(literal, rows)),
    )  # fmt: skip
    with reader(lake) as connection:
        return {row: (key, origin, json.loads(values)) for row, key, origin, values in connection.execute(query.text).fetchall()}
