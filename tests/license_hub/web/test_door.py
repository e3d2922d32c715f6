"""Signing in and out, and what the door lets through, over the whole application."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import sqlalchemy as sa
from fastapi import APIRouter, Request, UploadFile

from catalogs.access import Policy
from license_hub.api.build import build
from license_hub.app import faced
from license_hub.service.staff_sessions import csrf_secret
from license_hub.storage.tables import audit
from license_hub.web import csrf, pages
from license_hub.web.assets import LIBRARIES, VENDOR, assets
from license_hub.web.house import House
from tests.license_hub.sample_hub import options
from tests.license_hub.web.staff_visit import BODY, PASSWORD, Browser, token_of


@pytest.fixture
def visitor(app):
    return Browser(app)


def test_visitor_without_a_session_is_sent_to_sign_in_and_back(visitor):
    answer = visitor.get("/staff", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2Fstaff")
    signed = visitor.post("/sign-in", page=answer.headers["location"], account="body", password="a long sample password", next="/staff")
    assert (signed.status_code, signed.headers["location"]) == (303, "/staff")
    page = visitor.get("/staff")
    assert page.status_code == 200 and BODY in page.text and "责任单位人员" in page.text


def test_sign_out_ends_the_session_on_the_server(visitor):
    visitor.sign_in("quality")
    kept = dict(visitor.cookies)
    assert visitor.post("/sign-out", page="/staff").headers["location"] == "/sign-in"
    visitor.cookies.update(kept)
    assert visitor.get("/staff").status_code == 303


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
    assert visitor.get("/staff").status_code == 200


def test_t32_token_that_anybody_could_compute_opens_no_session(visitor):
    """Another site's form brings no cookie of ours: the secret of a visitor without one is known to all."""
    token = csrf.masked(csrf_secret("visitor "))
    answer = visitor.send("POST", "/sign-in", data={"csrf": token, "account": "quality", "password": PASSWORD}, headers={"Origin": "null"})
    assert answer.status_code == 403 and "set-cookie" not in answer.headers


def test_t32_form_from_another_site_is_refused_even_with_a_token(visitor):
    visitor.sign_in("quality")
    token = {"csrf": visitor.token("/staff")}
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "http://elsewhere.example"}):
        assert visitor.send("POST", "/sign-out", data=token, headers=headers).status_code == 403
    fine = visitor.send("POST", "/sign-out", data=token, headers={"Sec-Fetch-Site": "same-origin", "Origin": "http://hub"})
    assert fine.status_code == 303


def test_t32_each_answer_masks_the_token_anew(visitor):
    visitor.sign_in("quality")
    assert len({visitor.token("/staff") for _ in range(4)}) == 4


@pytest.mark.parametrize("wanted", ["//elsewhere.example/", "https://elsewhere.example", "/\\elsewhere.example", "/staff\nX: y", "staff"])
def test_t32_sign_in_leads_to_pages_of_ours_alone(visitor, wanted):
    assert visitor.sign_in("quality", next=wanted).headers["location"] == "/quality"


def test_route_without_a_policy_row_stops_the_application(staffed, tmp_path):
    stray = APIRouter()
    stray.add_api_route("/quality/stray", lambda: None)
    with pytest.raises(LookupError, match="GET /quality/stray"):
        House(staffed, lambda kind, parameters: None).routers([stray])


def test_t32_nothing_may_be_framed_but_the_framed_pages_by_the_configured_origin(staffed):
    app = faced(staffed, options(staffed.lake.root.parent, airflow_origin="http://127.0.0.1:8082"))
    ancestors = {path: Browser(app).get(path).headers["content-security-policy"] for path in ("/sign-in", "/verify", "/quality/framed/x")}
    assert "frame-ancestors http://127.0.0.1:8082;" in ancestors.pop("/quality/framed/x")
    assert all("frame-ancestors 'none';" in one for one in ancestors.values())
    assert "frame-ancestors 'none';" in Browser(faced(staffed)).get("/quality/framed/x").headers["content-security-policy"]


