"""`/quality/quarantine`: every failing row of a batch, with every rule it fails, masked; and what is done with them.

One click opens tickets for a rule of the batch. Export and unmasking are POST forms: each is on record before anything is shown.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from quality import totals
from quality.board.sheets import link
from quality.board.showing import (
    FATES,
    After,
    Number,
    RuleShown,
    filtered,
    local,
    only,
    own,
    purpose,
    resource_of,
    rule_of,
    shown,
    tickets_of,
)
from quality.board.surroundings import Surroundings
from quality.bodies import names
from quality.duplicates import SEPARATOR
from quality.failed_rows import FailedRow, Wanted, opened
from quality.quarantine import export as write_csv
from quality.responsible import title
from quality.store import tables
from quality.tickets.failing import REMOVED
from quality.tickets.listing import ALL_OPEN
from quality.tickets.opening import open_tickets
from quality.totals import Total
from quality.values import Veil

MOST_BATCHES = 60
Text = Annotated[str, Form()]


@dataclass(frozen=True)
class Asked:
    """The filters of the page, checked: what is not known is not asked for."""

    resource: str
    wanted: Wanted
    after: int
    batches: Sequence[Total]
    """The newest first; the one asked for among them."""


def router(around: Surroundings) -> APIRouter:
    made = APIRouter(include_in_schema=False)

    @made.get("/quality/quarantine")
    def browse(
        request: Request, resource: str = "", batch: str = "", rule: str = "", body: str = "", fate: str = "", after: After = 0
    ) -> Response:
        asked = _asked(around, request, resource, Wanted(batch, rule, body, fate), after)
        return _page(around, request, asked)

    @made.get("/quality/quarantine/{batch}/rows/{number}")
    def one(request: Request, batch: str, number: Number) -> Response:
        return _row(around, request, batch, number)

    @made.post("/quality/quarantine/{batch}/rows/{number}")
    def unmask(request: Request, batch: str, number: Number, purpose_code: Text = "", why: Text = "") -> Response:
        said = purpose(around, purpose_code, why)
        if said.errors:
            return _row(around, request, batch, number, errors=said.errors, why=said.reason)
        _found(around, request, batch, number)
        around.audit(request, "quality.unmask", batch=batch, row=number, purpose=said.code, reason=said.reason)
        return _row(around, request, batch, number, whole=True)

    @made.post("/quality/quarantine/export")
    def export(
        request: Request, batch: Text, rule: Text = "", body: Text = "", fate: Text = "", whole: Text = "", purpose_code: Text = "",
        why: Text = "",
    ) -> Response:  # fmt: skip
        asked = _asked(around, request, _resource_of_batch(around, batch), Wanted(batch, rule, body, fate), 0)
        said = purpose(around, purpose_code, why) if whole else None
        if said and said.errors:
            return _page(around, request, asked, errors=said.errors, why=said.reason)
        details = {"batch": batch, "rule": rule, "body": asked.wanted.body, "fate": fate, "masked": int(not whole)}
        around.audit(request, "quality.export", **details, **({"purpose": said.code, "reason": said.reason} if said else {}))
        return _csv(around, asked, whole=bool(whole))

    @made.post("/quality/quarantine/tickets")
    def tickets(request: Request, batch: Text, rule: Annotated[list[str], Form()]) -> Response:
        resource = _resource_of_batch(around, batch)
        known = {one.id for one in around.catalog.rules.get(resource, ())} | {REMOVED}
        if not rule or any(one not in known and not one.startswith(f"{resource}.engine.") for one in rule):
            raise HTTPException(422)
        open_tickets(
            around.catalog, batch, sorted(set(rule)), lake=around.lake, database=around.database, now=around.now(),
            actor=around.person(request).account,
        )  # fmt: skip
        only_rule = rule[0] if len(set(rule)) == 1 else None
        return RedirectResponse(link("/quality/tickets", state=ALL_OPEN, resource=resource, rule=only_rule, said="opened"), status_code=303)

    return made


def _resource_of_batch(around: Surroundings, batch: str) -> str:
    """Raises 404."""
    with around.database.connect() as connection:
        found = connection.scalar(sa.select(tables.batch.c.resource).where(tables.batch.c.batch == batch))
    if found is None or found not in around.catalog.resources:
        raise HTTPException(404)
    return found


def _asked(around: Surroundings, request: Request, resource: str, wanted: Wanted, after: int) -> Asked:
    """Staff of a body see its rows alone, whatever they ask for. Raises 404."""
    person = around.person(request)
    resource = resource or (_resource_of_batch(around, wanted.batch) if wanted.batch else "")
    if not resource:
        return Asked("", wanted, 0, ())
    with around.database.connect() as connection:
        batches = totals.newest(connection, MOST_BATCHES, [resource_of(around, resource).id])
        batch = wanted.batch or (batches[0].batch if batches else "")
        if batch and batch not in {one.batch for one in batches}:
            older = totals.of_batch(connection, batch)
            if older is None or older.resource != resource:
                raise HTTPException(404)
            batches.append(older)
    fate = wanted.fate if wanted.fate in FATES else ""
    return Asked(resource, Wanted(batch, wanted.rule, only(person) or wanted.body, fate), max(after, 0), batches)


def _page(around: Surroundings, request: Request, asked: Asked, *, errors: dict | None = None, why: str = "") -> Response:
    resource, wanted = asked.resource, asked.wanted
    context: dict[str, object] = {
        "resources": {one.id: one.title or one.id for one in around.catalog.resources.values()},
        "asked": asked, "fates": FATES, "batches": [(one.batch, local(one.as_of), one.counts["quarantined"]) for one in asked.batches],
        "bodies": {}, "rules": [], "rows": [], "page": None, "limited": (mine := only(around.person(request))), "board": not mine,
        "purposes": around.catalog.tickets.purposes, "errors": errors or {}, "why": why, "titles": {}, "next": "",
    }  # fmt: skip
    if wanted.batch:
        with around.database.connect() as connection:
            context["bodies"] = names(around.catalog, _bodies_of(connection, wanted))
            context["rules"] = _rules(around, connection, asked)
        with opened(around.lake, around.catalog, around.database, wanted.batch) as found:
            page = found.page(wanted, asked.after)
        context["page"] = page
        context["rows"] = _together(around, resource, page.rows)
        context["titles"] = _titles(around, resource)
        context["next"] = filtered(request, "/quality/quarantine", batch=wanted.batch, after=page.next_after) if page.next_after else ""
    return around.render(request, "quarantine.html", status=422 if errors else 200, **context)


def _together(around: Surroundings, resource: str, rows: Sequence[FailedRow]) -> list[tuple[FailedRow, object, str]]:
    """Each row, as shown, and the name of its body."""
    bodies = names(around.catalog, (one.body for one in rows))
    listed = shown(around, around.catalog.resources[resource], (_given(around, resource, one) for one in rows))
    return [(row, view, bodies[row.body]) for row, view in zip(rows, listed, strict=True)]


def _given(around: Surroundings, resource: str, row: FailedRow):
    return row.number, row.key, row.origin, row.values, [rule_of(around.catalog, resource, one) for one in row.rules]


def _titles(around: Surroundings, resource: str) -> dict[str, str]:
    return {one.source: one.title or one.source for one in around.catalog.resources[resource].fields}


def _bodies_of(connection: sa.Connection, wanted: Wanted) -> list[str]:
    return list(connection.scalars(sa.select(tables.score.c.body).where(tables.score.c.batch == wanted.batch).distinct()))


@dataclass(frozen=True)
class RuleCount:
    rule: RuleShown
    failed: int
    severity: str


def _rules(around: Surroundings, connection: sa.Connection, asked: Asked) -> list[RuleCount]:
    """Rules the batch's rows failed, the most first."""
    query = sa.select(tables.outcome).where(tables.outcome.c.batch == asked.wanted.batch, tables.outcome.c.failed > 0)
    rows = connection.execute(query.order_by(tables.outcome.c.failed.desc(), tables.outcome.c.rule)).all()
    kinds = {one.id: one.scope for one in around.catalog.rules.get(asked.resource, ())}
    found = [
        RuleCount(rule_of(around.catalog, asked.resource, row.rule), row.failed, row.severity)
        for row in rows
        if kinds.get(row.rule, "row") == "row" or row.failed
    ]
    removed = next((one.counts["removed"] for one in asked.batches if one.batch == asked.wanted.batch), 0)
    return found + ([RuleCount(rule_of(around.catalog, asked.resource, REMOVED), removed, REMOVED)] if removed else [])


