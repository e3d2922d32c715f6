"""Tables as an Excel workbook: one sheet a table, a sheet of definitions, ready to print. Text is `inert`: nothing in it is run."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import datetime

from fastapi.responses import Response
from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from catalogs.spreadsheets import inert
from quality.board.sheets import Column, Sheet, Value, bare
from quality.job import SHANGHAI

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FORMATS = {"share": "0.00%", "score": "0.0", "figure": "0.0", "number": "#,##0", "seconds": "0.00"}
_HEAD, _GROUND = Font(bold=True), PatternFill("solid", fgColor="E8EDF3")
_THIN = Border(*(Side("thin", color="B8C2CC"),) * 4)
_WIDEST = 48


def answer(title: str, sheets: Sequence[Sheet], notes: Sequence[tuple[str, str]], file: str) -> Response:
    """The workbook as a download."""
    named = {"Content-Disposition": f'attachment; filename="{file}.xlsx"'}
    return Response(made(title, sheets, notes), media_type=MEDIA_TYPE, headers=named)


def made(title: str, sheets: Sequence[Sheet], notes: Sequence[tuple[str, str]]) -> bytes:
    book = Workbook()
    book.remove(book.active)
    for one in sheets:
        _table(book.create_sheet(one.title[:31]), title, one)
    _notes(book.create_sheet("口径说明"), notes)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _table(page: Worksheet, title: str, one: Sheet) -> None:
    page.append([f"{inert(title)} · {inert(one.title)}"])
    page["A1"].font = Font(bold=True, size=14)
    page.append([inert(column.title) for column in one.columns])
    for row in one.rows:
        page.append([_value(bare(row.get(column.name)), column) for column in one.columns])
    for at, column in enumerate(one.columns, 1):
        _style(page, at, column)
    page.freeze_panes = "B3"
    page.print_title_rows = "1:2"
    page.page_setup.orientation = "landscape"
    page.page_setup.fitToWidth, page.page_setup.fitToHeight = 1, 0
    page.sheet_properties.pageSetUpPr.fitToPage = True


def _value(value: Value, column: Column) -> Value:
    """Scores as hundredths, instants in Shanghai without their zone (Excel has none)."""
    if isinstance(value, str):
        return inert(value)
    if isinstance(value, datetime):
        return value.astimezone(SHANGHAI).replace(tzinfo=None)
    if column.kind in ("score", "figure") and value is not None:
        return float(value) * 100
    return value


def _style(page: Worksheet, at: int, column: Column) -> None:
    head = page.cell(2, at)
    head.font, head.fill, head.border, head.alignment = _HEAD, _GROUND, _THIN, Alignment(wrap_text=True, vertical="top")
    widest = _width(column.title)
    for number in range(3, page.max_row + 1):
        cell = page.cell(number, at)
        cell.border = _THIN
        cell.alignment = Alignment(vertical="top", wrap_text=not column.numeric)
        if column.kind in FORMATS:
            cell.number_format = FORMATS[column.kind]
        widest = max(widest, _width(str(cell.value)) if isinstance(cell.value, str) else 10)
    page.column_dimensions[get_column_letter(at)].width = min(widest + 2, _WIDEST)


def _width(text: str) -> int:
    """In narrow characters: a Chinese one takes two."""
    return sum(2 if ord(one) > 0x2E7F else 1 for one in text)


def _notes(page: Worksheet, notes: Sequence[tuple[str, str]]) -> None:
    page.append(["指标", "口径"])
    for pair in notes:
        page.append([inert(one) for one in pair])
    page.column_dimensions["A"].width, page.column_dimensions["B"].width = 16, 90
    for row in page.iter_rows():
        for cell in row:
            cell.border, cell.alignment = _THIN, Alignment(wrap_text=True, vertical="top")
            cell.font = _HEAD if cell.row == 1 else Font()
