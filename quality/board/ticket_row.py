"""`/quality/tickets/{number}/rows/{row}`: one row of a ticket: every value, the rule, suggestions, the license, 暂行更正.

Values are masked until somebody says what for; a provisional value is given by the body that has the ticket, and shown like the row's own.
"""

from __future__ import annotations

from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from quality.board.showing import ROW_STATES, Filled, Number, local, only, purpose
from quality.board.surroundings import Surroundings
from quality.board.ticket_views import facts, provisionals, requests, row_of, shown_rows, suggested, ticket_of
from quality.board.words import msgid
from quality.failed_rows import opened
from quality.tickets import provisional
from quality.tickets.provisional import Edit, EditRefused
from quality.tickets.rows import TicketRow
from quality.tickets.states import Kind, Role, RowState

Text = Annotated[str, Form()]
REFUSALS = {
    "NOT_AT_WORK": msgid("工单签收后、整改期间才能暂行更正"),
    "OVERDUE": msgid("工单已过期限，暂行更正不再有效，请先申请延期"),
    "ROW_NOT_OPEN": msgid("这条记录源头已经交付，不需要暂行更正"),
    "FIELD_UNKNOWN": msgid("没有这个字段"),
    "VALUE_TOO_LONG": msgid("内容过长，请控制在 1000 字以内"),
    "NOTHING_CHANGED": msgid("没有填写新的内容，或与源数据相同"),
    "STILL_FAILS": msgid("按这个内容仍然通不过规则，请核对"),
}


def router(around: Surroundings) -> APIRouter:
    made = APIRouter(include_in_schema=False)

    @made.get("/quality/tickets/{number}/rows/{row}")
    def one(request: Request, number: Number, row: Number, said: str = "") -> Response:
        return row_page(around, request, number, row, said=said)

    @made.post("/quality/tickets/{number}/rows/{row}")
    def unmask(request: Request, number: Number, row: Number, purpose_code: Text = "", why: Text = "") -> Response:
        said = purpose(around, purpose_code, why)
        line = ticket_of(around, request, number)
        if said.errors:
            return row_page(around, request, number, row, errors=said.errors, why=said.reason)
        row_of(around, line, row)
        around.audit(request, "quality.unmask", ticket=number, row=row, purpose=said.code, reason=said.reason)
        return row_page(around, request, number, row, whole=True)

    @made.post("/quality/tickets/{number}/rows/{row}/provisional")
    def edit(request: Request, number: Number, row: Number, form: Filled) -> Response:
        line, person = ticket_of(around, request, number), around.person(request)
        found = row_of(around, line, row)
        if Role.BODY not in person.roles or person.body != line.handler:
            raise HTTPException(404)
        given = {name[6:]: str(value).strip() for name, value in form.multi_items() if name.startswith("value-") and str(value).strip()}
        back = str(form.get("withdraw", ""))
        issued = around.issued(line.resource, [found.key] if found.key else [])
        identifier = issued[found.key].identifier if found.key in issued else ""
        asked = Edit(line.ticket, row, {back: ""} if back else given, person.acting(Role.BODY), identifier)
        try:
            if back:
                provisional.withdraw(asked, database=around.database, now=around.now())
            else:
                provisional.edit(around.catalog, asked, lake=around.lake, database=around.database, now=around.now())
        except EditRefused as refusal:
            return row_page(around, request, number, row, errors={"provisional-title": REFUSALS[refusal.code]})
        except KeyError:
            raise HTTPException(404) from None
        return RedirectResponse(f"/quality/tickets/{number}/rows/{row}?said={'withdrawn' if back else 'given'}", status_code=303)

    return made


def row_page(
    around: Surroundings, request: Request, number: int, row: int, *, whole: bool = False, errors: dict | None = None, why: str = "",
    said: str = "",
) -> Response:  # fmt: skip
    line, person = ticket_of(around, request, number), around.person(request)
    found = row_of(around, line, row)
    (view,) = shown_rows(around, line, [found], whole=whole)
    return around.render(
        request, "ticket_row.html", status=422 if errors else 200, line=line, row=found, view=view, whole=whole, **facts(around, line),
        advice=suggested(around, line, [found], whole=whole).get(found.row, []), said=said, board=not only(person),
        given=provisionals(around, line, [found], whole=whole).get(found.row, []), requests=requests(around, line, whole=whole),
        edits=_edits(person.roles, person.body, line, found),
        row_states=ROW_STATES, failed=_failed(around, line, found), errors=errors or {}, why=why,
        purposes=around.catalog.tickets.purposes, changed_at=local(found.changed_at), corrected=found.state != RowState.OPEN,
    )  # fmt: skip


def _edits(roles: frozenset[str], body: str | None, line: sa.Row, row: TicketRow) -> bool:
    """Whether this person may give provisional values here now."""
    at_work = line.state in provisional.AT_WORK and row.state == RowState.OPEN and bool(row.values)
    return Role.BODY in roles and body == line.handler and line.kind != Kind.DELIVERY and at_work


def _failed(around: Surroundings, line: sa.Row, row: TicketRow) -> tuple[str, int] | None:
    """(batch, number) of the failing row behind it: in the batch that failed it last, else in the one the ticket was opened for."""
    batch = row.batch if row.state == RowState.OPEN else line.batch
    if not row.values:
        return None
    try:
        with opened(around.lake, around.catalog, around.database, batch) as rows:
            number = rows.number_of(batch, line.rule, row.key, row.origin)
    except KeyError:
        return None
    return None if number is None else (batch, number)
