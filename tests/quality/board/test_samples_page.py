"""Sampling in the browser: draw, compare row by row, the result with its interval; values masked until somebody says why."""

from __future__ import annotations

import pytest

from tests.quality.board.conftest import SECRET, World
from tests.quality.board.house import AUDITOR, STAFF, text_of


@pytest.fixture
def drawn(world) -> str:
    world.deliver(*((f"C{at}", f"好{SECRET}{at}", "甲", world.north if at % 2 else world.south) for at in range(24)))
    answer = world.house.post(STAFF, "/quality/samples", resource="thing", rows="22")
    assert answer.status_code == 303
    return answer.headers["location"]


def say(world: World, address: str, **form):
    return world.house.post(STAFF, f"{address}/verdicts", **form)


def test_sample_is_drawn_and_listed_and_unfinished_until_all_is_judged(world, drawn):
    page = text_of(world.house.get(STAFF, "/quality/samples").text)
    assert "22/24" in page and "核对完才计分" in page and drawn in world.house.get(STAFF, "/quality/samples").text


@pytest.mark.parametrize("rows", ["0", "-3", "many", "10001", "", "99999999"])
def test_number_of_rows_that_cannot_be_is_refused(world, drawn, rows):
    answer = world.house.post(STAFF, "/quality/samples", resource="thing", rows=rows)
    assert answer.status_code == 422 and "没有抽取" in answer.text


def test_rows_are_judged_page_by_page_and_the_result_has_its_interval(world, drawn):
    first = {f"verdict-{row}": "right" for row in range(1, 21)}
    assert (
        say(world, drawn, after="0", **first | {"verdict-1": "wrong", "field-1": ["name", "kind"], "verdict-2": "unknown"}).status_code
        == 303
    )
    assert say(world, drawn, after="20", **{"verdict-21": "right"}).status_code == 303
    half = text_of(world.house.get(STAFF, drawn).text)
    assert "一致19·不一致1·无法核对1·待核对1" in half and "全部核对完后计入0301" in half
    assert say(world, drawn, after="20", **{"verdict-22": "right"}).headers["location"].endswith("?after=20&said=1")
    done = text_of(world.house.get(STAFF, f"{drawn}?after=20&said=1").text)
    # 20 of 21: Wilson's interval.
    assert "95.2%（77.3%–99.2%）" in done and "现行，已计入0301" in done and "已保存1条" in done
    assert "现行" in text_of(world.house.get(STAFF, "/quality/samples").text)


def test_unchanged_rows_are_not_said_again(world, drawn):
    assert say(world, drawn, after="0", **{"verdict-1": "right"}).headers["location"].endswith("said=1")
    assert say(world, drawn, after="0", **{"verdict-1": "right", "verdict-2": "right"}).headers["location"].endswith("said=1")


@pytest.mark.parametrize("form", [{"verdict-3": "wrong"}, {"verdict-3": "right", "field-3": "name"}])
def test_verdict_and_fields_that_do_not_fit_are_told_and_nothing_is_saved(world, drawn, form):
    answer = say(world, drawn, after="0", **{"verdict-1": "right"} | form)
    assert answer.status_code == 422 and 'href="#row-3"' in answer.text and "待核对22" in text_of(answer.text)


def test_values_are_masked_until_a_purpose_is_on_record(world, drawn):
    house = world.house
    assert SECRET not in house.get(STAFF, drawn).text
    assert house.post(STAFF, f"{drawn}/rows", after="0").status_code == 422 and house.audited == []
    shown = house.post(STAFF, f"{drawn}/rows", after="20", purpose_code="COMPARE", why="与登记档案核对")
    assert SECRET in shown.text and shown.text.count("<fieldset") == 2
    assert [(one["action"], one["after"], one["purpose"]) for one in house.audited] == [("quality.unmask", 20, "COMPARE")]


def test_auditor_looks_and_has_no_form(world, drawn):
    html = world.house.get(AUDITOR, drawn).text
    assert "<form" not in html and "待核对" in html and "<form" not in world.house.get(AUDITOR, "/quality/samples").text


def test_unknown_sample_or_resource_is_not_found(world):
    assert world.house.get(STAFF, "/quality/samples/nothing").status_code == 404
    assert world.house.post(STAFF, "/quality/samples", resource="nothing", rows="3").status_code == 404
    assert world.house.post(STAFF, "/quality/samples/nothing/verdicts").status_code == 404