@pytest.mark.parametrize("wanted", ["br", "gzip", "identity", "br;q=0, gzip"])
def test_pages_go_out_compressed_as_the_browser_takes_them(visitor, wanted):
    plain = visitor.get("/sign-in", headers={"Accept-Encoding": "identity"})
    answer = visitor.get("/sign-in", headers={"Accept-Encoding": wanted})
    assert answer.headers.get("content-encoding", "identity") == wanted.rpartition(", ")[2]
    assert answer.headers["vary"] == "Accept-Encoding" and answer.headers["cache-control"] == "no-store"
    assert answer.text.splitlines()[:8] == plain.text.splitlines()[:8] and answer.text.endswith("</html>")
    assert (int(answer.headers["content-length"]) < int(plain.headers["content-length"])) == (wanted != "identity")


def test_files_are_named_by_their_content_and_kept_for_good(visitor):
    address = re.search(r'href="(/static/style.css\?v=\w{16})"', visitor.get("/sign-in").text)[1]
    answer = visitor.get(address, headers={"Accept-Encoding": "br"})
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-encoding"] == "br" and ":root" in answer.text
    assert visitor.get(address, headers={"If-None-Match": answer.headers["etag"]}).status_code in (200, 304)
    assert visitor.get("/static/style.css?v=0000").headers["cache-control"] == "public, max-age=300"


def test_libraries_of_the_pages_are_served_where_npm_brought_them(visitor):
    for name, path in VENDOR.items():
        there = (LIBRARIES / path).is_file()
        assert assets().has(name) == there
        assert visitor.get(f"/static/{name}").status_code == (200 if there else 404)


def test_t29_large_body_is_read_for_those_alone_who_may_upload(staffed, catalog):
    """The allowance is asked with the sender's session before a byte of the body is held."""
    rows = {"POST /quality/tickets/{number}/delivery": Policy(frozenset({"quality"}), upload_mib=1)}
    access = replace(catalog.access, routes=catalog.access.routes | rows)
    small = replace(staffed, catalog=replace(catalog, access=access))
    house, upload = House(small, lambda kind, parameters: None), APIRouter()

    @upload.post("/quality/tickets/{number}/delivery")
    def delivered(request: Request, number: int, file: UploadFile) -> dict:
        return {"bytes": len(file.file.read()), "on_disk": file.file._rolled}

    app = build(small, [*pages.routers(), *house.routers([upload])], pages.problem_page, allowance=house.allowance)
    path, content = "/quality/tickets/7/delivery", b"x" * 500_000
    answers = {}
    for account in ("quality", "body", ""):
        visitor = Browser(app)
        if account:
            visitor.sign_in(account)
        token = {"csrf": visitor.token("/staff" if account else "/sign-in")}
        answers[account] = visitor.send("POST", path, data=token, files={"file": ("x.csv", content)})
        if account == "quality":
            too_large = visitor.send("POST", path, data=token, files={"file": ("x.csv", b"x" * 1_100_000)})
            assert too_large.status_code == 413
    assert answers["quality"].json() == {"bytes": 500_000, "on_disk": False}
    assert [answers[account].status_code for account in ("body", "")] == [413, 413]


def test_t32_cookies_of_an_https_hub_are_bound_to_host_and_https_and_hidden_from_scripts(staffed):
    secure = replace(staffed, public_url="https://hub.example")
    visitor = Browser(faced(secure), "https://hub.example")
    form = visitor.get("/sign-in").headers["set-cookie"]
    given = visitor.sign_in("quality").headers.get_list("set-cookie")[0]
    for cookie, name in ((form, "__Host-hub-visitor="), (given, "__Host-hub=")):
        assert cookie.startswith(name) and "Domain" not in cookie
        assert {"HttpOnly", "Secure", "SameSite=lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert visitor.get("/staff").status_code == 200


def test_t32_headers_of_every_staff_page_keep_it_from_frames_caches_and_strangers(visitor):
    visitor.sign_in("quality")
    for path in ("/sign-in", "/staff", "/quality", "/nothing"):
        headers = visitor.get(path).headers
        assert headers["cache-control"] == "no-store" and headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer" and headers["cross-origin-opener-policy"] == "same-origin"
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy


def test_refusal_of_a_page_is_in_the_audit_log_without_its_address(visitor, staffed):
    visitor.sign_in("body")
    visitor.get("/quality/rules/legal_entity.name.not_null")
    with staffed.engine.connect() as connection:
        row = connection.execute(sa.select(audit).order_by(audit.c.seq.desc())).first()
    assert (row.actor, row.action, row.status, row.code) == ("staff:body", "page", "REFUSED", "FORBIDDEN")
    assert row.purpose == "GET /quality/rules/{rule}"
