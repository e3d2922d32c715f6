"""`/quality/bulletin?month=YYYY-MM`: the monthly 通报 on screen, on paper, and as a workbook. What its figures mean: `quality.bulletin`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response

from catalogs.model import Catalog
from quality import bulletin
from quality.board import sheets, workbook
from quality.board.sheets import Cell, Column, Sheet
from quality.board.surroundings import Surroundings
from quality.board.words import msgid as _
from quality.bulletin import Bulletin, Line
from quality.responsible import place, title

DEFINITIONS = (
    (_("得分"), _("本月全部交付批次按 GB/T 36344 指标加权的得分；一个单位涉及几个资源的，取各资源得分的平均值。")),
    (
        _("归集及时率"),
        _(
            "本月内结束的更新周期中，数据截至时间在该周期内、且不晚于周期结束后一个周期完成检查的周期数 ÷ 应交付的周期数。"
            "只统计提供数据的单位；资源首次交付之前的周期不计。"
        ),
    ),
    (_("一次合格率"), _("本月交付读入的记录中，首次检查即未命中任何拒收规则和脏数据规则的记录数 ÷ 读入记录数。")),
    (_("超期工单"), _("统计截止时已过办理期限、仍由承办单位办理（不在待复核或争议中）的工单数；期限按工作日计，含已同意的延期。")),
    (_("复发率"), _("截至统计截止时数源累计更正过的问题记录中，本月旧值又被送回而重新打开的记录数所占比例。")),
)


def router(around: Surroundings) -> APIRouter:
    made = APIRouter(include_in_schema=False)

    @made.get("/quality/bulletin")
    def page(request: Request, month: str = "", format: Literal["html", "csv", "json", "xlsx"] = "html", table: str = "") -> Response:
        now = around.now()
        with around.database.connect() as connection:
            known = bulletin.months(connection, now)
            month = month or known[0]
            if month not in known:
                raise HTTPException(404)
            found = bulletin.made(connection, around.catalog, month, now)
        tables = _tables(around.catalog, found)
        name = _("数据质量月度通报（{}年{}月）").format(*month.split("-"))
        if format == "xlsx":
            return workbook.answer(name, list(tables.values()), [*DEFINITIONS, (_("统计截止"), _until(found))], f"bulletin-{month}")
        sent = sheets.answer(list(tables.values()), format, table, f"bulletin-{month}")
        return sent or around.render(
            request, "bulletin.html", name=name, bulletin=found, until=_until(found), tables=tables, definitions=DEFINITIONS,
            fields=[{"name": "month", "title": _("月份"), "value": month, "options": [(one, one) for one in known]}],
            links={key: sheets.exports(request.url, sheet) for key, sheet in tables.items()},
            workbook=sheets.link("/quality/bulletin", month=month, format="xlsx"),
        )  # fmt: skip

    return made


def _until(found: Bulletin) -> str:
    return _("本月末") if found.ended else sheets.text_of(found.until, "instant") + _("（本月尚未结束）")


def _tables(catalog: Catalog, found: Bulletin) -> dict[str, Sheet]:
    """All together, by body, by division."""
    figures = [
        Column("score", _("得分"), "score"), Column("on_time", _("归集及时率"), "share"), Column("first_pass", _("一次合格率"), "share"),
        Column("overdue", _("超期工单"), "number"), Column("open", _("未关闭工单"), "number"), Column("recurrence", _("复发率"), "share"),
        Column("read", _("读入记录"), "number"),
    ]  # fmt: skip
    bodies = [_row(title(catalog, one.place), f"/quality/bodies/{one.place}", one) for one in found.by_body]
    places = [_row(place(catalog, one.place), "", one) for one in found.by_division]
    return {
        "whole": Sheet("whole", _("总体"), [Column("place", _("范围")), *figures], [_row(_("全部单位"), "", found.whole)]),
        "bodies": _ranking("bodies", _("按责任单位排名"), _("责任单位"), bodies, figures),
        "divisions": _ranking("divisions", _("按区划排名"), _("区划"), places, figures),
    }


def _ranking(name: str, heading: str, what: str, rows: Sequence[dict], figures: Sequence[Column]) -> Sheet:
    ranked = [row | {"rank": rank} for row, rank in zip(rows, _ranks([row["score"] for row in rows]), strict=True)]
    return Sheet(name, heading, [Column("place", what), Column("rank", _("名次"), "number"), *figures], ranked, empty=_("本月没有交付"))


def _ranks(scores: Sequence[float | None]) -> list[int | None]:
    """Equal scores share a rank; without a score there is none. Scores come best first."""
    found: list[int | None] = []
    for at, one in enumerate(scores):
        found.append(None if one is None else found[-1] if at and scores[at - 1] == one else at + 1)
    return found


def _row(name: str, address: str, one: Line) -> dict:
    return {
        "place": Cell(name, address), "score": one.score, "on_time": one.on_time, "first_pass": one.first_pass,
        "overdue": Cell(one.overdue, tone="poor" if one.overdue else ""), "open": one.open, "recurrence": one.recurrence, "read": one.read,
    }  # fmt: skip
