"""The holders' pages: who gets in, what they show, and that a withdrawal there is the counter's next refusal."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from datetime import timedelta
from types import SimpleNamespace
from urllib.parse import urlsplit

import httpx
import pytest

from catalogs.load import load
from license_hub.app import faced
from license_hub.domain.license import FIELD_TITLES
from license_hub.log import bundle
from license_hub.log.checkpoint import keys as log_keys
from license_hub.log.tree import leaf_hash
from license_hub.service import keep_grants
from license_hub.service.access_log import looks
from license_hub.service.integrate import attend
from license_hub.service.register_client import SCOPES, register
from license_hub.signing.canonical import jcs
from license_hub.storage.tables_grants import holder_session
from tests.license_hub.caller import Key, send, token_form
from tests.license_hub.sample_hub import credit_code, identifier_of, options, sample_hub, wall_clock
from tests.license_hub.web.staff_visit import Browser, add_staff, token_of
from tests.support import identity_provider as idp

POLICY = load().access
HOLDER, OTHER = credit_code(2000), credit_code(2001)
TYPE, MATTER = "business_license", "food_permit_new"


@pytest.fixture(scope="module")
def provider():
    with idp.running() as started:
        yield started


@pytest.fixture(scope="module")
def hub(tmp_path_factory, catalog):
    made = sample_hub(tmp_path_factory.mktemp("me"), catalog, None, wall_clock)
    add_staff(made)
    yield made
    made.close()


@pytest.fixture(scope="module")
def app(hub, provider):
    given = {"holder_issuer": provider.url, "holder_client_id": idp.CLIENT_ID, "holder_client_secret": idp.CLIENT_SECRET}
    return faced(hub, options(hub.lake.root.parent, **given))


def sign_in(app, provider, number: str = HOLDER, wanted: str = "/me") -> Browser:
    visitor = Browser(app)
    provider.claims, provider.spoil = {"sub": "u-1", "name": "样例甲", "id_number": number}, None
    away = visitor.get(f"/me/sign-in/start?next={wanted}")
    back = httpx.get(away.headers["location"]).headers["location"]
    visitor.answer = visitor.get(f"{urlsplit(back).path}?{urlsplit(back).query}")
    return visitor


@pytest.fixture
def holder(app, provider) -> Browser:
    return sign_in(app, provider)


@pytest.fixture(scope="module")
def counter(hub, app):
    """A client that may use the holder's licenses, with an open case of the holder's."""
    key = Key()
    client = register(hub, "样例市政务服务中心", key.jwk, SCOPES, [TYPE], credit_code(2, "11"))
    for kind in (TYPE, "real_estate_title"):
        keep_grants.give(hub, client.client_id, kind, MATTER, (hub.now() + timedelta(days=9)).date(), "样例1号", "test")

    def call(method: str, path: str, **rest):
        form = token_form(key.assertion(client.client_id, hub.public_url, time.time()))
        token = send(app, "POST", "/oauth/token", data=form).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": Key().kid} | rest.pop("headers", {})
        return send(app, method, path, headers=headers, **rest)

    opening = {
        "case_no": "me-1", "matter": MATTER, "operator": "窗口07", "window": "7", "received_in": "990101", "handled_in": "990101",
        "applicants": [{"party": "applicant", "name": "样例", "number": HOLDER}],
    }  # fmt: skip
    opened = call("POST", "/v1/cases", json=opening)
    assert opened.status_code == 201, opened.text
    return SimpleNamespace(call=call, case_id=opened.json()["case_id"], client_id=client.client_id)


def asked(counter, kind: str = "real_estate_title", operator: str = "窗口07") -> str:
    wanted = {"how": "ask", "case_id": counter.case_id, "party": "applicant", "type": kind, "operator": operator}
    made = counter.call("POST", "/v1/authorizations", json=wanted)
    assert made.status_code == 201, made.text
    return made.json()["id"]


def test_holder_signs_in_and_sees_own_licenses_alone(app, provider, hub):
    visitor = sign_in(app, provider, wanted="/me/looks")
    assert (visitor.answer.status_code, visitor.answer.headers["location"]) == (303, "/me/looks")
    page = visitor.get("/me").text
    mine, foreign = identifier_of(hub, HOLDER), identifier_of(hub, OTHER)
    assert "营业执照" in page and mine in page and foreign not in page and "样例甲" in page
    detail = visitor.get(f"/me/licenses/{mine}")
    assert detail.status_code == 200 and "证照真实有效" in detail.text
    assert visitor.get(f"/me/licenses/{foreign}").status_code == visitor.get("/me/licenses/none").status_code == 404


def test_t30_session_keeps_number_and_name_encrypted_and_ends_with_sign_out(holder, hub):
    with hub.engine.connect() as connection:
        rows = connection.execute(holder_session.select()).all()
    assert rows and all(HOLDER.encode() not in bytes(row.payload) and "样例甲".encode() not in bytes(row.payload) for row in rows)
    assert holder.post("/me/sign-out", page="/me").headers["location"] == "/me/sign-in"
    assert holder.get("/me").headers["location"] == "/me/sign-in?next=%2Fme"


@pytest.mark.parametrize("claims", [{}, {"id_number": 7}, {"id_number": "990101199001010010"}, {"id_number": HOLDER[:-1] + "?"}])
def test_t32_claims_without_a_number_that_can_hold_licenses_open_no_session(app, provider, claims):
    visitor = Browser(app)
    provider.claims = {"sub": "u-2", "name": "样例乙"} | claims
    back = httpx.get(visitor.get("/me/sign-in/start").headers["location"]).headers["location"]
    answer = visitor.get(f"{urlsplit(back).path}?{urlsplit(back).query}")
    assert answer.status_code == 403 and "登录没有完成" in answer.text and visitor.get("/me").status_code == 303


ROUTES = [(name, rule.holder) for name, rule in POLICY.routes.items() if rule.holder]


@pytest.mark.parametrize(("route", "who"), ROUTES)
def test_t11_holder_pages_let_in_holders_alone(app, provider, route, who):
    method, _, template = route.partition(" ")
    path = template.format(identifier="none", authorization="0" * 32, seq="1") if "{" in template else template
    staff = Browser(app)
    staff.sign_in("quality")
    for visitor in (Browser(app), staff):
        answer = visitor.send(method, path)
        if who == "open":
            assert answer.status_code in (200, 303, 403) and "/me/sign-in?" not in answer.headers.get("location", "")
        else:
            assert answer.status_code == 303 and answer.headers["location"].startswith("/me/sign-in")
    if method == "POST":
        signed = sign_in(app, provider)
        assert signed.send("POST", path).json()["code"] == "FORM_STALE"
        foreign = sign_in(app, provider, OTHER)
        token = token_of(foreign.get("/me").text)
        assert signed.send("POST", path, data={"csrf": token}).json()["code"] == "FORM_STALE"


def test_holder_session_opens_no_staff_page(holder):
    assert holder.get("/quality").headers["location"].startswith("/sign-in") and holder.get("/staff").status_code == 303


def test_holder_gives_limits_and_withdraws_on_the_phone_page(holder, counter):
    name = asked(counter)

    def state() -> str:
        return counter.call("GET", f"/v1/authorizations/{name}").json()["state"]

    page = holder.get("/me").text
    assert "等您确认" in page
    grants = holder.get("/me/grants").text
    assert "样例市政务服务中心" in grants and "食品经营许可新办" in grants and "me-1" in grants and "窗口07" in grants
    path = f"/me/grants/{name}"
    assert holder.post(path, page="/me/grants", act="give", days="30").headers["location"] == "/me/grants" and state() == "given"
    assert holder.post(path, page="/me/grants", act="limit", days="180").status_code == 409
    assert holder.post(path, page="/me/grants", act="limit", days="7").status_code == 303
    assert holder.post(path, page="/me/grants", act="withdraw").status_code == 303 and state() == "withdrawn"
    again = holder.post(path, page="/me/grants", act="give")
    assert again.status_code == 409 and "已经变化" in again.text


def test_t34_another_holder_s_page_changes_nothing_of_it(app, provider, counter):
    name = asked(counter)
    foreign = sign_in(app, provider, OTHER)
    for act in ("give", "decline", "withdraw", "limit"):
        answer = foreign.send("POST", f"/me/grants/{name}", data={"csrf": token_of(foreign.get("/me").text), "act": act})
        assert answer.status_code == 409
    assert counter.call("GET", f"/v1/authorizations/{name}").json()["state"] == "asked"
    assert name not in foreign.get("/me/grants").text


def test_use_code_from_the_page_serves_the_case_it_is_said_to(holder, counter, hub):
    path = f"/me/licenses/{identifier_of(hub, HOLDER)}"
    page = holder.post(f"{path}/use-code", page=path).text
    code = re.search(r'<p class="use-code">([0-9A-Z]{4}-[0-9A-Z]{4})</p>', page)[1]
    used = counter.call("POST", "/v1/authorizations", json={"how": "code", "case_id": counter.case_id, "operator": "窗口07", "code": code})
    assert (used.status_code, used.json()["state"], used.json()["type_id"]) == (201, "given", TYPE), used.text


def test_holder_sees_every_look_allowed_or_refused_with_who_why_and_a_proof_that_anybody_can_check(holder, counter, hub):
    identifier, before = identifier_of(hub, HOLDER), looks(hub, HOLDER)[0].seq
    asked_for = {"identifier": identifier, "holder_number": HOLDER, "purpose": "样例用途", "case_no": "me-1"}
    assert counter.call("POST", "/v1/verifications", json=asked_for).status_code == 200
    headers = {"Hub-Purpose": "check", "Hub-Case-No": "me-7"}
    refused = counter.call("GET", f"/v1/licenses/{identifier}/bundle?show=none", headers=headers)
    assert refused.status_code in (400, 404, 409)
    started = time.monotonic()
    attend(hub)
    found = [one for one in looks(hub, HOLDER) if one.seq > before]
    assert [(one.action, one.allowed, one.who, one.case_no) for one in found] == [
        ("export", False, "样例市政务服务中心", "me-7"), ("verify", True, "样例市政务服务中心", "me-1"),
    ]  # fmt: skip
    assert all(one.logged for one in found) and time.monotonic() - started < 5
    page = holder.get("/me/looks").text
    assert "样例用途" in page and "已拒绝" in page and "核验证照" in page
    proof = holder.get(f"/me/looks/{found[1].seq}/proof").json()
    assert proof["row"][2:4] == [counter.client_id, "verify"] and proof["row"][8:] == ["样例用途", "me-1"]
    leaf = base64.b64decode(proof["leaf"])
    digest = hashlib.sha256(base64.b64decode(proof["secret"]) + jcs(proof["row"])).digest()
    place = proof["place"] * 32
    assert base64.b64decode(json.loads(leaf)["d"])[place : place + 32] == digest
    keys = log_keys(f"{hub.origin}/audit", [(one.alg, one.public) for one in hub.keyring.public_keys("checkpoint")])
    assert bundle.verify(bundle.parse(proof["proof"]), leaf_hash(leaf), f"{hub.origin}/audit", keys).size > 0


def test_t12_pages_show_the_fields_of_the_license_masked_and_nothing_of_how_it_is_kept(holder, hub):
    page = holder.get(f"/me/licenses/{identifier_of(hub, HOLDER)}").text
    shown = set(re.findall(r"<dt>([^<]*)</dt>", page))
    source = next(one for one in hub.catalog.license_types[TYPE].sources if one.resource == "legal_entity")
    assert shown <= {"颁证机关", "证照标识", *FIELD_TITLES.values(), *source.face}
    for inner in ("leaf", "entry", 'bi"', "secret", "salt", "license_id", "client_id"):
        assert inner not in page


HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'"


def test_t32_what_counters_write_is_text_on_the_holder_s_pages(holder, counter, hub):
    name = asked(counter, operator=HOSTILE)
    about = {"identifier": identifier_of(hub, HOLDER), "holder_number": HOLDER, "purpose": HOSTILE, "case_no": HOSTILE[:40]}
    assert counter.call("POST", "/v1/verifications", json=about).status_code == 200
    for path in ("/me/grants", "/me/looks"):
        page = holder.get(path).text
        assert "<script>alert" not in page and "<img" not in page and "&lt;script&gt;alert(1)" in page, path
    assert name in holder.get("/me/grants").text


def test_t10_looks_of_another_holder_are_not_shown_nor_proved(app, provider, counter, hub):
    seq = looks(hub, HOLDER)[0].seq
    other = sign_in(app, provider, OTHER)
    assert "me-1" not in other.get("/me/looks").text and other.get(f"/me/looks/{seq}/proof").status_code == 404


def test_holder_objects_and_the_registering_body_gets_the_ticket(holder, hub):
    path = f"/me/licenses/{identifier_of(hub, HOLDER)}/object"
    assert "内容有误" in holder.get(path).text
    short = holder.post(path, reason="WRONG", comment="")
    assert short.status_code == 422 and "请选择" in short.text
    sent = holder.post(path, fields="KZ_住所", reason="OUTDATED", comment="已于上月迁址。")
    assert sent.status_code == 200 and "已转登记单位核对" in sent.text


def test_every_holder_page_names_the_offline_way_and_carries_no_number_in_its_address(holder, hub):
    for path in ("/me", "/me/grants", "/me/looks", f"/me/licenses/{identifier_of(hub, HOLDER)}", "/me/sign-in"):
        answer = holder.get(path)
        assert answer.status_code == 303 or "不用手机也能办" in answer.text, path
        assert HOLDER not in " ".join(re.findall(r'(?:href|action)="([^"]*)"', answer.text))


def test_without_a_provider_the_page_says_so(hub):
    visitor = Browser(faced(hub))
    assert "还没有开通网上登录" in visitor.get("/me/sign-in").text and visitor.get("/me/sign-in/start").status_code == 404
