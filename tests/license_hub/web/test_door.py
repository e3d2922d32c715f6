"""Signing in and out, and what the door lets through, over the whole application."""

from __future__ import annotations

import pytest

from license_hub.app import faced
from tests.license_hub.sample_hub import Clock, options
from tests.license_hub.web.staff_visit import BODY, Browser, add_staff, token_of


@pytest.fixture(scope="module")
def clock():
    return Clock()


@pytest.fixture(scope="module")
def hub(tmp_path_factory, catalog, clock):
    from license_hub.service.hub import open_hub

    made = open_hub(options(tmp_path_factory.mktemp("door")), clock=clock, catalog=catalog)
    add_staff(made)
    yield made
    made.close()


@pytest.fixture(scope="module")
def app(hub):
    return faced(hub)


@pytest.fixture
def visitor(app):
    return Browser(app)


def test_visitor_without_a_session_is_sent_to_sign_in_and_back(visitor):
    answer = visitor.get("/me", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2Fme")
    signed = visitor.post("/sign-in", page=answer.headers["location"], account="body", password="a long sample password", next="/me")
    assert (signed.status_code, signed.headers["location"]) == (303, "/me")
    page = visitor.get("/me")
    assert page.status_code == 200 and BODY in page.text and "责任单位人员" in page.text


def test_sign_out_ends_the_session_on_the_server(visitor):
    visitor.sign_in("quality")
    kept = dict(visitor.cookies)
    assert visitor.post("/sign-out", page="/me").headers["location"] == "/sign-in"
    visitor.cookies.update(kept)
    assert visitor.get("/me").status_code == 303


@pytest.mark.parametrize("account", ["quality", "nobody-of-this-name"])
def test_t32_wrong_password_is_answered_alike_for_known_and_unknown_names(visitor, account):
    answer = visitor.sign_in(account, "not the password")
    assert answer.status_code == 403 and "账号或密码不对" in answer.text
    assert f'"{account}"' not in answer.text and "not the password" not in answer.text


def test_t32_form_without_the_session_s_token_is_refused(visitor):
    visitor.sign_in("quality")
    other = Browser(visitor.app)
    foreign = token_of(other.get("/sign-in").text)
    for given in ({}, {"csrf": ""}, {"csrf": foreign}, {"csrf": "ü"}):
        assert visitor.send("POST", "/sign-out", data=given).status_code == 403
    assert visitor.get("/me").status_code == 200


def test_t32_form_from_another_site_is_refused_even_with_a_token(visitor):
    visitor.sign_in("quality")
    token = {"csrf": visitor.token("/me")}
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "http://elsewhere.example"}):
        assert visitor.send("POST", "/sign-out", data=token, headers=headers).status_code == 403
    fine = visitor.send("POST", "/sign-out", data=token, headers={"Sec-Fetch-Site": "same-origin", "Origin": "http://hub"})
    assert fine.status_code == 303


def test_t32_each_answer_masks_the_token_anew(visitor):
    visitor.sign_in("quality")
    assert len({visitor.token("/me") for _ in range(4)}) == 4


@pytest.mark.parametrize("wanted", ["//elsewhere.example/", "https://elsewhere.example", "/\\elsewhere.example", "/me\nX: y", "me"])
def test_t32_sign_in_leads_to_pages_of_ours_alone(visitor, wanted):
    assert visitor.sign_in("quality", next=wanted).headers["location"] == "/me"


def test_route_without_a_policy_row_stops_the_application(hub, tmp_path):
    from fastapi import APIRouter

    from license_hub.web.staff import House

    stray = APIRouter()
    stray.add_api_route("/quality/stray", lambda: None)
    with pytest.raises(LookupError, match="GET /quality/stray"):
        House(hub, lambda kind, parameters: None).routers([stray])
