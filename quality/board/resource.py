"""`/quality/resources/{resource}`: fields × rules, indicators, trend, sizes and freshness; with `body`, what fails at that body alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response

from catalogs.model import Resource, Rule
from quality import findings, scores, totals, trends
from quality.board import lists, sheets
from quality.board.overview import SPANS
from quality.board.sheets import Cell, Column, Format, Sheet, link
from quality.board.surroundings import Surroundings
from quality.board.words import FINDINGS, SEVERITIES, WAYS
from quality.board.words import msgid as _
from quality.findings import Finding
from quality.responsible import title
from quality.rulebook import rulebook
from quality.scores import Scored
from quality.tickets import summary
from quality.totals import Total

BATCHES = 30


@dataclass(frozen=True)
class Filters:
    body: str = ""
    indicator: str = ""
    state: str = ""
    severity: str = ""
    days: int = 90


def router(around: Surroundings) -> APIRouter:
    made = APIRouter(include_in_schema=False)

    @made.get("/quality/resources/{resource}")
    def page(
        request: Request, resource: str, body: str = "", indicator: str = "", state: str = "", severity: str = "", days: int = 90,
        format: Format = "html", table: str = "",
    ) -> Response:  # fmt: skip
        one, filters = around.catalog.resources.get(resource), Filters(body, indicator, state, severity, days)
        if one is None or days not in SPANS:
            raise HTTPException(404)
        with around.database.connect() as connection:
            house = around.current(connection)
            found = _gather(house, connection, one, filters)
        tables, bodies = found.pop("tables"), found.pop("bodies")
        sent = sheets.answer(list(tables.values()), format, table, resource)
        return sent or around.render(
            request, "resource.html", resource=one, filters=filters, tables=tables, fields=_fields(house, one, bodies, filters),
            links={name: sheets.exports(request.url, sheet) for name, sheet in tables.items()}, legend=sheets.LEGEND, **found,
        )  # fmt: skip

    return made


def _gather(around: Surroundings, connection: sa.Connection, one: Resource, filters: Filters) -> dict:
    catalog, now = around.catalog, around.now()
    standing = totals.standing_at(connection, [one.id])
    arrived = totals.standing_at(connection, [one.id], statuses=totals.ARRIVED)
    scored = scores.now(connection, catalog, one.id)
    since = trends.days_before(now, filters.days)
    lines = list(totals.lines(connection, resources=[one.id], since=trends.midnight(since)))
    points = trends.scores(connection, [one.id], since)[one.id]
    trend = Sheet("trend", _("得分趋势"), [Column("day", _("日期"), "day"), Column("score", _("得分"), "figure")],
                  [{"day": point.day, "score": point.score} for point in reversed(points)], chart="lines",
                  empty=_("这一时段没有已发布的批次"))  # fmt: skip
    score = scored.score(body=filters.body or None) if scored else None
    return {
        "tables": {
            "rules": _rules(around, connection, one, standing, filters), "indicators": _indicators(around, scored, filters.body),
            "trend": trend, "volume": _volume(lines),
            "batches": lists.deliveries(catalog, list(reversed(lines))[:BATCHES], _("批次"), total=len(lines)),
        },
        "facts": _facts(around, one, arrived, standing, now),
        "score": sheets.text_of(score, "score"), "band": getattr(scores.band(score), "name", ""),
        "body": title(catalog, filters.body) if filters.body else "", "counted": _counted(around, filters.indicator),
        "bodies": sorted({place.code for place in scored.by_body}) if scored else [],
        "tickets": sum(summary.open_by(connection, "resource", resource=one.id).values()),
        "summary": _("{}得分趋势，共 {} 天").format(one.title, len(points)),
    }  # fmt: skip


def _counted(around: Surroundings, indicator: str) -> str:
    """What A and B of the indicator asked for are; '' for none."""
    one = around.catalog.indicators.get(indicator)
    return f"{one.code} {one.title}：{WAYS[one.counts]}" if one else ""


def _facts(around: Surroundings, one: Resource, arrived: Sequence[Total], standing: Sequence[Total], now: datetime) -> list[tuple]:
    fresh = trends.freshness(one, arrived, now)
    department = around.catalog.departments.get(one.department)
    late = _("，未按周期更新") if fresh.late else ""
    return [
        (_("提供部门"), department.name if department else one.department, ""),
        (_("更新周期"), one.update_cycle, ""),
        (_("数据截至"), sheets.text_of(fresh.as_of, "instant") + late, ""),
        (_("距今"), _("{:,.0f} 小时").format(fresh.hours) if fresh.hours is not None else sheets.NOTHING, ""),
        (_("在用记录"), f"{sum(line.counts['trusted'] + line.counts['carried'] for line in standing):,}", ""),
    ]


def _rules(around: Surroundings, connection: sa.Connection, one: Resource, standing: Sequence[Total], filters: Filters) -> Sheet:
    """Fields × rules: one line a rule, in the order of the fields."""
    catalog = around.catalog
    by_batch = findings.of_batches(connection, [line.batch for line in standing])
    found = {rule: findings.together(each) for rule, each in by_batch.items()}
    batches = {rule: findings.worst_batch(each) for rule, each in by_batch.items()}
    rules = [
        rule for rule in _ordered(one, rulebook(one, catalog).rules) if rule.id in found and _wanted(around, rule, found[rule.id], filters)
    ]
    columns, extra = lists.rule_columns(), {}
    if filters.body:
        extra, batches = _at_body(around, standing, [rule.id for rule in rules if found[rule.id].failed], filters.body, batches)
        rules = [rule for rule in rules if not filters.state or extra.get(rule.id)]
        columns = [*columns[:-1], Column("here", _("本单位问题行"), "number"), columns[-1]]
    rows = lists.rule_rows(catalog, one, rules, found, batches, filters.body)
    if filters.body:
        rows = [_here(row, extra.get(row["id"], 0)) for row in rows]
        rows.sort(key=lambda row: -row["here"].value)
    return Sheet("rules", _("字段 × 规则"), columns, rows, empty=_("没有符合筛选条件的规则"))


def _here(row: dict, number: int) -> dict:
    return row | {"here": Cell(number, tone="poor" if number else ""), **({} if number else {"rows": ""})}


def _at_body(
    around: Surroundings, standing: Sequence[Total], failing: Sequence[str], body: str, batches: Mapping[str, str]
) -> tuple[dict[str, int], dict[str, str]]:
    """Rule → failing rows of the body, rule → batch with most of them."""
    rows: dict[str, dict[str, int]] = {}
    if failing:
        listed = [line.batch for line in standing]
        for rule, code, batch, number in findings.by_body(around.catalog, listed, failing, lake=around.lake, database=around.database):
            if code == body:
                rows.setdefault(rule, {})[batch] = number
    return {rule: sum(each.values()) for rule, each in rows.items()}, {
        **batches,
        **{rule: max(each, key=lambda name: each[name]) for rule, each in rows.items()},
    }


def _ordered(one: Resource, rules: Sequence[Rule]) -> list[Rule]:
    """By the first field they look at; those of the whole row first."""
    order = {field.name: at for at, field in enumerate(one.fields)}
    return sorted(rules, key=lambda rule: order.get(rule.fields[0], len(order)) if rule.fields else -1)


def _wanted(around: Surroundings, rule: Rule, found: Finding, filters: Filters) -> bool:
    if filters.indicator and filters.indicator != rule.indicator:
        indicator = around.catalog.indicators.get(filters.indicator)
        # Dirty is what any rejecting rule rejects.
        if indicator is None or indicator.counts != "dirty" or found.severity != "reject":
            return False
    return filters.state in ("", found.state) and filters.severity in ("", found.severity)


def _indicators(around: Surroundings, scored: Scored | None, body: str) -> Sheet:
    """All twenty: raw X = A / B, the normalised figure and the weight."""
    measures = scored.measures(body=body or None) if scored else {}
    rows = []
    for code, one in around.catalog.indicators.items():
        found = measures.get(code)
        rows.append({
            "indicator": Cell(f"{code} {one.title}", link("", indicator=code, body=body) + "#rules"),
            "dimension": around.catalog.dimensions[one.dimension], "good": _("越高越好") if one.good == "high" else _("越低越好"),
            "a": found.satisfied if found else None, "b": found.evaluated if found else None, "raw": found.raw if found else None,
            "normalised": found.normalised if found else None, "weight": scored.weights.get(code) if scored else None,
            "errored": found.errored if found else None, "skipped": found.skipped if found else None,
        })  # fmt: skip
    columns = [
        Column("indicator", _("指标")), Column("dimension", _("维度")), Column("good", _("方向")), Column("a", "A", "number"),
        Column("b", "B", "number"), Column("raw", "X = A / B", "share"), Column("normalised", _("得分"), "score"),
        Column("weight", _("权重"), "number"), Column("errored", _("出错规则"), "number"),
        Column("skipped", _("未执行规则"), "number"),
    ]  # fmt: skip
    return Sheet("indicators", _("二十项指标（GB/T 36344）"), columns, rows)


def _volume(lines: Sequence[Total]) -> Sheet:
    """Rows of each day's deliveries by what became of them, newest first."""
    days: dict = {}
    for one in lines:
        if one.status != totals.NOOP:
            day = days.setdefault(trends.day_of(one.checked_at), dict.fromkeys(("trusted", "quarantined", "superseded", "deleted"), 0))
            for name in day:
                day[name] += one.counts[name]
    columns = [Column("day", _("日期"), "day"), *(Column(name, words, "number") for name, words in lists.BALANCE[1:])]
    rows = [{"day": day, **days[day]} for day in sorted(days, reverse=True)]
    return Sheet("volume", _("交付量"), columns, rows, empty=_("这一时段没有交付"), chart="bars")


def _fields(around: Surroundings, one: Resource, bodies: Sequence[str], filters: Filters) -> list[dict]:
    catalog = around.catalog
    codes = sorted({rule.indicator for rule in rulebook(one, catalog).rules})
    if filters.body and filters.body not in bodies:
        bodies = [*bodies, filters.body]
    options = {
        "body": (_("责任单位"), [("", _("全部单位")), *((code, title(catalog, code)) for code in bodies)]),
        "indicator": (_("指标"), [("", _("全部指标")), *((code, f"{code} {catalog.indicators[code].title}") for code in codes)]),
        "state": (_("结果"), [("", _("全部结果")), *FINDINGS.items()]),
        "severity": (_("处置"), [("", _("全部")), *SEVERITIES.items()]),
        "days": (_("趋势时段"), [(days, _("近 {} 天").format(days)) for days in SPANS]),
    }
    return [{"name": name, "title": words, "value": getattr(filters, name), "options": given} for name, (words, given) in options.items()]
