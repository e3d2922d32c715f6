"""`/quality/batches/{batch}`: its stages with times, its balance, what each rule found, the GX result, the publication, what was issued."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import sqlalchemy as sa
from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import FileResponse, Response

from quality import changes, findings, gx_runs, publications, retention
from quality.board import lists, sheets
from quality.board.sheets import Cell, Column, Format, Sheet, link
from quality.board.surroundings import Issued, Surroundings
from quality.board.words import FINDINGS, GATE, LICENSES, STAGES, STATUSES
from quality.board.words import msgid as _
from quality.publications import Publication
from quality.report import BatchReport
from quality.rulebook import rulebook
from quality.store import tables
from quality.tickets import summary
from quality.tickets.failing import REMOVED

SAMPLED = 100
"""Rows of a batch whose licenses are looked up for the page."""


def router(around: Surroundings) -> APIRouter:
    made = APIRouter(include_in_schema=False)

    @made.get("/quality/batches/{batch}")
    def page(request: Request, batch: str, state: str = "", format: Format = "html", table: str = "") -> Response:
        with around.database.connect() as connection:
            row = _row(connection, batch)
            published = publications.of_batch(connection, batch)
            # By the rules and weights it was checked with.
            then = replace(around, catalog=changes.went_by(around.catalog, connection, row.report.get("changes", ())))
            found = _gather(then, connection, row, state)
        report = BatchReport(**row.report)
        keys = publications.keys_of_batch(around.lake, published, SAMPLED) if published else []
        issued = around.issued(row.resource, keys)
        tables_ = found | {"stages": _stages(row, report), "balance": _balance(report), "issued": _issued(issued)}
        sent = sheets.answer(list(tables_.values()), format, table, batch)
        return sent or around.render(
            request, "batch.html", batch=row, title=lists.named(around.catalog, row.resource), outcome=STATUSES[row.status],
            report=report, tables=tables_, facts=_facts(around, row, report, published), looked=len(keys),
            issued=sorted(Counter(LICENSES.get(one.status, one.status) for one in issued.values()).items()), fields=_fields(state),
            gx=f"/quality/batches/{batch}/gx" if stored_run(around.lake.root, row) else "",
            tally=around.issuing.tally(row.resource, published.number) if around.issuing and published else None,
            removed=link("/quality/quarantine", resource=row.resource, batch=batch, rule=REMOVED) if report.removed else "",
            links={name: sheets.exports(request.url, sheet) for name, sheet in tables_.items()},
        )  # fmt: skip

    @made.get("/quality/batches/{batch}/gx")
    def gx_result(batch: str) -> Response:
        with around.database.connect() as connection:
            path = stored_run(around.lake.root, _row(connection, batch))
        if path is None:
            raise HTTPException(404)
        return FileResponse(path, media_type="application/json", filename=f"{batch}-gx.json")

    return made


def _row(connection: sa.Connection, batch: str) -> sa.Row:
    """Raises HTTPException for what was never checked."""
    row = connection.execute(sa.select(tables.batch).where(tables.batch.c.batch == batch)).one_or_none()
    if row is None:
        raise HTTPException(404)
    return row


def stored_run(lake: Path, row: sa.Row) -> Path | None:
    """The batch's result in the Great Expectations store; counts and rule ids, no values."""
    found = sorted((lake / gx_runs.FOLDER).glob(f"gx/uncommitted/validations/{row.resource}/{row.batch}/*/{row.batch}.json"))
    return found[-1] if found else None


def _gather(around: Surroundings, connection: sa.Connection, row: sa.Row, state: str) -> dict[str, Sheet]:
    catalog = around.catalog
    each = findings.of_batches(connection, [row.batch])
    found = {rule: findings.together(one) for rule, one in each.items()}
    resource = catalog.resources.get(row.resource)
    known = list(rulebook(resource, catalog).rules) if resource else []
    wanted = [rule for rule in known if rule.id in found and state in ("", found[rule.id].state)]
    rows = lists.rule_rows(catalog, resource, wanted, found, dict.fromkeys(found, row.batch)) if resource else []
    rows.sort(key=lambda one: -(one["failed"] or 0))
    approvals = connection.execute(sa.select(tables.approval).where(tables.approval.c.batch == row.batch).order_by(tables.approval.c.id))
    tickets = summary.of_batch(connection, row.batch)
    return {
        "rules": Sheet("rules", _("规则结果"), lists.rule_columns(), rows, empty=_("没有规则结果")),
        "gate": _gate(row, approvals.all()),
        "tickets": lists.tickets(catalog, tickets),
    }


