"""`/quality/tickets/{number}`: one ticket, what may be done with it now, its rows side by side, what happened so far.

A row has a page of its own: every value, the rule, the suggestion, the license, and the form that shows it unmasked.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from quality.board.sheets import link
from quality.board.showing import ROW_STATES, RowShown, local, own, purpose, rule_of, shown
from quality.board.surroundings import Surroundings
from quality.board.ticket_acts import acts_of, carry_out
from quality.board.tickets import PAUSED, URGENCIES, shown_ticket
from quality.bodies import department, known, names
from quality.duplicates import SEPARATOR
from quality.failed_rows import opened
from quality.quarantine import export as write_csv
from quality.responsible import title
from quality.store.tables_tickets import ticket_event
from quality.tickets.listing import Listed, numbered, urgency
from quality.tickets.rows import PAGE, TicketRow, page
from quality.tickets.states import STEPS, Act, RowState
from quality.tickets.suggest import suggest
from quality.values import Cell, Veil

Text = Annotated[str, Form()]


@dataclass(frozen=True)
class Advice:
    """What a cell should probably say, and why."""

    cell: Cell
    why: str


EVENTS = {"open": "下发", "added": "追加记录", "settled": "随批次核对", "reopened": "重新打开"}
"""What the system does, as people read it; acts of people have their titles."""


def router(around: Surroundings) -> APIRouter:
    made = APIRouter(include_in_schema=False)

    @made.get("/quality/tickets/{number}")
    def show(request: Request, number: int, state: str = "", after: int = 0, said: str = "") -> Response:
        return ticket_page(around, request, number, state=state, after=after, said=said)

    @made.post("/quality/tickets/{number}/acts")
    def act(
        request: Request, number: int, act: Text, reason: Text = "", comment: Text = "", to: Text = "", scope: Text = "",
        row: Annotated[list[int] | None, Form()] = None,
    ) -> Response:  # fmt: skip
        line = ticket_of(around, request, number)
        rows = None if scope == "all" else tuple(sorted(set(row or ())))
        errors = carry_out(around, around.person(request), line, act, reason, comment, to, rows)
        if errors:
            return ticket_page(around, request, number, errors=errors, filled={"act": act, "comment": comment, "reason": reason, "to": to})
        return RedirectResponse(f"/quality/tickets/{number}?said={act}", status_code=303)

    @made.get("/quality/tickets/{number}/rows/{row}")
    def one(request: Request, number: int, row: int) -> Response:
        return row_page(around, request, number, row)

    @made.post("/quality/tickets/{number}/rows/{row}")
    def unmask(request: Request, number: int, row: int, purpose_code: Text = "", why: Text = "") -> Response:
        said = purpose(around, purpose_code, why)
        line = ticket_of(around, request, number)
        if said.errors:
            return row_page(around, request, number, row, errors=said.errors, why=said.reason)
        _row(around, line, row)
        around.audit(request, "quality.unmask", ticket=number, row=row, purpose=said.code, reason=said.reason)
        return row_page(around, request, number, row, whole=True)

    @made.post("/quality/tickets/{number}/export")
    def export(request: Request, number: int, whole: Text = "", purpose_code: Text = "", why: Text = "") -> Response:
        line = ticket_of(around, request, number)
        said = purpose(around, purpose_code, why) if whole else None
        if said and said.errors:
            return ticket_page(around, request, number, errors=said.errors, filled={"act": "export", "why": said.reason})
        given = {"purpose": said.code, "reason": said.reason} if said else {}
        around.audit(request, "quality.export", ticket=number, masked=int(not whole), **given)
        return _csv(around, line, whole=bool(whole))

    return made


def ticket_of(around: Surroundings, request: Request, number: int) -> sa.Row:
    """Raises 404, also for a ticket of another body."""
    with around.database.connect() as connection:
        line = numbered(connection, number)
    if line is None or line.resource not in around.catalog.resources:
        raise HTTPException(404)
    own(around.person(request), line.handler)
    return line


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
        request, "ticket.html", status=422 if errors else 200, line=line, **_facts(around, line),
        ticket=shown_ticket(around, Listed(line, urgent)), acts=[(one, STEPS[one]) for one in acts],
        reasons=around.catalog.tickets.reasons, handlers=names(around.catalog, codes - {line.handler}), row_states=ROW_STATES, asked=state,
        rows=list(zip(listed, _shown(around, line, listed), strict=True)), advice=_suggested(around, line, listed),
        next=link(f"/quality/tickets/{number}", state=state, after=last) if last else "",
        events=[_event(around, one) for one in events], said=STEPS[Act(said)].title if said in set(Act) else "", errors=errors or {},
        filled=filled or {}, purposes=around.catalog.tickets.purposes, urgencies=URGENCIES, paused=line.state in PAUSED,
        can_open=person.sees(line.body),
    )  # fmt: skip


def _facts(around: Surroundings, line: sa.Row) -> dict[str, object]:
    resource = around.catalog.resources[line.resource]
    return {
        "rule": rule_of(around.catalog, line.resource, line.rule), "resource": resource, "body": title(around.catalog, line.body),
        "handler": title(around.catalog, line.handler), "department": department(around.catalog, line.resource),
        "titles": {one.source: one.title or one.source for one in resource.fields}, "number": line.number,
    }  # fmt: skip


def _shown(around: Surroundings, line: sa.Row, rows: list[TicketRow], *, whole: bool = False) -> list[RowShown]:
    given = ((one.row, one.key, one.origin, one.values, (line.rule,)) for one in rows)
    return shown(around, around.catalog.resources[line.resource], given, whole=whole)


def _suggested(around: Surroundings, line: sa.Row, rows: list[TicketRow], *, whole: bool = False) -> dict[int, list[Advice]]:
    """Row → what it should probably say, under the same veil as the row; nothing for rows that are corrected."""
    waiting, resource = [one for one in rows if one.state == RowState.OPEN], around.catalog.resources[line.resource]
    veil, found = Veil(resource), {}
    for one in suggest(
        around.catalog, line.resource, line.rule, waiting, lake=around.lake, database=around.database, now=around.now()
    ):  # fmt: skip
        field = resource.field(one.field)
        (cell,) = veil.cells({field.source: one.value}, whole=whole)
        # Why a value is suggested may repeat the value.
        found.setdefault(one.row, []).append(Advice(cell, one.why if not cell.hidden else ""))
    return found


def _event(around: Surroundings, event: sa.Row) -> dict[str, object]:
    """A line of the history. Figures are numbers and dates of the event's own."""
    what = STEPS[Act(event.act)].title if event.act in set(Act) else EVENTS.get(event.act, event.act)
    reasons = around.catalog.tickets.reasons.get(event.act, {})
    figures = event.figures or {}
    words = [
        text
        for name, text in (
            ("rows", f"{figures.get('rows')} 条记录"), ("corrected", f"{figures.get('corrected')} 条转待复核"),
            ("reopened", f"{figures.get('reopened')} 条重新打开"), ("due_on", f"新期限 {figures.get('due_on')}"),
            ("to", f"转给 {title(around.catalog, str(figures.get('to', '')))}"),
        )
        if figures.get(name)
    ]  # fmt: skip
    return {
        "title": what, "at": local(event.at), "actor": event.actor, "role": event.role, "reason": reasons.get(event.reason, event.reason),
        "comment": event.comment, "batch": event.batch, "figures": "，".join(words), "assumed": figures.get("assumed") or [],
    }  # fmt: skip


