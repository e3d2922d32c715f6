"""T14, T29: cells that would run, and workbooks that would take all memory."""

from __future__ import annotations

import io
import zipfile

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs import spreadsheets


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=12))
def test_t14_inert_changes_only_what_a_spreadsheet_would_run(text):
    made = spreadsheets.inert(text)
    assert made == text or made == "'" + text
    assert not made.lstrip(" \u3000\u00a0").startswith(tuple(spreadsheets.FORMULA_MARKS))


@pytest.mark.parametrize("text", ["", "甲公司", "A-1", "1=1", "'quoted"])
def test_t14_harmless_cells_stay_as_they_are(text):
    assert spreadsheets.inert(text) == text


@pytest.mark.parametrize(("corner", "cells"), [("C4", 12), ("XFD1048576", 16384 * 1048576)])
def test_room_is_that_of_all_cells_between_the_corners(corner, cells):
    book, out = openpyxl.Workbook(), io.BytesIO()
    book.active["A1"], book.active[corner] = "a", "b"
    book.save(out)
    with zipfile.ZipFile(out) as archive:
        assert spreadsheets.room(archive) == cells * spreadsheets.CELL_BYTES
