"""/matters: the published lists as pages and CSV, for everybody, in plain Chinese."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from catalogs import matter_lists
from license_hub.api.build import build
from license_hub.web import pages
from license_hub.web.matters_page import LISTS, percent
from tests.license_hub.caller import send
from tests.license_hub.sample_hub import Clock, sample_hub


@pytest.fixture(scope="module")
def app(tmp_path_factory, catalog):
    drafted = replace(catalog.matters["public_rental"], id="in_review", state="review")
    hub = sample_hub(tmp_path_factory.mktemp("matters"), replace(catalog, matters={**catalog.matters, "in_review": drafted}), clock=Clock())
    yield build(hub, pages.routers(), pages.problem_page)
    hub.close()


def test_list_page_shows_every_published_matter_and_the_share(app, catalog):
    text = send(app, "GET", "/matters").text
    assert all(f'href="/matters/{one.id}">{one.title}</a>' in text for one in catalog.matters.values() if one.published)
    share = matter_lists.overall(catalog)
    assert percent(share) in text and f"{share.of} 项材料中，{share.linked} 项" in text
    assert "in_review" not in text


@pytest.mark.parametrize("name", ["food_permit_new", "public_rental", "newborn_bundle"])
def test_matter_page_says_each_material_and_each_way_in_words(app, catalog, name):
    matter = catalog.matters[name]
    text = send(app, "GET", f"/matters/{name}").text
    assert matter.task_code in text and all(one.title in text for one in matter.materials)
    for one in matter.materials:
        assert all(matter_lists.KINDS[way.kind] in text for way in one.ways)
    assert all(review.by in text and review.document_no in text for review in matter.reviews)
    assert all(field.title in text for field in matter.form) and "需要提交" in text
    assert catalog.departments[matter.department].contact in text


def test_matter_page_names_conditions_by_their_labels_and_promises_whole(app):
    text = send(app, "GET", "/matters/public_rental").text
    assert "人员状态为正常" in text and "险种为企业职工基本养老保险或城乡居民基本养老保险" in text
    assert "第 2 版，自 2026-11-22 起" in text and "曾有第 1 版，自 2025-03-01 起" in text
    assert "本市无自有住房" in text and "承诺不实的" in text


@pytest.mark.parametrize("name", ["in_review", "no_such_matter", "..%2Fverify"])
def test_matter_that_is_not_published_does_not_exist_for_the_public(app, name):
    assert send(app, "GET", f"/matters/{name}").status_code == 404


@pytest.mark.parametrize("name", LISTS)
def test_list_comes_as_csv_that_a_spreadsheet_opens(app, catalog, name):
    answer = send(app, "GET", f"/matters/{name}.csv")
    columns, rows = LISTS[name]
    assert answer.headers["content-type"].startswith("text/csv") and f"{name}.csv" in answer.headers["content-disposition"]
    assert answer.content.startswith(b"\xef\xbb\xbf")
    assert list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")))) == list(rows(catalog))
    assert tuple(columns)[0] in answer.text


def test_care_mode_enlarges_the_lists_too(app):
    assert 'class="care-2"' in send(app, "GET", "/matters", headers={"Cookie": "hub-care=2"}).text
