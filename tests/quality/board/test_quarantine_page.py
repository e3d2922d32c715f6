"""Quarantine in the browser: filters, pages, masking, export as a logged act, tickets by one click."""

from __future__ import annotations

import csv
import io

import pytest

from quality.board import quarantine
from quality.board.surroundings import Issued
from tests.quality.board.conftest import NAMELESS, ODD, SECRET
from tests.quality.board.house import STAFF, clerk, text_of


@pytest.fixture
def batch(world) -> str:
    return world.deliver(*world.bad(3), ("B1", "=cmd|'/c calc'!A1", "丙", world.south), ("C1", "好", "丙", world.south))


def test_failing_rows_are_shown_with_sentences_bodies_and_licenses_and_masked(world, batch):
    world.house.licenses["A1"] = Issued("1.2.156.3005.2.x", 2, "IN_FORCE", "/quality/licenses/x")
    answer = world.house.get(STAFF, "/quality/quarantine?resource=thing")
    page = text_of(answer.text)
    assert answer.status_code == 200 and "共5条" in page and "证照第2版" in page
    assert "名称应以好字开头" in page and "类别只能是甲或乙" in page and "样***" in page
    assert SECRET not in answer.text and "calc" not in answer.text
    assert f'href="/quality/bodies/{world.north}"' in answer.text and f"/quality/quarantine/{batch}/rows/1" in answer.text


@pytest.mark.parametrize(("query", "count"), [("fate=warned", 1), (f"rule={ODD}", 2), ("fate=removed", 0), (f"rule={NAMELESS}", 4)])
def test_filters_choose_rows(world, batch, query, count):
    page = text_of(world.house.get(STAFF, f"/quality/quarantine?batch={batch}&{query}").text)
    assert f"共{count}条" in page


def test_batch_that_left_the_list_is_still_opened_and_one_of_another_resource_is_not(world, monkeypatch):
    monkeypatch.setattr(quarantine, "MOST_BATCHES", 1)
    old, new = world.deliver(*world.bad(3)), world.deliver(*world.bad(2))
    page = world.house.get(STAFF, f"/quality/quarantine?resource=thing&batch={old}").text
    assert "共3条" in text_of(page) and f'value="{old}" selected' in page and f'value="{new}"' in page
    assert f'value="{old}"' not in world.house.get(STAFF, "/quality/quarantine?resource=thing").text
    assert world.house.get(STAFF, "/quality/quarantine?resource=thing&batch=thing-20260101T000000-00000000").status_code == 404


def test_pages_follow_by_link(world):
    batch = world.deliver(*world.bad(60))
    first = world.house.get(STAFF, f"/quality/quarantine?batch={batch}").text
    assert "共60条，本页50条" in text_of(first)
    assert 'rel="next" href="/quality/quarantine?batch=' in first and "after=50" in first
    second = world.house.get(STAFF, f"/quality/quarantine?batch={batch}&after=50").text
    assert "本页10条" in text_of(second) and 'rel="next"' not in second


def test_t34_staff_of_a_body_see_its_rows_alone_whatever_they_ask_for(world, batch):
    me = clerk(world.south)
    page = text_of(world.house.get(me, f"/quality/quarantine?batch={batch}&body={world.north}").text)
    assert "共2条" in page and "开工单" not in page
    assert world.house.get(me, f"/quality/quarantine/{batch}/rows/1").status_code == 404
    assert world.house.post(me, f"/quality/quarantine/{batch}/rows/1", purpose_code="REVIEW", why="看").status_code == 404
    assert world.house.get(me, f"/quality/quarantine/{batch}/rows/4").status_code == 200
    export = world.house.post(me, "/quality/quarantine/export", batch=batch, body=world.north)
    assert len(list(csv.DictReader(io.StringIO(export.text.lstrip("\ufeff"))))) == 2