def _gate(row: sa.Row, approvals: Sequence[sa.Row]) -> Sheet:
    """What spoke against publishing, and who let it through."""
    by = {name: f"{one.name}（{one.reason}）" for one in approvals for name in one.figures}
    rows = [
        {
            "name": GATE.get(one["name"], one["name"]), "figure": f"{one['figure']:.6g}", "limit": f"{one['limit']:.6g}",
            "by": by.get(one["name"], ""),
        }
        for one in row.reasons
    ]  # fmt: skip
    columns = [
        Column("name", _("发现")),
        Column("figure", _("数值"), "word"),
        Column("limit", _("上限"), "word"),
        Column("by", _("放行人")),
    ]
    return Sheet("gate", _("发布前检查"), columns, rows, empty=_("没有拦截的理由"))


def _stages(row: sa.Row, report: BatchReport) -> Sheet:
    """When it landed, when it was checked, and the seconds of each stage of the check."""
    landed = retention.landed_at(row.batch)
    whole = sum(report.seconds.values())
    rows = [{"stage": _("落地"), "at": landed, "seconds": None, "share": None}]
    rows += [
        {"stage": STAGES.get(name, name), "at": None, "seconds": taken, "share": taken / whole if whole else None}
        for name, taken in report.seconds.items()
    ]
    rows.append({"stage": _("检查完成"), "at": row.checked_at, "seconds": whole, "share": None})
    columns = [
        Column("stage", _("环节")), Column("at", _("时间"), "instant"), Column("seconds", _("用时"), "seconds"),
        Column("share", _("占比"), "share"),
    ]  # fmt: skip
    return Sheet("stages", _("处理环节"), columns, rows)


def _balance(report: BatchReport) -> Sheet:
    rows = [{"what": words, "rows": getattr(report, name)} for name, words in lists.BALANCE]
    parts = report.trusted + report.quarantined + report.superseded + report.deleted
    even = report.read == parts
    rows.append(
        {"what": _("可信 + 隔离 + 取代 + 删除"), "rows": Cell(parts, note=_("平") if even else _("不平"), tone="" if even else "poor")}
    )
    rows += [
        {"what": _("其中带提示的可信记录"), "rows": report.warned},
        {"what": _("上次有、本次缺失的记录"), "rows": report.removed},
        {"what": _("沿用上次的记录"), "rows": report.carried},
    ]
    return Sheet("balance", _("收支"), [Column("what", _("去向")), Column("rows", _("记录数"), "number")], rows)


def _issued(issued: Mapping[str, Issued]) -> Sheet:
    """Licenses made of the batch's first rows. Identifiers, never keys."""
    rows = [
        {
            "identifier": Cell(one.identifier or _("尚未制发"), one.url if one.identifier else ""), "version": one.version or None,
            "status": LICENSES.get(one.status, one.status),
        }
        for one in issued.values()
    ]  # fmt: skip
    rows.sort(key=lambda one: (one["status"], one["identifier"].value))
    columns = [Column("identifier", _("证照标识"), "code"), Column("version", _("版本"), "number"), Column("status", _("状态"), "word")]
    return Sheet("issued", _("由本批次记录制发的证照"), columns, rows, empty=_("本批次的记录没有制发证照"))


def _facts(around: Surroundings, row: sa.Row, report: BatchReport, published: Publication | None) -> list[tuple[str, str, str]]:
    published_as = _("没有发布")
    if published is not None:
        published_as = _("第 {} 次发布，发布后共 {:,} 条").format(published.number, published.counts["rows"])
    elif report.noop:
        published_as = _("与第 {} 次发布相同，不再发布").format(report.publication)
    return [
        (_("数据资源"), lists.named(around.catalog, row.resource), f"/quality/resources/{row.resource}"),
        (_("分区"), row.partition or sheets.NOTHING, ""),
        (_("数据截至"), sheets.text_of(row.as_of, "instant"), ""),
        (_("检查时间"), sheets.text_of(row.checked_at, "instant"), ""),
        (_("操作人"), row.operator, ""),
        (_("发布"), published_as, ""),
        (_("目录版本"), row.catalog_version, ""),
        (_("权重版本"), (row.weights or {}).get("version", sheets.NOTHING), ""),
        (_("规则变更"), "、".join(f"{number}" for number in report.changes) or sheets.NOTHING, ""),
    ]


def _fields(state: str) -> list[dict]:
    return [{"name": "state", "title": _("结果"), "value": state, "options": [("", _("全部结果")), *FINDINGS.items()]}]