def _row(around: Surroundings, line: sa.Row, row: int) -> TicketRow:
    """Raises 404."""
    with around.database.connect() as connection:
        found = page(connection, around.lake, line.ticket, after=row - 1, count=1)
    if not found or found[0].row != row:
        raise HTTPException(404)
    return found[0]


def row_page(
    around: Surroundings, request: Request, number: int, row: int, *, whole: bool = False, errors: dict | None = None, why: str = ""
) -> Response:  # fmt: skip
    line = ticket_of(around, request, number)
    found = _row(around, line, row)
    (view,) = _shown(around, line, [found], whole=whole)
    return around.render(
        request, "ticket_row.html", status=422 if errors else 200, line=line, row=found, view=view, whole=whole, **_facts(around, line),
        advice=_suggested(around, line, [found], whole=whole).get(found.row, []),
        row_states=ROW_STATES, failed=_failed(around, line, found), errors=errors or {}, why=why,
        purposes=around.catalog.tickets.purposes, changed_at=local(found.changed_at), corrected=found.state != RowState.OPEN,
    )  # fmt: skip


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


def _csv(around: Surroundings, line: sa.Row, *, whole: bool) -> Response:
    resource = around.catalog.resources[line.resource]
    veil, rule, text = Veil(resource), rule_of(around.catalog, line.resource, line.rule), io.StringIO()

    def rows() -> Iterator[dict[str, str]]:
        after = 0
        with around.database.connect() as connection:
            while listed := page(connection, around.lake, line.ticket, after=after, count=5_000):
                after = listed[-1].row
                for one in listed:
                    key = (one.key or "").replace(SEPARATOR, "|") if whole else veil.key(one.key)
                    yield {
                        "序号": str(one.row), "状态": ROW_STATES[one.state], "来源": one.origin, "主键": key, "规则": line.rule,
                        "说明": rule.sentence,
                    } | {cell.header: cell.shown or "" for cell in veil.cells(one.values, whole=whole)}  # fmt: skip

    write_csv(rows, text)
    headers = {"Content-Disposition": f'attachment; filename="ticket-{line.number}.csv"'}
    return Response("\ufeff" + text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)
