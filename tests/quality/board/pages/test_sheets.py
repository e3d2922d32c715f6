"""Tables outside the page: nothing a spreadsheet would run, figures that never flatter, addresses that keep the filters."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook
from starlette.datastructures import URL

from quality.board import workbook
from quality.board.sheets import Cell, Column, Sheet, csv_text, exports, link, text_of

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =cmd|' /C calc'!A0", "＝1", "=HYPERLINK(\"http://x\")"]  # fmt: skip


def sheet(value) -> Sheet:
    return Sheet("s", "表", [Column("a", "=甲"), Column("b", "乙", "number")], [{"a": Cell(value), "b": -3}])


@pytest.mark.parametrize("value", FORMULAS)
def test_t14_text_that_a_spreadsheet_would_run_is_inert_in_csv_and_workbook(value):
    head, row = csv.reader(io.StringIO(csv_text(sheet(value)).removeprefix("\ufeff")))
    assert head[0] == "'=甲" and row == ["'" + value, "-3"]
    page = load_workbook(io.BytesIO(workbook.made("=题", [sheet(value)], [("=a", "=b")])))["表"]
    assert page["A3"].value.strip() == ("'" + value).strip() and page["A3"].data_type == "s"
    assert all(cell.data_type != "f" for row in page.iter_rows() for cell in row)


@given(st.floats(0, 1))
def test_share_that_is_not_all_never_reads_as_all(share):
    for kind, whole, none in (("share", "100.00%", "0.00%"), ("score", "100.0", "0.0")):
        shown = text_of(share, kind)
        assert (shown == whole) == (share == 1) and (shown == none) == (share == 0)


@pytest.mark.parametrize(("value", "kind", "text"), [
    (None, "number", "—"), (1234567, "number", "1,234,567"), (True, "text", "是"), (date(2026, 1, 2), "day", "2026-01-02"),
    (datetime(2026, 11, 21, 17, 5, tzinfo=UTC), "instant", "2026-11-22 01:05"),
    (datetime(2026, 11, 21, 17, 5, tzinfo=UTC), "day", "2026-11-22"),
    (0.9325, "share", "93.25%"), (1.5, "seconds", "1.50 秒"), ("", "text", "—"),
])  # fmt: skip
def test_value_is_written_as_people_read_it(value, kind, text):
    assert text_of(value, kind) == text


def test_addresses_keep_filters_and_drop_empty_ones():
    assert link("/quality", resource="", days=90, body="甲") == "/quality?days=90&body=%E7%94%B2"
    found = exports(URL("http://hub/quality?days=30&page=3"), sheet("x"))
    assert found == [("CSV", "/quality?days=30&format=csv&table=s"), ("JSON", "/quality?days=30&format=json&table=s")]
