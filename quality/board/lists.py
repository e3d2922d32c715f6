"""Tables more than one page shows: deliveries with their balance, what rules found, tickets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa

from catalogs.model import Catalog, Resource, Rule
from quality import totals
from quality.board.sheets import Cell, Column, Sheet, link
from quality.board.words import FINDINGS, SEVERITIES, STATUSES
from quality.board.words import msgid as _
from quality.findings import FAILED, Finding
from quality.responsible import title
from quality.tickets.states import TITLES, State
from quality.totals import Total

TONES = {"failed": "poor", "errored": "fair", "passed": "best"}
"""How a finding's state looks; it is said in words beside."""


def deliveries(catalog: Catalog, found: Sequence[Total], name: str, total: int | None = None) -> Sheet:
    """Deliveries with their balance."""
    rows = [
        {
            "batch": Cell(one.batch, f"/quality/batches/{one.batch}"), "resource": named(catalog, one.resource),
            "checked_at": one.checked_at, "status": Cell(STATUSES[one.status], tone="poor" if one.status == totals.STOPPED else ""),
            **{count: one.counts[count] for count in ("read", "trusted", "quarantined", "superseded", "deleted")},
            "balance": Cell(_("平") if one.balanced else _("不平"), tone="" if one.balanced else "poor"),
        }
        for one in found
    ]  # fmt: skip
    columns = [
        Column("batch", _("批次"), "code"), Column("resource", _("数据资源")), Column("checked_at", _("检查时间"), "instant"),
        Column("status", _("结果"), "word"), *(Column(count, words, "number") for count, words in BALANCE),
        Column("balance", _("收支"), "word"),
    ]  # fmt: skip
    return Sheet("batches", name, columns, rows, empty=_("还没有批次"), total=total)


BALANCE = (
    ("read", _("读入")), ("trusted", _("可信")), ("quarantined", _("隔离")), ("superseded", _("取代")),
    ("deleted", _("删除")),
)  # fmt: skip


def named(catalog: Catalog, resource: str) -> str:
    """Title of a resource, also of one the catalogue has no more."""
    return catalog.resources[resource].title if resource in catalog.resources else resource


def of_fields(resource: Resource, rule: Rule) -> str:
    """Titles of the fields a rule looks at; 整条记录 where it looks at all."""
    titles = {one.name: one.title for one in resource.fields}
    return "、".join(titles.get(name, name) for name in rule.fields) or _("整条记录")


def finding_cells(one: Finding) -> dict[str, object]:
    """A rule's state and figures, by the columns of `finding_columns`."""
    return {
        "state": Cell(FINDINGS[one.state], tone=TONES.get(one.state, ""), note=one.detail if one.errored else ""),
        "evaluated": one.evaluated, "failed": one.failed, "undefined": one.undefined, "share": one.share,
    }  # fmt: skip


def finding_columns() -> list[Column]:
    return [
        Column("state", _("结果"), "word"), Column("evaluated", _("已评记录"), "number"), Column("failed", _("未通过"), "number"),
        Column("undefined", _("不适用"), "number"), Column("share", _("通过率"), "share"),
    ]  # fmt: skip


def rule_rows(
    catalog: Catalog, resource: Resource, rules: Iterable[Rule], found: Mapping[str, Finding], batches: Mapping[str, str], body: str = ""
) -> list[dict]:
    """One line a rule; `batches`: rule → the batch its failing rows are shown of."""
    rows = []
    for rule in rules:
        one = found.get(rule.id)
        if one is None:
            continue
        words = _("{} 的问题行").format(rule.id)
        query = {"resource": resource.id, "batch": batches.get(rule.id, ""), "rule": rule.id, "body": body}
        lines = Cell(_("看问题行"), link("/quality/quarantine", **query), label=words) if one.state == FAILED else ""
        rows.append({
            "field": of_fields(resource, rule), "rule": Cell(rule.sentence, f"/quality/rules/{rule.id}"), "id": rule.id,
            "indicator": Cell(rule.indicator, note=catalog.indicators[rule.indicator].title),
            "severity": SEVERITIES.get(one.severity, one.severity), **finding_cells(one), "rows": lines,
        })  # fmt: skip
    return rows


def rule_columns() -> list[Column]:
    return [
        Column("field", _("字段")), Column("rule", _("规则")), Column("indicator", _("指标")),
        Column("severity", _("处置"), "word"), *finding_columns(), Column("rows", _("问题行"), "word"),
    ]  # fmt: skip


def tickets(catalog: Catalog, found: Iterable[sa.Row]) -> Sheet:
    """Tickets of a rule or a batch."""
    rows = [
        {
            "number": Cell(str(one.number), f"/quality/tickets/{one.number}", label=_("工单 {}").format(one.number)),
            "body": title(catalog, one.body), "rule": one.rule, "state": TITLES[State(one.state)], "opened_at": one.opened_at,
            "due_on": one.due_on, "open": one.rows_open, "corrected": one.rows_corrected, "closed": one.rows_closed,
        }
        for one in found
    ]  # fmt: skip
    columns = [
        Column("number", _("工单")), Column("body", _("责任单位")), Column("rule", _("规则"), "code"),
        Column("state", _("状态"), "word"), Column("opened_at", _("下发时间"), "instant"), Column("due_on", _("办理期限"), "word"),
        Column("open", _("待整改"), "number"), Column("corrected", _("待复核"), "number"),
        Column("closed", _("已关闭"), "number"),
    ]  # fmt: skip
    return Sheet("tickets", _("工单"), columns, rows, empty=_("没有工单"))
