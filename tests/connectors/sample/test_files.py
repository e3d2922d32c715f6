"""The files a department drops: readable by others, dirty exactly where planned."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import openpyxl
import pyarrow.csv
from stdnum.cn import ric

from connectors.sample import headers, workbook
from connectors.sample.population_csv import population_csv
from tests.connectors.sample.deliveries import legal_entity, real_estate_title

ROOT = Path(__file__).resolve().parents[3]


def test_workbook_reads_the_same_with_openpyxl(delivered):
    sheet = openpyxl.load_workbook(delivered / "real_estate_title.xlsx").active
    rows = [[cell or "" for cell in row] for row in sheet.iter_rows(values_only=True)]
    assert rows[0] == list(headers.REAL_ESTATE_TITLE)
    assert rows[1:] == [list(row.values()) for row in real_estate_title(delivered)]


def test_workbook_keeps_markup_spaces_and_gaps(tmp_path):
    path = tmp_path / "small.xlsx"
    workbook.write(path, ["甲", "乙"], [["<a&b>", None], [" 两端 ", "行\n断"]])
    rows = list(openpyxl.load_workbook(path).active.iter_rows(values_only=True))
    assert rows == [("甲", "乙"), ("<a&b>", None), (" 两端 ", "行\n断")]


def test_drops_have_short_and_long_lines_where_planned(delivered, truth):
    rows = legal_entity(delivered)
    broken = [row for row in rows if None in row or None in row.values()]
    assert len(broken) == len(truth["resources"]["legal_entity"]["rules"]["legal_entity.row.well_formed"])


def test_titles_list_as_many_numbers_as_names_but_where_planned(delivered, truth):
    def count(cell: str) -> int:
        return len(cell.translate(str.maketrans("、；", ";;")).split(";"))

    uneven = [
        row for row in real_estate_title(delivered) if row["权利人"] and row["证件号码"] and count(row["权利人"]) != count(row["证件号码"])
    ]
    assert len(uneven) == len(truth["resources"]["real_estate_title"]["rules"]["real_estate_title.holder_numbers.same_count"])


def test_population_csv_has_the_rows_and_shares_it_promises(tmp_path):
    path = tmp_path / "population.csv"
    counts = population_csv(path, 20_000, 5)
    table = pyarrow.csv.read_csv(path, convert_options=pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(headers.POPULATION, "string")))
    assert table.column_names == list(headers.POPULATION)
    numbers = table["公民身份号码"].to_pylist()
    assert len(numbers) == counts["rows"] == 20_000
    assert counts["distinct"] == 19_000
    shapes = Counter(_shape(number) for number in numbers)
    assert 0.034 < shapes["padded or lower"] / 20_000 < 0.046
    assert 0.007 < shapes["wide"] / 20_000 < 0.013
    assert 0.002 < shapes["fifteen"] / 20_000 < 0.006
    wrong = sum(_shape(number) == "plain" and ric.calc_check_digit(number) != number[17] for number in numbers)
    assert wrong == counts["wrong_check"] and 150 < wrong < 260


def _shape(number: str) -> str:
    if not number.isascii():
        return "wide"
    if number != number.strip() or number != number.upper():
        return "padded or lower"
    return "fifteen" if len(number) == 15 else "plain"


def test_population_csv_same_seed_gives_same_bytes(tmp_path):
    first, second = tmp_path / "1.csv", tmp_path / "2.csv"
    assert population_csv(first, 3000, 5) == population_csv(second, 3000, 5)
    assert first.read_bytes() == second.read_bytes()
    with first.open(encoding="utf-8", newline="") as lines:
        assert all(len(row) == len(headers.POPULATION) for row in csv.reader(lines))


def test_command_line_writes_once_and_refuses_to_overwrite(tmp_path):
    command = [sys.executable, "-m", "connectors.sample", "--out", str(tmp_path), "--persons", "2000", "--as-of", "2026-11-21"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and json.loads(done.stdout)["rows"]["population"] > 2000
    before = (tmp_path / "truth.json").read_bytes()
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert again.returncode == 2 and "File exists" in again.stderr
    assert (tmp_path / "truth.json").read_bytes() == before
