"""A department's 实施清单 taken in: odd codes are findings with their line, sound items become drafts the catalogue's own check accepts."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalogs import import_matters, validate
from catalogs.__main__ import main
from catalogs.item_sheet import UnreadableSheet
from catalogs.load import load
from connectors.sample import workbook

CODE = "11990101200001016J4999131008001"
SOUND = {
    "事项名称": "小餐饮登记",
    "实施编码": CODE,
    "基本编码": CODE[19:],
    "行政区划": "990101",
    "服务对象": "企业法人、自然人",
    "材料名称": "登记表",
    "材料编码": "",
    "来源渠道": "申请人自备",
    "材料必要性": "必要",
    "材料形式": "原件",
    "出具部门": "",
    "证照类型代码": "",
}
HEADER = tuple(SOUND)
LICENSE = {**SOUND, "材料名称": "营业执照", "材料编码": "C0201", "来源渠道": "20", "材料形式": "复印件", "出具部门": "样例省市场监督管理局",
           "证照类型代码": "11990000YL0000020D001"}  # fmt: skip


def sheet(folder: Path, *rows: dict[str, str], encoding: str = "utf-8", header=HEADER) -> Path:
    path = folder / "items.csv"
    with path.open("w", encoding=encoding, newline="") as out:
        writer = csv.DictWriter(out, header, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return path


def taken(path: Path, catalog) -> import_matters.Imported:
    return import_matters.take_in(path, catalog, "2026-11-22")


def codes(found: import_matters.Imported) -> list[str]:
    return [one.code for one in found.findings]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_sound_item_becomes_a_draft_with_its_materials(tmp_path, catalog, encoding):
    found = taken(sheet(tmp_path, SOUND, LICENSE, encoding=encoding), catalog)
    assert (found.items, found.lines, found.findings) == (1, 2, ())
    (draft,) = found.drafts
    assert (draft["task_code"], draft["department"], draft["audience"]) == (CODE, "district_market", ["person", "organisation"])
    own, issued = draft["materials"]
    assert "department" not in own and issued["department"] == "province_market"
    assert issued["ways"][0]["types"] == ["business_license"]


def test_workbook_is_read_like_a_csv_file(tmp_path, catalog):
    path = tmp_path / "items.xlsx"
    workbook.write(path, HEADER, [[{**SOUND, "来源渠道": "10"}[name] for name in HEADER]])
    found = taken(path, catalog)
    assert (found.findings, len(found.drafts)) == ((), 1)


def test_draft_passes_the_catalogues_check_and_is_no_published_matter(tmp_path, root, capsys):
    path = sheet(tmp_path, SOUND, LICENSE)
    assert main(["import-matters", str(path), "--out", str(root / "matters"), "--since", "2026-11-22", "--root", str(root)]) == 0
    assert capsys.readouterr().out == "1 items, 1 good for a draft; 0 finding(s): nothing odd\n"
    assert validate.check(root)[1] == []
    assert not load(root).matters[f"matter_{CODE.lower()}"].published
    assert main(["import-matters", str(path), "--out", str(root / "matters"), "--root", str(root)]) == 2, "nothing is overwritten"


@pytest.mark.parametrize(
    ("cells", "code", "blocking"),
    [
        ({"事项名称": ""}, "TITLE_EMPTY", True),
        ({"实施编码": ""}, "CODE_EMPTY", True),
        ({"实施编码": CODE[:-1]}, "CODE_LENGTH", True),
        ({"实施编码": CODE[:17] + "K" + CODE[18:]}, "CREDIT_CODE", True),
        ({"实施编码": CODE[:-1] + "A"}, "BASIC_CODE", True),
        ({"基本编码": "999131008002"}, "BASIC_CODE_DIFFERS", True),
        ({"实施编码": CODE[:18] + "2" + CODE[19:]}, "LEVEL", True),
        ({"实施编码": "11110000000021135M" + CODE[18:]}, "BODY_UNKNOWN", True),
        ({"实施编码": CODE.lower()}, "CODE_SPELLING", False),
        ({"实施编码": "511A0138000000-511602000000-000-115113010833722043-1-00"}, "CODE_OLD_FORM", True),
        ({"行政区划": "998899"}, "DIVISION_UNKNOWN", False),
        ({"行政区划": "990122"}, "DIVISION_RETIRED", False),
        ({"服务对象": "全社会"}, "AUDIENCE", False),
        ({"材料名称": ""}, "NO_MATERIAL", True),
        ({"来源渠道": "40"}, "CHANNEL", True),
        ({"材料必要性": "看情况"}, "NECESSITY", True),
        ({"材料形式": "石刻"}, "FORM", True),
        ({"来源渠道": "20", "出具部门": "某局"}, "ISSUER_UNKNOWN", True),
        ({"证照类型代码": "11990000YL0000012J001"}, "LICENSE_TYPE_UNKNOWN", False),
    ],
)
def test_odd_cell_is_a_finding_with_its_line(tmp_path, catalog, cells, code, blocking):
    found = taken(sheet(tmp_path, {**SOUND, **cells}), catalog)
    mine = [one for one in found.findings if one.code == code]
    assert [(one.line, one.blocking) for one in mine] == [(2, blocking)], found.findings
    assert bool(found.drafts) != any(one.blocking for one in found.findings)


def test_code_of_two_items_and_a_material_twice_are_findings(tmp_path, catalog):
    found = taken(sheet(tmp_path, SOUND, {**SOUND, "事项名称": "另一事项"}), catalog)
    assert {(one.line, one.code) for one in found.findings} == {(3, "CODE_TWICE"), (3, "MATERIAL_TWICE")} and not found.drafts


def test_sheet_without_materials_says_so_once(tmp_path, catalog):
    found = taken(sheet(tmp_path, SOUND, {**SOUND, "实施编码": CODE[:-1] + "2"}, header=("事项名称", "实施编码", "服务对象")), catalog)
    assert codes(found) == ["COLUMN_MISSING"] and not found.drafts


def test_row_of_another_width_is_a_finding(tmp_path, catalog):
    path = tmp_path / "items.csv"
    path.write_text(f"事项名称,实施编码\n一,{CODE},多\n", encoding="utf-8")
    assert "ROW_SHAPE" in codes(taken(path, catalog))


NO_SHEETS = {
    "no_text.csv": b"\xff\xfe\x00",
    "no_columns.csv": b"a,b\n1,2\n",
    "empty.csv": b"",
    "nul.csv": "事项名称,实施编码\n\0".encode(),
    "no_workbook.xlsx": b"no workbook",
}


@pytest.mark.parametrize("name", NO_SHEETS)
def test_file_that_is_no_sheet_is_refused_with_a_reason(tmp_path, name, capsys):
    path = tmp_path / name
    path.write_bytes(NO_SHEETS[name])
    assert main(["import-matters", str(path)]) == 2
    assert capsys.readouterr().err.startswith(f"{path}: ")


def test_cell_beyond_the_csv_limit_is_refused_not_a_crash(tmp_path, catalog):
    path = tmp_path / "items.csv"
    path.write_text("事项名称,实施编码\n" + "长" * 200_000 + ",1\n", encoding="utf-8")
    with pytest.raises(UnreadableSheet, match="not CSV"):
        taken(path, catalog)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.text(max_size=40), min_size=1, max_size=14), max_size=6))
def test_any_cells_are_findings_never_a_crash(tmp_path_factory, catalog, rows):
    path = tmp_path_factory.mktemp("any") / "items.csv"
    with path.open("w", encoding="utf-8", newline="", errors="replace") as out:
        writer = csv.writer(out)
        writer.writerow(HEADER)
        writer.writerows(rows)
    try:
        found = taken(path, catalog)
    except UnreadableSheet:
        return
    assert found.items <= len(rows) and len(found.drafts) <= found.items


def test_real_items_of_a_district_are_findings_with_the_codes_they_lack(real_data, capsys):
    path = real_data / "services" / "guangan_service_items.csv"
    assert main(["import-matters", str(path), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["items"], told["lines"], told["drafts"]) == (1135, 1135, 0)
    with path.open(encoding="utf-8", newline="") as lines:
        wrong = {number for number, row in enumerate(csv.DictReader(lines), 2) if row["org_uscc_check"] != "ok"}
    found = Counter(one["code"] for one in told["list"])
    assert found == Counter(told["findings"]) and found["CODE_OLD_FORM"] + found["CODE_LENGTH"] + found["BODY_UNKNOWN"] == 1135
    assert {one["line"] for one in told["list"] if one["code"] in ("CREDIT_CODE", "CODE_LENGTH", "CODE_SPELLING")} >= wrong


def test_t29_workbook_of_two_far_corners_is_refused_before_it_takes_all_memory(tmp_path, catalog):
    book = openpyxl.Workbook()
    book.active["A1"], book.active["XFD1048576"] = "事项名称", "x"
    book.save(tmp_path / "items.xlsx")
    with pytest.raises(UnreadableSheet, match="unpacks to more"):
        taken(tmp_path / "items.xlsx", catalog)
