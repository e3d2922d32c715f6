"""Tickets as they stood at an instant, from what happened until then: what a bulletin of a past month says must not change afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

import sqlalchemy as sa

from catalogs.model import Catalog
from quality.store.tables_tickets import ticket, ticket_event
from quality.tickets.deadlines import PAUSED, SHANGHAI
from quality.tickets.states import Act, Standing, State


@dataclass(frozen=True)
class Past:
    """One ticket at the instant. `corrected` and `reopened` count rows since it was opened, `lately` those reopened since `since`."""

    number: int
    body: str
    handler: str
    division: str
    due_on: date
    state: State
    corrected: int
    reopened: int
    lately: int

    @property
    def open(self) -> bool:
        return self.state is not State.CLOSED

    def overdue(self, today: date) -> bool:
        """Past its day, and the body's turn: not in review, not in dispute."""
        return self.state not in PAUSED and self.due_on < today


def standing_at(connection: sa.Connection, catalog: Catalog, at: datetime, since: datetime) -> Iterator[Past]:
    """Every ticket opened before `at`, by number."""
    opened = {row.ticket: row for row in connection.execute(sa.select(ticket).where(ticket.c.opened_at < at))}
    mine = sa.select(ticket.c.ticket).where(ticket.c.opened_at < at)
    happened = sa.select(ticket_event).where(ticket_event.c.ticket.in_(mine), ticket_event.c.at < at)
    events = {
        name: list(lines)
        for name, lines in groupby(connection.execute(happened.order_by(ticket_event.c.ticket, ticket_event.c.id)), lambda one: one.ticket)
    }
    for row in sorted(opened.values(), key=lambda one: one.number):
        yield _past(catalog, row, events.get(row.ticket, []), since)


def _past(catalog: Catalog, row: sa.Row, events: list[sa.Row], since: datetime) -> Past:
    rows = _rows(events)
    standing = Standing(
        State.CLOSED if _last(events, (Act.WITHDRAW, Act.OVERTURN, Act.ANSWER)) else State.ISSUED,
        disputed=_last(events, (Act.OBJECT, Act.UPHOLD, Act.OVERTURN)) == Act.OBJECT,
        open=rows["open"], corrected=rows["waiting"], closed=rows["closed"],
    )  # fmt: skip
    return Past(
        row.number, row.body, _handler(row, events), row.division, _due(catalog, row, events), standing.state,
        rows["corrected"], rows["reopened"], _sum(events, "reopened", since),
    )  # fmt: skip


def _rows(events: Iterable[sa.Row]) -> Mapping[str, int]:
    """Rows by where they are, and how many were corrected and reopened so far."""
    found = {name: _sum(events, name) for name in ("corrected", "reopened")}
    # A request for correction is about one row, and its event does not say so.
    held = sum(int(one.figures.get("rows", 1)) for one in events if one.act in ("open", "added"))
    closed, back = _sum(events, "rows", acts=(Act.CONFIRM,)), _sum(events, "rows", acts=(Act.REJECT,))
    still = held - found["corrected"] + found["reopened"] + back
    # A reopened row was waiting or closed before; which one the event does not say: what waits is never fewer than none.
    waiting = max(0, held - still - closed)
    return found | {"open": still, "waiting": waiting, "closed": held - still - waiting}


def _sum(events: Iterable[sa.Row], name: str, since: datetime | None = None, acts: tuple[str, ...] = ()) -> int:
    wanted = (one for one in events if (since is None or one.at >= since) and (not acts or one.act in acts))
    return sum(int(one.figures.get(name, 0)) for one in wanted)


def _last(events: Iterable[sa.Row], acts: tuple[Act, ...]) -> str | None:
    found = [one.act for one in events if one.act in acts]
    return found[-1] if found else None


def _handler(row: sa.Row, events: Iterable[sa.Row]) -> str:
    moved = [one.figures["to"] for one in events if one.act == Act.TRANSFER and one.figures.get("to")]
    return moved[-1] if moved else row.body


def _due(catalog: Catalog, row: sa.Row, events: Iterable[sa.Row]) -> date:
    """As it was then: an extension granted later does not count yet."""
    granted = [one.figures["due_on"] for one in events if one.act == Act.GRANT and one.figures.get("due_on")]
    if granted:
        return date.fromisoformat(granted[-1])
    first = catalog.workdays.after(row.opened_at.astimezone(SHANGHAI).date(), catalog.tickets.days[row.kind])
    return first.day
