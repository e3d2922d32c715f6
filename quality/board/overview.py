"""`/quality`: how good the data is now, where it is falling, and what is being done about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response

from catalogs.model import Catalog
from quality import findings, heat, scores, totals, trends
from quality.board import lists, sheets
from quality.board.sheets import Cell, Column, Format, Sheet, link
from quality.board.surroundings import Surroundings
from quality.board.words import WARNINGS
from quality.board.words import msgid as _
from quality.responsible import place, title
from quality.scores import Scored
from quality.tickets import deadlines, summary
from quality.tickets.states import TITLES
from quality.totals import Total
from quality.trends import Point

SPANS = (30, 90, 365)
CHANGE_DAYS = 30
"""Over how many days a score's change is told."""
BODIES = 20
"""Bodies on a page of the heat map."""
BATCHES, OVERDUE = 50, 10
LATE = _("未按周期更新")


@dataclass(frozen=True)
class Filters:
    resource: str = ""
    division: str = ""
    days: int = 90
    page: int = 1

    def address(self, **changed: object) -> str:
        return link("/quality", **{"resource": self.resource, "division": self.division, "days": self.days} | changed)


@dataclass(frozen=True)
class Overview:
    """Everything the page shows."""

    now: Sheet
    trend: Sheet
    heat: Sheet
    batches: Sheet
    tickets: Sheet
    overdue: Sheet
    tiles: Sequence[tuple[str, str, str]]
    """(title, figure, address)"""
    divisions: Sequence[tuple[str, str]]
    pages: Sequence[tuple[int, str]]
    summary: str
    """The trend in a sentence."""


def router(around: Surroundings) -> APIRouter:
    made = APIRouter(include_in_schema=False)

    @made.get("/quality")
    def overview(
        request: Request, resource: str = "", division: str = "", days: int = 90, page: int = 1, format: Format = "html", table: str = ""
    ) -> Response:
        if (resource and resource not in around.catalog.resources) or days not in SPANS or page < 1 or not division.isascii():
            raise HTTPException(404)
        filters = Filters(resource, division, days, page)
        with around.database.connect() as connection:
            found = gather(connection, around.catalog, filters, around.now())
        tables = (found.now, found.trend, found.heat, found.batches, found.tickets, found.overdue)
        sent = sheets.answer(tables, format, table, "quality")
        return sent or around.render(
            request, "overview.html", overview=found, filters=filters, legend=sheets.LEGEND, fields=_fields(around.catalog, found, filters),
            links={one.name: sheets.exports(request.url, one) for one in tables},
        )  # fmt: skip

    return made


def _fields(catalog: Catalog, found: Overview, filters: Filters) -> list[dict]:
    """Of the filter form."""
    resources = [("", _("全部资源")), *((one.id, one.title) for one in catalog.resources.values())]
    spans = [(one, _("近 {} 天").format(one)) for one in SPANS]
    return [
        {"name": "resource", "title": _("数据资源"), "value": filters.resource, "options": resources},
        {"name": "division", "title": _("区划"), "value": filters.division, "options": [("", _("全部区划")), *found.divisions]},
        {"name": "days", "title": _("趋势时段"), "value": filters.days, "options": spans},
    ]


def gather(connection: sa.Connection, catalog: Catalog, filters: Filters, now: datetime) -> Overview:
    """All that the page asks of the database."""
    names = [filters.resource] if filters.resource else list(catalog.resources)
    standing: dict[str, list[Total]] = {name: [] for name in names}
    for one in totals.standing_at(connection, names, statuses=totals.ARRIVED):
        standing[one.resource].append(one)
    since = trends.days_before(now, max(filters.days, CHANGE_DAYS + 10))
    trend = trends.scores(connection, names, since)
    scored = scores.all_now(connection, catalog, names)
    opened = summary.open_by(connection, "resource")
    late = [one for one in deadlines.warnings(connection, catalog, now) if one.kind != "remind"]
    batches = _batches(connection, catalog, names, now)
    sheet_now = _now(connection, catalog, standing, trend, scored, opened, now)
    matrix, pages, divisions = _heat(catalog, scored, filters)
    return Overview(
        now=sheet_now, trend=_trend(catalog, trend, trends.days_before(now, filters.days)), heat=matrix, batches=batches,
        tickets=_tickets(connection, filters), overdue=_overdue(catalog, late), tiles=_tiles(sheet_now, batches, opened, late),
        divisions=divisions, pages=pages, summary=_sentence(catalog, trend),
    )  # fmt: skip


