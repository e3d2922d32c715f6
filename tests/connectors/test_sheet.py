from __future__ import annotations

import datetime as dt
import io
from pathlib import Path

import openpyxl
import pytest

import connectors
from connectors.errors import ContractBroken
from tests.connectors.conftest import NOW, credentials, make_resource, rows

HEADER = ["编号", "名称", "地址", "更新时间"]


def workbook(*records, title: str = "台账", before: int = 0, header=HEADER) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = title
    for _ in range(before):
        sheet.append(["某局台账"])
    sheet.append(header)
    for record in records:
        sheet.append(record)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def landed(lake: Path, tmp_path: Path, content: bytes, **options):
    (tmp_path / "a.xlsx").write_bytes(content)
    return connectors.pull(make_resource(**options), lake, credentials=credentials(), now=NOW, input=tmp_path / "a.xlsx")


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("甲 \n乙", "甲 \n乙"),
        (dt.date(2023, 1, 5), "2023-01-05"),
        (dt.datetime(2023, 1, 5), "2023-01-05"),
        (dt.datetime(2023, 1, 5, 12, 30, 1), "2023-01-05 12:30:01"),
        (dt.time(12, 30), "12:30:00"),
        (45000, "45000"),
        (45000.0, "45000"),
        (13800001234, "13800001234"),
        (-1.5, "-1.5"),
        (0.1 + 0.2, "0.3"),
        (True, "true"),
        (None, ""),
        ("0012", "0012"),
        ("=1+1", ""),
    ],
)
def test_cell_becomes_the_text_a_person_reads(lake, tmp_path, cell, text):
    batch = landed(lake, tmp_path, workbook(["1", "n", cell, "x"]))
    assert rows(batch)[0]["地址"] == text


def test_sheet_and_csv_of_one_content_have_one_hash(lake, tmp_path):
    records = [["1", "甲", "", "2026-01-05"], ["2", "乙", "路", ""]]
    sheet = landed(lake, tmp_path, workbook(["1", "甲", None, dt.date(2026, 1, 5)], ["2", "乙", "路", None]))
    text = "\n".join(",".join(record) for record in [HEADER, *records])
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    plain = connectors.pull(make_resource(), lake, credentials=credentials(), now=NOW, input=tmp_path / "a.csv")
    assert sheet.manifest.content_hash == plain.manifest.content_hash
    assert (sheet.manifest.encoding, sheet.manifest.delimiter) == (None, None)


def test_rows_keep_their_sheet_row_and_empty_ones_are_counted(lake, tmp_path):
    batch = landed(lake, tmp_path, workbook(["1", "a", "", ""], [None] * 4, ["2", "b"], ["3", "c", "", "", "beyond"]))
    found = rows(batch)
    assert [(row["_line"], row["编号"], row["_raw"]) for row in found] == [(2, "1", None), (4, "2", None), (5, None, "3\tc\t\t\tbeyond")]
    assert (batch.manifest.rows, batch.manifest.malformed, batch.manifest.blank) == (3, 1, 1)


def test_header_on_a_later_row_and_a_named_sheet_are_found(lake, tmp_path):
    batch = landed(lake, tmp_path, workbook(["1", "a"], before=2, title="二〇二六"), header_row=3, sheet="二〇二六")
    assert [(row["_line"], row["编号"]) for row in rows(batch)] == [(4, "1")]


def test_sheet_that_is_not_there_breaks_the_contract(lake, tmp_path):
    with pytest.raises(ContractBroken, match="no sheet"):
        landed(lake, tmp_path, workbook(), sheet="别的")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 half", workbook(["1", "a"])[:-200]], ids=["empty", "no zip", "cut"])
def test_workbook_that_is_not_whole_breaks_the_contract(lake, tmp_path, content):
    with pytest.raises(ContractBroken) as fault:
        landed(lake, tmp_path, content)
    assert fault.value.file == "a.xlsx" and fault.value.hint


def test_workbook_without_header_breaks_the_contract(lake, tmp_path):
    with pytest.raises(ContractBroken, match="no header"):
        landed(lake, tmp_path, workbook(header=[]))


def test_workbook_that_unpacks_to_too_much_breaks_the_contract(lake, tmp_path):
    with pytest.raises(ContractBroken, match="unpacks to more than"):
        landed(lake, tmp_path, workbook(*[["1", "长" * 1000]] * 200), max_bytes=10_000)


def test_t29_workbook_of_two_far_corners_is_refused_before_it_takes_all_memory(lake, tmp_path):
    book = openpyxl.Workbook()
    book.active["A1"], book.active["XFD1048576"] = "编号", "x"
    out = io.BytesIO()
    book.save(out)
    assert len(out.getvalue()) < 10_000
    with pytest.raises(ContractBroken, match="unpacks to more"):
        landed(lake, tmp_path, out.getvalue())
