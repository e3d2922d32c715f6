"""The published lists, counted again here from the YAML alone."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest
import yaml

from catalogs import matter_lists
from catalogs.load import PACKAGE_ROOT
from catalogs.matter import GOVERNMENT, Material, PromiseWay


@pytest.fixture(scope="module")
def files() -> list[dict]:
    return [
        yaml.safe_load(path.read_text(encoding="utf-8"))
        for path in sorted((PACKAGE_ROOT / "matters").glob("*.yaml"))
        if "-" not in path.stem
    ]


def is_linked(material: dict) -> bool:
    return any(way["kind"] in ("license", "share") for way in material["ways"])


def test_share_of_linked_materials_is_what_the_files_say(catalog, files):
    materials = [one for data in files if data["state"] == "published" and "bundle" not in data for one in data["materials"]]
    issued = [one for one in materials if one["channel"] == GOVERNMENT]
    every = matter_lists.overall(catalog)
    assert (every.linked, every.of) == (sum(map(is_linked, materials)), len(materials))
    ours = matter_lists.overall(catalog, GOVERNMENT)
    assert (ours.linked, ours.of) == (sum(map(is_linked, issued)), len(issued))
    assert ours.value > every.value > 0.4


def test_share_of_nothing_is_undefined_not_full():
    assert matter_lists.linked(()).value is None


def test_material_list_names_every_material_that_need_not_be_handed_in(catalog, files):
    expected = {
        (data["task_code"], one["code"]) for data in files for one in data["materials"] if {way["kind"] for way in one["ways"]} - {"defer"}
    }
    bundle = catalog.matters["newborn_bundle"]
    rows = list(matter_lists.material_rows(catalog))
    own = {(row["事项编码"], row["材料编码"]) for row in rows if row["事项编码"] != bundle.task_code}
    assert own == {pair for pair in expected if pair[0] != bundle.task_code}
    assert all(set(row) == set(matter_lists.MATERIAL_LIST) and row["兜底方式"] for row in rows)
    license_row = next(row for row in rows if row["材料编码"] == "C0201")
    assert (license_row["对应证照类型代码"], license_row["兜底方式"]) == ("11990000YL0000020D001", "部门核验（样例省市场监督管理局）")
    assert license_row["覆盖范围"].startswith("区划 ") and license_row["用证方式"] == "依职能用证"


def test_proof_list_says_of_each_proof_how_it_is_met_and_names_promise_and_cancellation(catalog, files):
    rows = list(matter_lists.proof_rows(catalog))
    assert len(rows) == sum(one["channel"] != "10" for data in files if "bundle" not in data for one in data["materials"])
    promised = [row for row in rows if row["是否告知承诺"] == "是"]
    assert promised and all(row["告知承诺内容"] and row["承诺不实的责任"] for row in promised)
    assert all(bool(row["取消依据"]) == (row["是否取消"] == "是") for row in rows)


def test_matter_that_is_not_published_is_in_no_list(catalog):
    hidden = replace(catalog, matters={name: replace(one, state="review") for name, one in catalog.matters.items()})
    assert not list(matter_lists.material_rows(hidden)) and not list(matter_lists.proof_rows(hidden))
    assert matter_lists.overall(hidden).value is None


def test_csv_reads_back_and_runs_in_no_spreadsheet(catalog):
    way = PromiseWay("=1+1", "@x", 3)
    evil = Material("C0001", "=HYPERLINK(1)", "20", "1", "原件", "applicant", "province_police", "duty", (way,))
    matter = replace(catalog.matters["public_rental"], materials=(evil,))
    rows = [
        *matter_lists.material_rows(replace(catalog, matters={"one": matter})),
        *matter_lists.proof_rows(replace(catalog, matters={"one": matter})),
    ]
    assert all(not cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())
    text = matter_lists.text(matter_lists.MATERIAL_LIST, matter_lists.material_rows(catalog))
    assert list(csv.DictReader(io.StringIO(text))) == list(matter_lists.material_rows(catalog))
