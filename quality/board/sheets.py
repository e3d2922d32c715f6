"""Tables of pages: one description that the page draws, and that goes out as CSV, JSON or a workbook's sheet.

A cell is a bare value or a `Cell` with its link, note and tone. Text in CSV and workbooks is `inert`: no spreadsheet runs it.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Literal
from urllib.parse import urlencode

from fastapi.responses import Response
from starlette.datastructures import URL

from catalogs.spreadsheets import inert
from quality.job import SHANGHAI
from quality.scores import BANDS, band

Kind = Literal["text", "word", "code", "number", "share", "score", "figure", "instant", "day", "seconds"]
"""`word`: short text that stays on one line; `figure`: a score without its band, for long columns."""
Value = str | int | float | bool | datetime | date | None
Format = Literal["html", "csv", "json"]
NUMERIC = ("number", "share", "score", "figure", "seconds")
NOTHING = "—"


@dataclass(frozen=True)
class Column:
    name: str
    title: str
    kind: Kind = "text"
    group: str = ""
    """Title over neighbouring columns."""

    @property
    def numeric(self) -> bool:
        return self.kind in NUMERIC


@dataclass(frozen=True)
class Cell:
    """A value with more than its text. `tone`: good | fair | poor | … for style; `note` is shown small beside the value."""

    value: Value
    url: str = ""
    note: str = ""
    tone: str = ""
    label: str = ""
    """What a screen reader says of the link, where its text alone says too little."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A cell as the page draws it. `looks`: its classes; `plain`: its text is all there is to it, as of most cells of long tables."""

    column: Column
    text: str
    cell: Cell
    looks: str
    plain: bool


@dataclass(frozen=True)
class Sheet:
    """One table. The first column names the row."""

    name: str
    title: str
    columns: Sequence[Column]
    rows: Sequence[Mapping[str, Value | Cell]] = field(default_factory=list)
    empty: str = "没有记录"
    chart: str = ""
    """The figure `board.js` draws of this table: lines | bars; '' for none."""
    total: int | None = None
    """All rows, where only some are shown."""

    def shown(self) -> Iterator[list[Shown]]:
        for row in self.rows:
            yield [_shown(column, row.get(column.name)) for column in self.columns]

    @property
    def groups(self) -> list[tuple[str, int]]:
        """(title, columns) of the row above the headings; [] where no column is in a group."""
        found: list[tuple[str, int]] = []
        for one in self.columns:
            if found and found[-1][0] == one.group:
                found[-1] = (one.group, found[-1][1] + 1)
            else:
                found.append((one.group, 1))
        return found if any(title for title, _ in found) else []


def _shown(column: Column, given: Value | Cell) -> Shown:
    bare_value = not isinstance(given, Cell)
    cell = Cell(given) if bare_value else given
    looks = column.kind if column.kind in ("code", "word") else "num" if column.numeric else ""
    if column.kind == "score" and not cell.tone and (mine := band(_number(cell.value))):
        cell = replace(cell, tone=mine.name)
    if cell.tone:
        looks = f"{looks} band band-{cell.tone}".strip()
    return Shown(column, text_of(cell.value, column.kind), cell, looks, bool(looks) and bare_value and not cell.tone)


def _number(value: Value) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def text_of(value: Value, kind: Kind) -> str:
    """As people read it: hundredths for scores, percent for shares, Shanghai time, 是 and 否."""
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, datetime):
        return value.astimezone(SHANGHAI).strftime("%Y-%m-%d" if kind == "day" else "%Y-%m-%d %H:%M")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return value
    if kind == "seconds":
        return f"{value:,.2f} 秒"
    if kind == "share":
        return _below(value, 2) + "%"
    return _below(value, 1) if kind in ("score", "figure") else f"{value:,}"


def _below(value: float, digits: int) -> str:
    """Hundredths; what is not quite all never reads as 100, and what is not quite nothing never as 0."""
    rounded = round(value * 100, digits)
    if 0 < value < 1:
        rounded = min(max(rounded, 10**-digits), 100 - 10**-digits)
    return f"{rounded:.{digits}f}"


def bare(cell: Value | Cell) -> Value:
    return cell.value if isinstance(cell, Cell) else cell


def plain(cell: Value | Cell) -> str | int | float | bool | None:
    """The value for JSON: instants in ISO, figures as they are."""
    value = bare(cell)
    return value.isoformat() if isinstance(value, datetime | date) else value


def csv_text(sheet: Sheet) -> str:
    """With a mark at the start by which spreadsheets know that it is UTF-8."""
    file = io.StringIO()
    table = csv.writer(file, quoting=csv.QUOTE_MINIMAL)
    table.writerow([inert(one.title) for one in sheet.columns])
    for row in sheet.rows:
        values = [plain(row.get(one.name)) for one in sheet.columns]
        table.writerow([inert(value) if isinstance(value, str) else "" if value is None else value for value in values])
    return "\ufeff" + file.getvalue()


def json_text(sheets: Sequence[Sheet]) -> str:
    """Sheet → rows by the columns' names."""
    found = {sheet.name: [{one.name: plain(row.get(one.name)) for one in sheet.columns} for row in sheet.rows] for sheet in sheets}
    return json.dumps(found, ensure_ascii=False)


def answer(sheets: Sequence[Sheet], form: Format, table: str, file: str) -> Response | None:
    """The page's tables as `format` asks for them; None for the page itself. `table` picks one, else CSV has the first and JSON all."""
    if form == "html":
        return None
    picked = [one for one in sheets if one.name == table] or list(sheets)
    named = {"Content-Disposition": f'attachment; filename="{file}-{picked[0].name if table or form == "csv" else "all"}.{form}"'}
    if form == "csv":
        return Response(csv_text(picked[0]), media_type="text/csv; charset=utf-8", headers=named)
    return Response(json_text(picked), media_type="application/json", headers=named)


def link(path: str, **query: object) -> str:
    """A path with the filters that are set."""
    given = {name: str(value) for name, value in query.items() if value not in (None, "")}
    return f"{path}?{urlencode(given)}" if given else path


def exports(url: URL, sheet: Sheet) -> list[tuple[str, str]]:
    """(title, address) of the sheet's exports with the page's filters."""
    bare_url = url.remove_query_params(["page"])
    return [(form.upper(), f"{url.path}?{bare_url.include_query_params(format=form, table=sheet.name).query}") for form in ("csv", "json")]


LEGEND = [(one, f"{one.least * 100:.0f} 以上" if one.least else f"{BANDS[-2].least * 100:.0f} 以下") for one in BANDS]
"""Bands with their ranges in words."""
