"""Reads what the generator wrote, with other people's readers."""

from __future__ import annotations

import csv
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import python_calamine

Row = dict[str, str | None]


def population(folder: Path) -> list[Row]:
    with closing(sqlite3.connect(folder / "population.db")) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute("SELECT * FROM population")]


def legal_entity(folder: Path) -> list[Row]:
    return [row for path in sorted(folder.glob("legal_entity*.csv")) for row in drop(path)]


def drop(path: Path) -> list[Row]:
    """Rows of one CSV drop; columns beyond the header are under None, missing ones are None."""
    with path.open(encoding="gb18030", newline="") as lines:
        return list(csv.DictReader(lines))


def food_permit(folder: Path) -> list[Row]:
    return [json.loads(line) for line in (folder / "food_permit.jsonl").read_text(encoding="utf-8").splitlines()]


def real_estate_title(folder: Path) -> list[Row]:
    workbook = python_calamine.CalamineWorkbook.from_path(folder / "real_estate_title.xlsx")
    header, *rows = workbook.get_sheet_by_index(0).to_python()
    return [dict(zip(header, row, strict=True)) for row in rows]


READERS = {
    "population": population,
    "legal_entity": legal_entity,
    "food_permit": food_permit,
    "real_estate_title": real_estate_title,
}
