"""Quarantine keeps a rejected row whole, and its export cannot run in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
import stat
from pathlib import Path

import openpyxl

from catalogs.model import Limits
from quality import quarantine
from tests.quality.deliveries import rows_of

LOOSE = Limits(max_rejects=1.0)


def test_quarantined_row_has_origin_key_every_failed_rule_and_source_values(bench):
    report = bench(limits=LOOSE).deliver(("A1", "甲公司", None), (" ａ-2", "N/A", "不详"))
    (row,) = rows_of(report.quarantine)
    assert row["origin"] == "typed.csv:3" and row["key"] == "A-2"
    assert row["failed_rules"] == ["thing.code.pattern", "thing.name.not_null", "thing.changed_on.parsed"]
    assert json.loads(row["values"]) == {"编号": " ａ-2", "名称": "N/A", "变更日期": "不详"}


def test_malformed_row_keeps_its_raw_text(bench):
    report = bench(limits=LOOSE).deliver(("A1", "甲公司", None), (None, None, None), raw={1: 'A2,"乙",x,y\x00'})
    (row,) = rows_of(report.quarantine)
    assert row["failed_rules"] == ["thing.engine.well_formed_row"] and row["key"] is None
    assert json.loads(row["values"]) == {"_raw": 'A2,"乙",x,y\x00'}


def test_columns_the_catalogue_does_not_know_are_kept_too(bench):
    report = bench(limits=LOOSE).deliver(("A1", None, None, "多余"), columns=("编号", "名称", "变更日期", "备注"))
    assert json.loads(rows_of(report.quarantine)[0]["values"])["备注"] == "多余"


def test_files_of_a_batch_are_for_their_owner_alone(bench):
    one = bench(limits=LOOSE)
    report = one.deliver(("A1", "甲公司", None), ("A2", None, None))
    files = [Path(report.quarantine), *(one.lake / "trusted").rglob("*.parquet")]
    assert len(files) == 3 and {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_clean_batch_has_an_empty_quarantine(bench):
    assert rows_of(bench().deliver(("A1", "甲公司", None)).quarantine) == []


FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\x00=1", "＝1+1", "＋1", "－1", "＠x", " =1", "　=cmd|' /C calc'!A0"]


def exported(bench, *names: str) -> str:
    report = bench(limits=LOOSE).deliver(*(("bad", name, None) for name in names))
    file = io.StringIO(newline="")
    assert quarantine.export(lambda: quarantine.rows(Path(report.quarantine)), file) == len(names)
    return file.getvalue()


def test_t14_no_exported_cell_is_a_formula_in_csv(bench):
    text = exported(bench, *FORMULAS)
    cells = [row["名称"] for row in csv.DictReader(io.StringIO(text, newline=""))]
    assert cells == ["'" + formula for formula in FORMULAS]


def test_t14_no_exported_cell_is_a_formula_in_a_spreadsheet(bench, tmp_path):
    text = exported(bench, *(one for one in FORMULAS if "\x00" not in one))
    book = openpyxl.Workbook()
    for row in csv.reader(io.StringIO(text, newline="")):
        book.active.append(row)
    book.save(tmp_path / "q.xlsx")
    cells = [cell for row in openpyxl.load_workbook(tmp_path / "q.xlsx").active.iter_rows() for cell in row]
    assert cells and not [cell.coordinate for cell in cells if cell.data_type == "f"]