def _now(
    connection: sa.Connection, catalog: Catalog, standing: Mapping[str, Sequence[Total]], trend: Mapping[str, Sequence[Point]],
    scored: Sequence[Scored], opened: Mapping[str, int], now: datetime,
) -> Sheet:  # fmt: skip
    by_resource = {one.resource: one for one in scored}
    # A delivery equal to the head's has no findings of its own: what fails is what the head says.
    failing = findings.failing_rules(connection, [one.batch for one in totals.standing_at(connection, list(standing))])
    rows = []
    for name, lines in standing.items():
        resource, found = catalog.resources[name], by_resource.get(name)
        fresh = trends.freshness(resource, lines, now)
        page = f"/quality/resources/{name}"
        rows.append({
            "resource": Cell(resource.title, page), "score": found.score() if found else None,
            "change": _change(trend.get(name, ()), trends.day_of(now)),
            "as_of": Cell(fresh.as_of, note=LATE if fresh.late else "", tone="poor" if fresh.late else ""),
            "failing": Cell(failing.get(name, 0), link(page, state="failed")),
            "tickets": Cell(opened.get(name, 0), link("/quality/tickets", resource=name)),
        })  # fmt: skip
    columns = [
        Column("resource", _("数据资源")), Column("score", _("当前得分"), "score"), Column("change", _("近 30 天变化")),
        Column("as_of", _("数据截至"), "instant"), Column("failing", _("未通过规则"), "number"),
        Column("tickets", _("未关闭工单"), "number"),
    ]  # fmt: skip
    return Sheet("now", _("各资源当前得分"), columns, rows)


def _change(points: Sequence[Point], today: date) -> str:
    """+0.8, −1.2 or 0.0 hundredths against the day CHANGE_DAYS ago."""
    before = [one.score for one in points if one.day <= today - timedelta(days=CHANGE_DAYS) and one.score is not None]
    if not before or not points or points[-1].score is None:
        return ""
    change = round((points[-1].score - before[-1]) * 100, 1)
    return f"{'+' if change > 0 else '−' if change < 0 else ''}{abs(change):.1f}"


def _trend(catalog: Catalog, trend: Mapping[str, Sequence[Point]], since: date) -> Sheet:
    """A line a day, newest first; a column a resource."""
    days: dict[date, dict[str, float | None]] = {}
    for name, points in trend.items():
        for one in points:
            if one.day >= since:
                days.setdefault(one.day, {})[name] = one.score
    told = [name for name, points in trend.items() if any(one.score is not None for one in points)]
    columns = [Column("day", _("日期"), "day"), *(Column(name, catalog.resources[name].title, "figure") for name in told)]
    rows = [{"day": day, **days[day]} for day in sorted(days, reverse=True)]
    return Sheet("trend", _("得分趋势"), columns, rows, empty=_("这一时段没有已发布的批次"), chart="lines")


def _sentence(catalog: Catalog, trend: Mapping[str, Sequence[Point]]) -> str:
    """For whoever does not see the figure."""
    parts = []
    for name, points in trend.items():
        known = [one.score for one in points if one.score is not None]
        if known:
            first, last, low = (sheets.text_of(one, "figure") for one in (known[0], known[-1], min(known)))
            parts.append(_("{}由 {} 到 {}，最低 {}").format(catalog.resources[name].title, first, last, low))
    return _("得分趋势：") + ("；".join(parts) or _("没有数据"))


