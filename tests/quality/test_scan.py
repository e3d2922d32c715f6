"""The scan's short cuts change nothing: columns cleaned once a value, packed ones and those cleaned row by row give the same stage."""

from __future__ import annotations

from datetime import date

import pytest

from connectors.landing import land
from quality import few, scan
from quality.check.rows import Context
from quality.rulebook import rulebook
from quality.scan import Landed
from quality.session import session
from tests.quality.deliveries import NOW, RULES, Typed, resource

ROWS = [
    ("A1", "甲(集团)公司", "2026-01-01"),
    ("Ａ2", "甲(集团)公司", "20260101"), ("A3", None, "不详"), (None, "N/A", None), ("a4", " 乙厂 ", "长期"),
    ("A5", "甲(集团)公司", "2026年1月1日"),
]  # fmt: skip


def staged(small, lake, name: str) -> list[tuple]:
    made = resource()
    landed = land(made, Typed(ROWS * 40), lake / name, now=NOW)
    (lake / name / "tmp").mkdir(parents=True, exist_ok=True)
    with session(lake / name, small) as connection:
        found = Landed(landed.rows, frozenset(landed.manifest.columns) | {"_source", "_line", "_raw"})
        done = scan.stage(connection, found, rulebook(made, small), Context(made, small, date(2026, 11, 21), None))
        assert not done.errored
        return connection.execute("SELECT * FROM stage ORDER BY _row").fetchall()


@pytest.fixture
def row_by_row(small, lake, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(few, "FEW_BYTES", -1.0)
        return staged(small, lake, "row-by-row")


def test_columns_cleaned_once_a_value_give_the_same_rows(small, lake, monkeypatch, row_by_row):
    monkeypatch.setattr(few, "FEW_BYTES", 1e9)
    assert staged(small, lake, "once-a-value") == row_by_row and len(row_by_row) == 240


def test_packed_columns_give_the_same_rows(small, lake, monkeypatch, row_by_row):
    monkeypatch.setattr(few, "FEW_BYTES", 1e9)
    monkeypatch.setattr(few, "PACKED_FROM", 0)
    assert staged(small, lake, "packed") == row_by_row


def test_column_with_too_many_values_is_not_packed(small, lake, monkeypatch, row_by_row):
    monkeypatch.setattr(few, "FEW_BYTES", 1e9)
    monkeypatch.setattr(few, "PACKED_FROM", 0)
    monkeypatch.setattr(few, "MOST_PACKED", 2)
    assert staged(small, lake, "unpacked") == row_by_row


def test_rows_keep_number_line_and_source(row_by_row, small):
    assert RULES == small.rules["thing"]
    assert [row[6:10] for row in row_by_row[:2]] == [(0, "typed.csv", 2, "U"), (1, "typed.csv", 3, "U")]