def test_unmasking_needs_purpose_and_reason_and_is_on_record_before_it_shows(world, batch):
    house, address = world.house, f"/quality/quarantine/{batch}/rows/1"
    assert SECRET not in house.get(STAFF, address).text
    for form in ({}, {"purpose_code": "REVIEW"}, {"why": "核对"}, {"purpose_code": "CURIOSITY", "why": "核对"}):
        refused = house.post(STAFF, address, **form)
        assert refused.status_code == 422 and SECRET not in refused.text and "还不能办理" in refused.text
    assert house.audited == []
    shown = house.post(STAFF, address, purpose_code="REVIEW", why="核对")
    assert shown.status_code == 200 and SECRET + "1" in shown.text
    assert house.audited == [
        {"action": "quality.unmask", "by": "staff", "batch": batch, "row": 1, "purpose": "REVIEW", "reason": "核对"}
    ]  # fmt: skip
    assert SECRET not in house.get(STAFF, address).text


def test_no_record_no_values(world, batch, monkeypatch):
    def away(*_args, **_rest):
        raise ConnectionError("audit log away")

    from tests.quality.board.house import House

    house = House(world.bench)
    monkeypatch.setattr(House, "audit", away)
    house = House(world.bench)
    for path, form in (
        (f"/quality/quarantine/{batch}/rows/1", {}), ("/quality/quarantine/export", {"batch": batch, "whole": "1"}),
    ):  # fmt: skip
        with pytest.raises(ConnectionError):
            house.post(STAFF, path, purpose_code="REVIEW", why="核对", **form)


def test_t14_export_is_logged_masked_and_runs_in_no_spreadsheet(world, batch):
    house = world.house
    answer = house.post(STAFF, "/quality/quarantine/export", batch=batch)
    rows = list(csv.DictReader(io.StringIO(answer.text.lstrip("\ufeff"))))
    assert answer.headers["content-type"].startswith("text/csv") and len(rows) == 5 and SECRET not in answer.text
    assert [one["名称"] for one in rows[:4]] == ["样***", "样***", "样***", "'=***"]
    whole = house.post(STAFF, "/quality/quarantine/export", batch=batch, whole="1", purpose_code="COMPARE", why="核对")
    rows = list(csv.DictReader(io.StringIO(whole.text.lstrip("\ufeff"))))
    assert rows[3]["名称"] == "'=cmd|'/c calc'!A1" and rows[0]["名称"] == SECRET + "1"
    assert [(one["action"], one["masked"]) for one in house.audited] == [("quality.export", 1), ("quality.export", 0)]
    assert house.post(STAFF, "/quality/quarantine/export", batch=batch, whole="1").status_code == 422 and len(house.audited) == 2


def test_one_click_opens_a_ticket_for_each_body_and_leads_to_them(world, batch):
    house = world.house
    answer = house.post(STAFF, "/quality/quarantine/tickets", batch=batch, rule=NAMELESS)
    assert answer.status_code == 303
    page = text_of(house.get(STAFF, answer.headers["location"]).text)
    assert "工单已开" in page and "共2条" in page
    row = house.get(STAFF, f"/quality/quarantine/{batch}/rows/1").text
    assert 'href="/quality/tickets/1"' in row
    house.post(STAFF, "/quality/quarantine/tickets", batch=batch, rule=NAMELESS)
    assert "共2条" in text_of(house.get(STAFF, "/quality/tickets").text)


@pytest.mark.parametrize("path", ["?batch=thing-20200101T000000-00000000", "?resource=nothing", "/thing-20200101T000000-00000000/rows/1"])
def test_unknown_batch_resource_or_row_is_not_found(world, batch, path):
    assert world.house.get(STAFF, f"/quality/quarantine{path}").status_code == 404
    assert world.house.get(STAFF, f"/quality/quarantine/{batch}/rows/99").status_code == 404


def test_unknown_rule_opens_nothing(world, batch):
    assert world.house.post(STAFF, "/quality/quarantine/tickets", batch=batch, rule="thing.no.such").status_code == 422
    assert "没有符合条件的工单" in world.house.get(STAFF, "/quality/tickets").text