def _heat(catalog: Catalog, scored: Sequence[Scored], filters: Filters) -> tuple[Sheet, list[tuple[int, str]], list[tuple[str, str]]]:
    """The page's bodies, the pages there are, the cities there are."""
    whole = heat.lines(scored, filters.division)
    shown = whole[(filters.page - 1) * BODIES : filters.page * BODIES]
    columns = [Column("body", _("责任单位")), Column("score", _("得分"), "score")]
    columns += [Column(code, f"{code} {one.title}", "score", catalog.dimensions[one.dimension]) for code, one in catalog.indicators.items()]
    rows = [_line(catalog, one) for one in shown]
    pages = [(at + 1, filters.address(page=at + 1) + "#heat") for at in range(-(-len(whole) // BODIES))]
    cities = sorted({place.division[:4] for one in scored for place in one.by_body})
    sheet = Sheet("heat", _("责任单位 × 质量指标"), columns, rows, empty=_("还没有评分的批次"), total=len(whole))
    return sheet, pages, [(code, place(catalog, code + "00")) for code in cities]


def _line(catalog: Catalog, one: heat.Line) -> dict[str, Cell]:
    name = title(catalog, one.body)
    found = {"body": Cell(name, f"/quality/bodies/{one.body}"), "score": Cell(one.score)}
    for code, cell in one.cells().items():
        figure, errored = cell.measure.normalised, cell.measure.errored
        address, words = "", ""
        if errored or (figure is not None and figure < 1):
            # By hand: there are hundreds of them, and codes need no escaping.
            address = f"/quality/resources/{cell.worst}?body={one.body}&indicator={code}#rules"
            words = f"{name} {catalog.indicators[code].title} {sheets.text_of(figure, 'score')}"
        found[code] = Cell(figure, address, _("有规则出错") if errored else "", label=words)
    return found


def _batches(connection: sa.Connection, catalog: Catalog, names: Sequence[str], now: datetime) -> Sheet:
    """Today's; the last ones where there is none yet."""
    today = list(totals.lines(connection, resources=names, since=trends.midnight(trends.day_of(now))))
    found = list(reversed(today)) or totals.newest(connection, 10, names)
    name = _("今日批次") if today else _("最近批次（今天还没有交付）")
    return lists.deliveries(catalog, found[:BATCHES], name, total=len(found))


def _tickets(connection: sa.Connection, filters: Filters) -> Sheet:
    where = {"resource": filters.resource} if filters.resource else {}
    rows = [
        {"state": Cell(TITLES[state], link("/quality/tickets", resource=filters.resource, state=state.value)), "tickets": number}
        for state, number in summary.by_state(connection, **where).items()
    ]
    columns = [Column("state", _("状态")), Column("tickets", _("工单数"), "number")]
    return Sheet("tickets", _("工单"), columns, rows, empty=_("还没有工单"))


def _overdue(catalog: Catalog, late: Sequence[deadlines.Warned]) -> Sheet:
    rows = [
        {
            "number": Cell(str(one.number), f"/quality/tickets/{one.number}", label=_("工单 {}").format(one.number)),
            "handler": title(catalog, one.handler), "due_on": one.due_on, "days": -one.days, "kind": WARNINGS[one.kind],
        }
        for one in late[:OVERDUE]
    ]  # fmt: skip
    columns = [
        Column("number", _("工单"), "word"), Column("handler", _("承办单位")), Column("due_on", _("办理期限"), "word"),
        Column("days", _("超期工作日"), "number"), Column("kind", _("提醒"), "word"),
    ]  # fmt: skip
    return Sheet("overdue", _("超期工单"), columns, rows, empty=_("没有超期的工单"), total=len(late))


def _tiles(now: Sheet, batches: Sheet, opened: Mapping[str, int], late: Sequence[object]) -> list[tuple[str, str, str]]:
    known = [row["score"] for row in now.rows if row["score"] is not None]
    behind = sum(1 for row in now.rows if row["as_of"].note)
    return [
        (_("最低得分"), sheets.text_of(min(known, default=None), "score"), "#now"),
        (_("未按周期更新的资源"), str(behind), "#now"),
        (batches.title, str(batches.total or 0), "#batches"),
        (_("未关闭工单"), str(sum(opened.values())), "#tickets"),
        (_("超期工单"), str(len(late)), "#overdue"),
    ]
