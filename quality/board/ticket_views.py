"""What the pages of a ticket show: its facts, its rows with suggestions, what happened so far, and its rows as CSV."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from fastapi import HTTPException, Request
from fastapi.responses import Response

from quality.board.showing import ROW_STATES, RowShown, local, own, rule_of, shown, ticket_rule
from quality.board.surroundings import Surroundings
from quality.board.words import msgid
from quality.bodies import department
from quality.corrections import comments
from quality.duplicates import SEPARATOR
from quality.quarantine import export as write_csv
from quality.responsible import title
from quality.tickets.listing import numbered
from quality.tickets.provisional import Given, given_values
from quality.tickets.rows import TicketRow, page
from quality.tickets.states import STEPS, Act, Kind, RowState
from quality.tickets.suggest import suggest
from quality.values import Cell, Veil


@dataclass(frozen=True)
class Advice:
    """What a cell should probably say, and why."""

    cell: Cell
    why: str


EVENTS = {
    "open": msgid("下发"), "added": msgid("追加记录"), "joined": msgid("并入校核申请"), "settled": msgid("随批次核对"),
    "remind": msgid("到期提醒"), "overdue": msgid("超期提醒"), "escalate": msgid("超期上报"), "provisional": msgid("暂行更正"),
    "provisional withdrawn": msgid("撤回暂行更正"), "confirmed": msgid("发证机关确认签发"), "refused": msgid("发证机关不予确认"),
}  # fmt: skip
"""What the system and the issuing organ do, as people read it; acts on tickets have their titles."""


def ticket_of(around: Surroundings, request: Request, number: int) -> sa.Row:
    """Raises 404, also for a ticket of another body."""
    with around.database.connect() as connection:
        line = numbered(connection, number)
    if line is None or line.resource not in around.catalog.resources:
        raise HTTPException(404)
    own(around.person(request), line.handler)
    return line


def facts(around: Surroundings, line: sa.Row) -> dict[str, object]:
    resource = around.catalog.resources[line.resource]
    with around.database.connect() as connection:
        rule = ticket_rule(around.catalog, connection, line)
    return {
        "rule": rule, "has_rule": line.kind != Kind.CORRECTION, "resource": resource, "body": title(around.catalog, line.body),
        "handler": title(around.catalog, line.handler), "department": department(around.catalog, line.resource),
        "titles": {one.source: one.title or one.source for one in resource.fields}, "number": line.number,
    }  # fmt: skip


def shown_rows(around: Surroundings, line: sa.Row, rows: Sequence[TicketRow], *, whole: bool = False) -> list[RowShown]:
    with around.database.connect() as connection:
        rule = ticket_rule(around.catalog, connection, line)
    given = ((one.row, one.key, one.origin, one.values, (rule,)) for one in rows)
    return shown(around, around.catalog.resources[line.resource], given, whole=whole)


def suggested(around: Surroundings, line: sa.Row, rows: Sequence[TicketRow], *, whole: bool = False) -> dict[int, list[Advice]]:
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


@dataclass(frozen=True)
class Provisional:
    """A provisional value under the veil. `given` has who gave it and until when it counts."""

    cell: Cell
    given: Given


def provisionals(around: Surroundings, line: sa.Row, rows: Sequence[TicketRow], *, whole: bool = False) -> dict[int, list[Provisional]]:
    """Row → its 暂行更正."""
    resource = around.catalog.resources[line.resource]
    veil = Veil(resource)
    with around.database.connect() as connection:
        found = given_values(connection, around.lake, line.ticket, around.now(), [one.row for one in rows])
    return {
        row: [Provisional(veil.cells({resource.field(one.field).source: one.value}, whole=whole)[0], one) for one in values]
        for row, values in found.items()
    }


def requests(around: Surroundings, line: sa.Row, *, whole: bool) -> list[dict[str, object]]:
    """校核申请 of a ticket. What people wrote may say anything: it is shown like an unmasked value."""
    if line.kind != Kind.CORRECTION:
        return []
    doubts = around.catalog.tickets.doubts
    with around.database.connect() as connection:
        found = comments(connection, around.lake, line.ticket)
    return [
        {"by": one.asked_by, "at": local(one.asked_at), "named": one.named, "reason": doubts.get(one.reason, one.reason),
         "comment": text if whole else None, "erased": text is None}
        for one, text in found
    ]  # fmt: skip


def event_shown(around: Surroundings, event: sa.Row) -> dict[str, object]:
    """A line of the history. Figures are numbers and dates of the event's own."""
    what = STEPS[Act(event.act)].title if event.act in set(Act) else EVENTS.get(event.act, event.act)
    reasons = {**around.catalog.tickets.doubts, **around.catalog.tickets.reasons.get(event.act, {})}
    figures = event.figures or {}
    words = [
        text
        for name, text in (
            ("rows", f"{figures.get('rows')} 条记录"), ("corrected", f"{figures.get('corrected')} 条转待复核"),
            ("reopened", f"{figures.get('reopened')} 条重新打开"), ("issued", f"首次签发 {figures.get('issued')} 份"),
            ("versions", f"换发新版 {figures.get('versions')} 份"),
            ("due_on", f"{'新期限' if event.act == Act.GRANT else '期限'} {figures.get('due_on')}"),
            ("to", f"承办 {title(around.catalog, str(figures.get('to', '')))}"),
        )
        if figures.get(name)
    ]  # fmt: skip
    return {
        "title": what, "at": local(event.at), "actor": event.actor, "role": event.role, "reason": reasons.get(event.reason, event.reason),
        "comment": event.comment, "batch": event.batch, "figures": "，".join(words), "assumed": figures.get("assumed") or [],
    }  # fmt: skip


def row_of(around: Surroundings, line: sa.Row, row: int) -> TicketRow:
    """Raises 404."""
    with around.database.connect() as connection:
        found = page(connection, around.lake, line.ticket, after=row - 1, count=1)
    if not found or found[0].row != row:
        raise HTTPException(404)
    return found[0]


def rows_csv(around: Surroundings, line: sa.Row, *, whole: bool) -> Response:
    """Every row of the ticket; masked unless whole values were asked for, with a purpose, and logged."""
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
