"""关怀版: large text in three steps, kept by a cookie, switched by links that come back to the same page."""

from __future__ import annotations

import re

import pytest

from tests.license_hub.web.staff_visit import Browser


@pytest.mark.parametrize(("page", "headers"), [("/verify", {}), ("/sign-in?next=%2Fme", {}), ("/nothing", {"Accept": "text/html"})])
def test_care_step_is_kept_and_shown_on_every_kind_of_page(app, page, headers):
    visitor = Browser(app)
    assert "care-" not in visitor.get(page, headers=headers).text
    for step in ("1", "2"):
        assert visitor.get(f"/care?step={step}").status_code == 303
        text = visitor.get(page, headers=headers).text
        assert f'class="care-{step}"' in text and text.count('aria-current="true"') == 1
    visitor.get("/care?step=0")
    assert "care-" not in visitor.get(page, headers=headers).text


def test_care_switch_comes_back_to_the_page_with_its_filters(app):
    visitor = Browser(app)
    away = re.search(r'href="(/care\?step=2[^"]*)"', visitor.get("/sign-in?next=%2Fquality%3Fbody%3D9").text)[1].replace("&amp;", "&")
    assert visitor.get(away).headers["location"] == "/sign-in?next=%2Fquality%3Fbody%3D9"


@pytest.mark.parametrize("wanted", ["//elsewhere.example", "https://elsewhere.example", "/%5Celsewhere.example", "nowhere", "/[", "//["])
def test_t32_care_switch_leads_nowhere_else(app, wanted):
    location = Browser(app).get(f"/care?step=1&next={wanted}").headers["location"]
    assert location in ("/", "/[")


@pytest.mark.parametrize("value", ["3", "x", "-1", '"; x=', "１"])
def test_care_cookie_with_nonsense_is_the_standard_text(app, value):
    answer = Browser(app).get("/verify", headers={"Cookie": f"hub-care={value}".encode()})
    assert answer.status_code == 200 and "care-" not in answer.text