def _found(around: Surroundings, request: Request, batch: str, number: Number) -> FailedRow:
    """Raises 404, also for a row of another body."""
    _resource_of_batch(around, batch)
    with opened(around.lake, around.catalog, around.database, batch) as rows:
        found = rows.one(batch, number)
    if found is None:
        raise HTTPException(404)
    own(around.person(request), found.body)
    return found


def _row(
    around: Surroundings, request: Request, batch: str, number: int, *, whole: bool = False, errors: dict | None = None, why: str = ""
) -> Response:  # fmt: skip
    found = _found(around, request, batch, number)
    resource = around.catalog.resources[_resource_of_batch(around, batch)]
    (view,) = shown(around, resource, [_given(around, resource.id, found)], whole=whole)
    with around.database.connect() as connection:
        tickets = tickets_of(connection, resource.id, found.rules, found.body)
    return around.render(
        request, "quarantine_row.html", status=422 if errors else 200, row=found, view=view, resource=resource, batch=batch, whole=whole,
        titles=_titles(around, resource.id), tickets=tickets, body=title(around.catalog, found.body), fates=FATES,
        purposes=around.catalog.tickets.purposes, errors=errors or {}, why=why, board=not only(around.person(request)),
    )  # fmt: skip


def _csv(around: Surroundings, asked: Asked, *, whole: bool) -> Response:
    """The rows asked for; masked unless whole values were asked for, with a purpose, and logged."""
    resource = around.catalog.resources[asked.resource]
    veil = Veil(resource)
    text = io.StringIO()
    with opened(around.lake, around.catalog, around.database, asked.wanted.batch) as found:

        def rows() -> Iterator[dict[str, str]]:
            for one in found.all(asked.wanted):
                rules = [rule_of(around.catalog, resource.id, rule) for rule in one.rules]
                key = (one.key or "").replace(SEPARATOR, "|") if whole else veil.key(one.key)
                yield {
                    "序号": str(one.number), "处理": FATES[one.fate], "来源": one.origin, "主键": key,
                    "规则": ";".join(one.rules), "说明": "；".join(rule.sentence for rule in rules),
                    "责任单位": title(around.catalog, one.body),
                } | {cell.header: cell.shown or "" for cell in veil.cells(one.values, whole=whole)}  # fmt: skip

        write_csv(rows, text)
    name = f"quarantine-{asked.wanted.batch}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    # The mark at the beginning is how spreadsheets know UTF-8.
    return Response("\ufeff" + text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)
