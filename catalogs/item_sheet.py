"""Reads a department's 实施清单 as it comes, CSV or .xlsx: columns told by their headers, every cell as text, nothing believed.

The headers are those of the standard 实施清单 (standards.md §6.2), of the databases it is exported from, and what departments call them.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from .spreadsheets import room

COLUMNS = {
    "title": ("事项名称", "实施事项名称", "task_name", "item_name"),
    "task_code": ("实施编码", "事项编码", "task_code", "item_code"),
    "code": ("基本编码", "catalog_code"),
    "department": ("实施主体", "实施机关", "实施主体名称", "dept_name", "department"),
    "credit_code": ("实施主体编码", "实施主体统一社会信用代码", "统一社会信用代码", "dept_code"),
    "division": ("行政区划", "区划代码", "area_code"),
    "level": ("行使层级", "use_level"),
    "audience": ("服务对象", "server_type"),
    "material": ("材料名称", "material_name"),
    "material_code": ("材料编码", "material_code"),
    "channel": ("来源渠道", "source_type"),
    "necessity": ("材料必要性", "必要性", "is_need"),
    "form": ("材料形式", "材料类型", "material_type"),
    "issuer": ("出具部门", "核发部门", "核发机构", "source_explain"),
    "license_type": ("证照类型代码", "电子证照类型代码", "cert_code"),
}
"""What a column holds → headers it is known by."""
NEEDED = ("title", "task_code")
ENCODINGS = ("utf-8-sig", "gb18030")
MAX_BYTES = 256 * 1024**2
"""Of a file, a workbook unpacked."""
MAX_CELL = 10_000


class UnreadableSheet(Exception):
    """Neither CSV nor a workbook, or without the columns that say what an item is. The message names what and what to do."""


@dataclass(frozen=True)
class Line:
    """One row: its line in the file (header = 1) and its cells by what they hold; `wrong` says what is wrong with the row itself."""

    number: int
    cells: dict[str, str]
    wrong: str | None = None

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")


def read(path: Path) -> tuple[dict[str, str], list[Line]]:
    """(column → its header, lines with content). Raises UnreadableSheet."""
    if path.stat().st_size > MAX_BYTES:
        raise UnreadableSheet(f"larger than {MAX_BYTES} bytes; split it")
    rows = _workbook(path) if path.suffix.lower() in (".xlsx", ".xlsm") else _text(path)
    header = next(rows, (1, []))[1]
    places = _places(header)
    return {name: header[at].strip() for name, at in places.items()}, [_line(*row, len(header), places) for row in rows if any(row[1])]


def _places(header: Sequence[str]) -> dict[str, int]:
    named = [one.strip().lower() for one in header]
    found = {}
    for column, aliases in COLUMNS.items():
        at = next((named.index(alias) for alias in aliases if alias in named), None)
        if at is not None:
            found[column] = at
    missing = [" or ".join(COLUMNS[column]) for column in NEEDED if column not in found]
    if missing:
        raise UnreadableSheet(f"no column {'; no column '.join(missing)} in the first row")
    return found


def _line(number: int, cells: Sequence[str], width: int, places: dict[str, int]) -> Line:
    wrong = None if len(cells) == width else f"has {len(cells)} cells, the header has {width}"
    texts = {column: cells[at].strip() for column, at in places.items() if at < len(cells)}
    long = [column for column, text in texts.items() if len(text) > MAX_CELL]
    if long:
        texts |= {column: texts[column][:MAX_CELL] for column in long}
        wrong = f"a cell of more than {MAX_CELL} characters"
    return Line(number, texts, wrong)


def _text(path: Path) -> Iterator[tuple[int, list[str]]]:
    content = path.read_bytes()
    for encoding in ENCODINGS:
        try:
            text = content.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise UnreadableSheet(f"not text in {' or '.join(ENCODINGS)}; save it as CSV in UTF-8 or as .xlsx")
    if "\0" in text:
        raise UnreadableSheet("holds NUL characters: no CSV file; an old .xls must be saved as .xlsx")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    start = 1
    try:
        for row in reader:
            yield start, row
            start = reader.line_num + 1
    except csv.Error as error:
        raise UnreadableSheet(f"line {reader.line_num}: not CSV: {error}") from None


def _workbook(path: Path) -> Iterator[tuple[int, list[str]]]:
    import python_calamine

    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > MAX_BYTES or room(archive) > MAX_BYTES:
                raise UnreadableSheet(f"unpacks to more than {MAX_BYTES} bytes; split it")
        rows = python_calamine.CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python(skip_empty_area=False)
    except (zipfile.BadZipFile, python_calamine.CalamineError, IndexError) as error:
        raise UnreadableSheet(f"not a workbook (.xlsx): {type(error).__name__}") from None
    return ((number, [_cell(one) for one in row]) for number, row in enumerate(rows, 1))


def _cell(value: object) -> str:
    """As a person reads it; a number that a sheet made of a code has no decimals."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value.date().isoformat() if isinstance(value, datetime) else str(value)
