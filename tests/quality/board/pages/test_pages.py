"""What the pages say of the world, who may see them, and what goes out of them."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest

from tests.quality.board.pages.world import CAPITAL_RULE, ID_RULE, organ

PAGES = ("/quality", "/quality/resources/legal_entity", f"/quality/rules/{ID_RULE}", "/quality/bulletin")


def text(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("role", ["quality", "supervisor", "auditor"])
def test_page_opens_for_those_who_may(signed_in, path, role):
    answer = signed_in(role).get(path)
    assert answer.status_code == 200 and "{{" not in answer.text


@pytest.mark.parametrize("path", PAGES)
def test_t32_page_is_closed_to_staff_of_a_body(signed_in, path):
    assert signed_in("body").get(path).status_code == 403


@pytest.mark.parametrize("path", [
    "/quality/resources/nothing", "/quality/rules/nothing", "/quality/batches/nothing-1", "/quality?resource=nothing", "/quality?days=31",
    "/quality?page=0", "/quality/bulletin?month=2026-13", "/quality/bulletin?month=2020-01", "/quality/batches/nothing-1/gx",
])  # fmt: skip
def test_what_is_not_there_is_not_found(signed_in, path):
    assert signed_in("quality").get(path).status_code == 404


def test_overview_says_what_is_bad_and_what_is_done(signed_in, world):
    page = text(signed_in("quality").get("/quality").text)
    assert "今日批次" in page and world.reports[-1].batch in page and world.reports[2].batch not in page
    assert organ(world.catalog, "990101")[1] in page and "已升级" in page
    found = json.loads(signed_in("quality").get("/quality?format=json").text)
    batches = {one["batch"]: one for one in found["batches"]}
    assert batches[world.reports[-1].batch] == {
        "batch": world.reports[-1].batch, "resource": "法人和其他组织登记信息", "checked_at": "2026-11-20T04:00:00+00:00",
        "status": "已发布", "read": 40, "trusted": 37, "quarantined": 3, "superseded": 0, "deleted": 0, "balance": "平",
    }  # fmt: skip
    (legal,) = [one for one in found["now"] if one["score"] is not None]
    assert (legal["failing"], legal["tickets"], legal["change"][0]) == (3, 2, "−")
    assert [one["state"] for one in found["tickets"]] == ["已下发"] and len(found["overdue"]) == 1
    assert [one["day"] for one in found["trend"]] == ["2026-11-20", "2026-11-18", "2026-10-16"]
    assert found["trend"][0]["legal_entity"] == legal["score"]


def test_red_cell_leads_to_failing_rows_of_the_body_in_two_clicks(signed_in, world):
    code, name = organ(world.catalog, "990101")
    page = signed_in("quality").get("/quality").text
    cell = re.search(rf'<a href="(/quality/resources/legal_entity\?[^"]*body={code}[^"]*indicator=0305[^"]*)"', page)[1]
    rules = signed_in("quality").get(cell.replace("&amp;", "&").split("#")[0]).text
    assert name in rules
    rows = [one.replace("&amp;", "&") for one in re.findall(r'href="(/quality/quarantine\?[^"]*)"', rules)]
    assert rows == [f"/quality/quarantine?resource=legal_entity&batch={world.reports[-1].batch}&rule={ID_RULE}&body={code}"]


def test_resource_shows_one_bodys_failing_rows_and_filters_by_address(signed_in, world):
    code, _ = organ(world.catalog, "990102")
    answer = signed_in("quality").get(f"/quality/resources/legal_entity?body={code}&state=failed&format=json&table=rules")
    (capital,) = [one.sentence for one in world.catalog.rules["legal_entity"] if one.id == CAPITAL_RULE]
    assert [(one["rule"], one["here"]) for one in json.loads(answer.text)["rules"]] == [(capital, 4)]


def test_indicators_keep_errored_and_skipped_apart_and_turn_low_ones_round(signed_in):
    answer = signed_in("quality").get("/quality/resources/legal_entity?format=json&table=indicators")
    found = {one["indicator"][:4]: one for one in json.loads(answer.text)["indicators"]}
    assert len(found) == 20
    assert found["0301"]["normalised"] is found["0301"]["raw"] is None
    assert (found["0305"]["a"], found["0305"]["b"], found["0305"]["normalised"]) == (5, 48, 1 - 5 / 48)
    assert found["0402"]["skipped"] and found["0402"]["normalised"] == 1.0


def test_rule_page_says_whose_rows_fail_and_how_it_went(signed_in, world):
    code, name = organ(world.catalog, "990101")
    answer = signed_in("quality").get(f"/quality/rules/{ID_RULE}?format=json").text
    found = json.loads(answer)
    assert [(one["body"], one["rows"]) for one in found["bodies"]] == [(name, 3)]
    assert [one["failed"] for one in found["history"]] == [3, 0, 10, 1, 0]
    assert [one["status"] for one in found["history"]] == ["已发布", "已发布", "已拦截", "已发布", "已发布"]
    assert [one["number"] for one in found["tickets"]] == ["2"]
    page = signed_in("quality").get(f"/quality/rules/{ID_RULE}").text
    assert f"/quality/tickets?resource=legal_entity&amp;rule={ID_RULE}&amp;body={code}" in page and "/quality/tickets/2" in page


def test_batch_page_balances_and_says_what_was_issued(signed_in, world):
    report = world.reports[-1]
    found = json.loads(signed_in("quality").get(f"/quality/batches/{report.batch}?format=json").text)
    assert [one["rows"] for one in found["balance"]][:6] == [40, 37, 3, 0, 0, 40]
    assert {one["stage"] for one in found["stages"]} >= {"落地", "逐条检查", "评分", "检查完成"}
    assert len(found["issued"]) == 37 and {one["status"] for one in found["issued"]} == {"有效"}
    assert found["rules"][0]["failed"] == 4 and [one["number"] for one in found["tickets"]] == ["2"]
    assert "本批次共制发证照 37 份" in signed_in("quality").get(f"/quality/batches/{report.batch}").text


def test_stopped_batch_says_why_and_names_no_license(signed_in, world):
    found = json.loads(signed_in("quality").get(f"/quality/batches/{world.reports[2].batch}?format=json").text)
    assert found["gate"][0]["name"] == "拒收记录的比例" and found["gate"][0]["by"] == "" and found["issued"] == []


def test_gx_result_is_linked_once_it_is_stored(signed_in, world):
    pytest.importorskip("great_expectations")
    from quality import gx_runs

    batch = world.reports[-1].batch
    assert "/gx" not in signed_in("quality").get(f"/quality/batches/{batch}").text
    gx_runs.store_new(world.database, world.hub.lake.root, world.catalog, "legal_entity")
    assert f"/quality/batches/{batch}/gx" in signed_in("quality").get(f"/quality/batches/{batch}").text
    result = json.loads(signed_in("quality").get(f"/quality/batches/{batch}/gx").text)
    assert result["statistics"]["unsuccessful_expectations"] >= 2


def test_csv_names_its_columns_and_is_read_as_utf8_by_spreadsheets(signed_in, world):
    answer = signed_in("quality").get("/quality?format=csv&table=heat")
    assert answer.headers["content-disposition"] == 'attachment; filename="quality-heat.csv"' and answer.text.startswith("\ufeff")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert {organ(world.catalog, one)[1] for one in ("990101", "990102")} <= {one["责任单位"] for one in rows}


def test_heat_map_is_filtered_by_division(signed_in, world):
    answer = signed_in("quality").get("/quality?division=9902&format=json&table=heat")
    assert [one["body"] for one in json.loads(answer.text)["heat"]] == [organ(world.catalog, "990201")[1]]


def test_no_key_and_no_value_of_a_row_is_on_the_pages(signed_in, world):
    paths = [
        *PAGES,
        f"/quality/batches/{world.reports[-1].batch}",
        f"/quality/resources/legal_entity?body={organ(world.catalog, '990101')[0]}",
    ]
    for path in paths:
        assert "样例第" not in (page := signed_in("quality").get(path).text) and "91990101" not in page


def test_bulletin_ranks_bodies_and_defines_its_figures(signed_in, world):
    answer = signed_in("quality").get("/quality/bulletin?format=json")
    found = json.loads(answer.text)
    assert [one["rank"] for one in found["bodies"]] == [1, 2, 3, 4, 5]
    scores = [one["score"] for one in found["bodies"]]
    assert scores == sorted(scores, reverse=True) and found["bodies"][3]["place"] == organ(world.catalog, "990101")[1]
    (whole,) = found["whole"]
    assert (whole["read"], whole["first_pass"], whole["overdue"], whole["on_time"]) == (128, 112 / 128, 1, 3 / 20)
    page = signed_in("quality").get("/quality/bulletin?month=2026-11").text
    assert all(words in page for words in ("归集及时率", "一次合格率", "超期工单", "复发率", "口径说明", "本月尚未结束"))
    assert "本月末" in signed_in("quality").get("/quality/bulletin?month=2026-10").text


def test_bulletin_goes_out_as_a_workbook_with_its_definitions(signed_in):
    from openpyxl import load_workbook

    answer = signed_in("quality").get("/quality/bulletin?month=2026-11&format=xlsx")
    assert answer.headers["content-disposition"] == 'attachment; filename="bulletin-2026-11.xlsx"'
    book = load_workbook(io.BytesIO(answer.content))
    assert book.sheetnames == ["总体", "按责任单位排名", "按区划排名", "口径说明"]
    page = book["按责任单位排名"]
    assert page["A1"].value.startswith("数据质量月度通报（2026年11月）") and page.cell(2, 1).value == "责任单位"
    assert page.cell(3, 3).number_format == "0.0" and 90 < page.cell(3, 3).value <= 100
