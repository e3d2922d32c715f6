"""`/quality/rules/{rule}`: what a rule says, how it went, which bodies' rows fail it now, and the tickets it led to."""

from __future__ import annotations

import json

import sqlalchemy as sa
from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response

from catalogs.model import Catalog, Resource, Rule
from quality import changes, findings, totals, trends
from quality.board import lists, sheets
from quality.board.overview import SPANS
from quality.board.sheets import Cell, Column, Format, Sheet, link
from quality.board.surroundings import Surroundings
from quality.board.words import FINDINGS, SEVERITIES, STATUSES
from quality.board.words import msgid as _
from quality.findings import Past
from quality.responsible import title
from quality.rulebook import rulebook
from quality.tickets import summary


def router(around: Surroundings) -> APIRouter:
    made = APIRouter(include_in_schema=False)

    @made.get("/quality/rules/{rule}")
    def page(request: Request, rule: str, days: int = 90, format: Format = "html", table: str = "") -> Response:
        with around.database.connect() as connection:
            house = around.current(connection)
            # A rule that is switched off still has a history.
            known = defined(house.catalog, rule) or defined(around.catalog, rule)
            if known is None or days not in SPANS:
                raise HTTPException(404)
            one, resource = known
            found = _gather(house, connection, one, resource, days)
            altered = _changed(around, request, connection, one)
        tables = found.pop("tables")
        sent = sheets.answer(list(tables.values()), format, table, rule)
        spans = [(span, _("近 {} 天").format(span)) for span in SPANS]
        return sent or around.render(
            request, "rule.html", rule=one, resource=resource, tables=tables,
            definition=[*_definition(house.catalog, one, resource), *altered],
            fields=[{"name": "days", "title": _("时段"), "value": days, "options": spans}],
            links={name: sheets.exports(request.url, sheet) for name, sheet in tables.items()}, **found,
        )  # fmt: skip

    return made


def defined(catalog: Catalog, rule: str) -> tuple[Rule, Resource] | None:
    """A rule of the catalogue, or one the engine adds, with its resource."""
    for resource in catalog.resources.values():
        for one in rulebook(resource, catalog).rules:
            if one.id == rule:
                return one, resource
    return None


def _gather(around: Surroundings, connection: sa.Connection, one: Rule, resource: Resource, days: int) -> dict:
    catalog, now = around.catalog, around.now()
    past = findings.history(connection, resource.id, one.id, trends.midnight(trends.days_before(now, days)))
    standing = totals.standing_at(connection, [resource.id])
    batches = [line.batch for line in standing]
    each = findings.of_batches(connection, batches).get(one.id)
    current = findings.together(each) if each else None
    return {
        "tables": {
            "bodies": _bodies(around, one, batches if current and current.failed else []),
            "history": _history(past), "tickets": lists.tickets(catalog, summary.of_rule(connection, one.id, resource.id)),
        },
        "current": current, "state": FINDINGS[current.state] if current else "", "tone": current.state if current else "silent",
        "share": sheets.text_of(current.share, "share") if current else sheets.NOTHING,
        "quarantine": link("/quality/quarantine", resource=resource.id, rule=one.id, batch=findings.worst_batch(each) if each else ""),
        "summary": _("每批未通过的记录数，共 {} 批").format(len(past)),
    }  # fmt: skip


def _definition(catalog: Catalog, one: Rule, resource: Resource) -> list[tuple[str, str, str]]:
    indicator = catalog.indicators[one.indicator]
    found = [
        (_("编号"), one.id, ""),
        (_("数据资源"), resource.title, f"/quality/resources/{resource.id}"),
        (_("字段"), lists.of_fields(resource, one), ""),
        (_("指标"), f"{one.indicator} {indicator.title}（{catalog.dimensions[indicator.dimension]}）", ""),
        (_("处置"), SEVERITIES[one.severity], ""),
        (_("检查方法"), one.check, ""),
    ]
    if one.params:
        found.append((_("参数"), json.dumps(dict(one.params), ensure_ascii=False), ""))
    return [*found, (_("依据"), one.source, ""), (_("起用"), one.since, "")]


def _changed(around: Surroundings, request: Request, connection: sa.Connection, one: Rule) -> list[tuple[str, str, str]]:
    """What was changed of the rule over the catalogue's files, and the way to a change for those who may propose one."""
    valid = [change for change in changes.approved(connection, one.resource) if any(edit.name == one.id for edit in change.edits)]
    found = [(_("变更"), _("变更 {}").format(change.number), f"/quality/changes/{change.number}") for change in valid[-1:]]
    policy = around.catalog.access.of("POST", "/quality/changes")
    if policy and policy.roles & around.person(request).roles and any(one.id == rule.id for rule in around.catalog.rules[one.resource]):
        found.append((_("调整"), _("提出变更"), link("/quality/changes/new", resource=one.resource, target=one.id)))
    return found


def _bodies(around: Surroundings, one: Rule, batches: list[str]) -> Sheet:
    """Who has failing rows now, most first, with the ways on to rows and tickets."""
    found = findings.by_body(around.catalog, batches, [one.id], lake=around.lake, database=around.database) if batches else []
    rows = []
    for _rule, body, batch, number in sorted(found, key=lambda part: -part[3]):
        name, query = title(around.catalog, body), {"resource": one.resource, "rule": one.id, "body": body}
        rows.append({
            "body": name, "rows": number, "batch": Cell(batch, f"/quality/batches/{batch}"),
            "lines": Cell(_("看问题行"), link("/quality/quarantine", **query, batch=batch), label=_("{}的问题行").format(name)),
            "tickets": Cell(_("看工单"), link("/quality/tickets", **query), label=_("{}的工单").format(name)),
        })  # fmt: skip
    columns = [
        Column("body", _("责任单位")), Column("rows", _("问题行数"), "number"), Column("batch", _("批次"), "code"),
        Column("lines", _("问题行"), "word"), Column("tickets", _("工单"), "word"),
    ]  # fmt: skip
    return Sheet("bodies", _("现在的问题行"), columns, rows, empty=_("现在没有记录违反这条规则"))


def _history(past: list[Past]) -> Sheet:
    rows = [
        {
            "day": one.checked_at, "failed": one.finding.failed, "evaluated": one.finding.evaluated, "share": one.finding.share,
            "state": Cell(FINDINGS[one.finding.state], tone=lists.TONES.get(one.finding.state, ""), note=one.finding.detail),
            "batch": Cell(one.batch, f"/quality/batches/{one.batch}"), "status": STATUSES[one.status],
        }
        for one in past
    ]  # fmt: skip
    columns = [
        Column("day", _("检查时间"), "instant"), Column("failed", _("未通过"), "number"),
        Column("evaluated", _("已评记录"), "number"), Column("share", _("通过率"), "share"), Column("state", _("结果"), "word"),
        Column("batch", _("批次"), "code"), Column("status", _("批次结果"), "word"),
    ]  # fmt: skip
    return Sheet("history", _("历次结果"), columns, rows, empty=_("这一时段没有检查"), chart="bar")
