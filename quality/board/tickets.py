"""`/quality/tickets`: who has what to correct, until when; what is due, overdue, escalated."""

from __future__ import annotations

import sqlalchemy as sa
from fastapi import APIRouter, Request
from fastapi.responses import Response

from quality.board.showing import After, days_left, filtered, local, only, rule_of
from quality.board.surroundings import Surroundings
from quality.board.words import WARNINGS, msgid
from quality.bodies import names
from quality.responsible import title
from quality.store.tables_tickets import ticket
from quality.tickets.listing import ALL_OPEN, Filter, Listed, page
from quality.tickets.states import TITLES, State

URGENCIES = WARNINGS
STATES = {ALL_OPEN: msgid("未关闭"), **TITLES}
PAUSED = (State.CLOSED, State.REVIEW, State.DISPUTED)


def router(around: Surroundings) -> APIRouter:
    made = APIRouter(include_in_schema=False)

    @made.get("/quality/tickets")
    def listing(
        request: Request, state: str = "", rule: str = "", resource: str = "", body: str = "", batch: str = "", urgency: str = "",
        before: After = 0, said: str = "",
    ) -> Response:  # fmt: skip
        mine = only(around.person(request))
        asked = Filter(
            state if state in STATES else "", rule, resource, mine or body, batch, urgency if urgency in URGENCIES else ""
        )  # fmt: skip
        with around.database.connect() as connection:
            found = page(connection, around.catalog, asked, around.now(), before=max(before, 0))
            options = _options(around, connection, mine)
        return around.render(
            request, "tickets.html", board=not mine, asked=asked, found=found, states=STATES, urgencies=URGENCIES, limited=mine, said=said,
            rows=[shown_ticket(around, one) for one in found.tickets],
            next=filtered(request, "/quality/tickets", before=found.next_before, said="") if found.next_before else "", **options,
        )  # fmt: skip

    return made


def shown_ticket(around: Surroundings, listed: Listed) -> dict[str, object]:
    """A ticket as a line of a list."""
    line = listed.line
    paused = line.state in PAUSED
    return {
        "line": line, "rule": rule_of(around.catalog, line.resource, line.rule), "resource": _title(around, line.resource),
        "body": title(around.catalog, line.handler), "state": TITLES[State(line.state)], "urgency": listed.urgency,
        "days": None if paused else days_left(around, line.due_on), "opened_at": local(line.opened_at),
    }  # fmt: skip


def _title(around: Surroundings, resource: str) -> str:
    found = around.catalog.resources.get(resource)
    return (found.title or found.id) if found else resource


def _options(around: Surroundings, connection: sa.Connection, mine: str) -> dict[str, dict[str, str]]:
    """What the filters offer: what there are tickets of."""
    where = [ticket.c.handler == mine] if mine else []
    pairs = connection.execute(sa.select(ticket.c.resource, ticket.c.rule).where(*where).distinct()).all()
    handlers = list(connection.scalars(sa.select(ticket.c.handler).where(*where).distinct()))
    return {
        "resources": {one: _title(around, one) for one in sorted({resource for resource, _ in pairs})},
        "rules": {rule: rule_of(around.catalog, resource, rule).sentence for resource, rule in sorted(pairs)},
        "bodies": names(around.catalog, handlers),
    }
