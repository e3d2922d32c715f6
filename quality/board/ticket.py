"""`/quality/tickets/{number}`: one ticket, what may be done with it now, its rows side by side, what happened so far."""

from __future__ import annotations

from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from quality.board.sheets import link
from quality.board.showing import ROW_STATES, After, Number, only, purpose
from quality.board.surroundings import Held, Person, Surroundings
from quality.board.ticket_acts import acts_of, carry_out
from quality.board.ticket_views import event_shown, facts, provisionals, requests, rows_csv, shown_rows, suggested, ticket_of
from quality.board.tickets import URGENCIES, shown_ticket
from quality.board.words import ORGAN
from quality.bodies import known, names
from quality.responsible import title
from quality.store.tables_tickets import ticket_event
from quality.tickets.listing import Listed, urgency
from quality.tickets.rows import PAGE, page
from quality.tickets.states import STEPS, Act, RowState

Text = Annotated[str, Form()]
SAID = {one: STEPS[one].title for one in Act} | {f"{word}-issuing": title for word, title in ORGAN.items()}


def router(around: Surroundings) -> APIRouter:
    made = APIRouter(include_in_schema=False)

    @made.get("/quality/tickets/{number}")
    def show(request: Request, number: Number, state: str = "", after: After = 0, said: str = "") -> Response:
        return ticket_page(around, request, number, state=state, after=after, said=said)

    @made.post("/quality/tickets/{number}/acts")
    def act(
        request: Request, number: Number, act: Text, reason: Text = "", comment: Text = "", to: Text = "", scope: Text = "",
        row: Annotated[list[int] | None, Form()] = None,
    ) -> Response:  # fmt: skip
        line = ticket_of(around, request, number)
        rows = None if scope == "all" else tuple(sorted(set(row or ())))
        errors = carry_out(around, around.person(request), line, act, reason, comment, to, rows)
        if errors:
            return ticket_page(around, request, number, errors=errors, filled={"act": act, "comment": comment, "reason": reason, "to": to})
        return RedirectResponse(f"/quality/tickets/{number}?said={act}", status_code=303)

    @made.post("/quality/tickets/{number}/export")
    def export(request: Request, number: Number, whole: Text = "", purpose_code: Text = "", why: Text = "") -> Response:
        line = ticket_of(around, request, number)
        said = purpose(around, purpose_code, why) if whole else None
        if said and said.errors:
            return ticket_page(around, request, number, errors=said.errors, filled={"act": "export", "why": said.reason})
        given = {"purpose": said.code, "reason": said.reason} if said else {}
        around.audit(request, "quality.export", ticket=number, masked=int(not whole), **given)
        return rows_csv(around, line, whole=bool(whole))

    return made


def ticket_page(
    around: Surroundings, request: Request, number: int, *, state: str = "", after: int = 0, said: str = "", errors: dict | None = None,
    filled: dict | None = None,
) -> Response:  # fmt: skip
    line, person = ticket_of(around, request, number), around.person(request)
    wanted = RowState(state) if state in ROW_STATES else None
    with around.database.connect() as connection:
        rows = page(connection, around.lake, line.ticket, after=max(after, 0), count=PAGE + 1, state=wanted)
        events = connection.execute(sa.select(ticket_event).where(ticket_event.c.ticket == line.ticket).order_by(ticket_event.c.id)).all()
        urgent = urgency(connection, around.catalog, around.now()).get(line.ticket, "")
        codes = known(connection, around.catalog) if Act.TRANSFER in (acts := acts_of(connection, person, line)) else set()
    listed, last = rows[:PAGE], rows[PAGE - 1].row if len(rows) > PAGE else 0
    return around.render(
        request, "ticket.html", status=422 if errors else 200, line=line, **facts(around, line),
        ticket=shown_ticket(around, Listed(line, urgent)), acts=[(one, STEPS[one]) for one in acts],
        reasons=around.catalog.tickets.reasons, handlers=names(around.catalog, codes - {line.handler}), row_states=ROW_STATES, asked=state,
        rows=list(zip(listed, shown_rows(around, line, listed), strict=True)), advice=suggested(around, line, listed),
        next=link(f"/quality/tickets/{number}", state=state, after=last) if last else "",
        events=[event_shown(around, one) for one in events], said=SAID.get(said, ""), errors=errors or {},
        filled=filled or {}, purposes=around.catalog.tickets.purposes, urgencies=URGENCIES, can_open=person.sees(line.body),
        board=not only(person),
        given=provisionals(around, line, listed), requests=requests(around, line, whole=False), held=_held(around, person, line.ticket),
    )  # fmt: skip


def _held(around: Surroundings, person: Person, name: str) -> list[tuple[Held, str, bool]]:
    """What waits for an issuing organ's word, the organ's name, and whether this person may give it."""
    found = around.issuing.held(name) if around.issuing else []
    return [(one, title(around.catalog, one.organ), person.body == one.organ) for one in found]
