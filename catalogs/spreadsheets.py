"""What spreadsheets must not do: run a cell we wrote, or take all memory with one we read."""

from __future__ import annotations

import re
import zipfile

FORMULA_MARKS = "=+-@\t\r\n\x00＝＋－＠"
CELL_BYTES = 32
"""What a reader needs for a cell, filled or not."""
_SPACES = " \u3000\u00a0"
_PLACE = re.compile(rb"""\br\s*=\s*["']([A-Z]{0,3})(\d{1,7})["']""")
"""Where a cell (`r="AB12"`) or a row (`r="12"`) of a sheet says it is."""
_LONGEST_PLACE = 64
_PIECE = 1024 * 1024


def inert(cell: str) -> str:
    """The cell behind an apostrophe where a spreadsheet would run it; spaces before the mark do not hide it."""
    runs = cell.lstrip(_SPACES).startswith(tuple(FORMULA_MARKS)) or cell.startswith(tuple(FORMULA_MARKS))
    return f"'{cell}" if runs else cell


def room(archive: zipfile.ZipFile) -> int:
    """Bytes a reader makes room for: all cells between the corners of the largest sheet, however few are filled.

    Reads what is unpacked once; ask for the members' own sizes first.
    """
    most = 0
    for member in archive.infolist():
        if not member.filename.endswith(".xml"):
            continue
        last_row, last_column, before = 0, 0, b""
        with archive.open(member) as file:
            while piece := file.read(_PIECE):
                for letters, digits in set(_PLACE.findall(before + piece)):
                    last_row, last_column = max(last_row, int(digits)), max(last_column, _column(letters))
                before = piece[-_LONGEST_PLACE:]
        most = max(most, last_row * last_column)
    return most * CELL_BYTES


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number
