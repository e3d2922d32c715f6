from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from license_hub.service import keep_grants
from license_hub.service.holder_consent import answer, mine, withdraw
from license_hub.service.register_client import SCOPES, register
from license_hub.service.use_code import make_code
from tests.license_hub.api.conftest import audited
from tests.license_hub.api.test_cases import once, opened
from tests.license_hub.caller import Key
from tests.license_hub.sample_hub import credit_code, identifier_of

HOLDER, TITLE, LICENSE = credit_code(2000), "real_estate_title", "business_license"
MATTER = "food_permit_new"


@pytest.fixture(scope="module")
def granted(scene):
    until = (scene.hub.now() + timedelta(days=30)).date()
    for kind in (TITLE, LICENSE):
        keep_grants.give(scene.hub, scene.client_id, kind, MATTER, until, "样例1号", "test")
    return scene


@pytest.fixture(scope="module")
def case_id(granted) -> int:
    return opened(granted, "consent-1")["case_id"]


def sent(scene, key=None, **asked):
    return scene.send("POST", "/v1/authorizations", json=asked, headers=scene.bearer() | (key or once()))


def asking(case_id: int, **changes) -> dict[str, object]:
    return {"how": "ask", "case_id": case_id, "party": "applicant", "type": TITLE, "operator": "窗口07"} | changes


def test_holder_is_asked_answers_and_withdraws_and_the_case_handler_sees_it(granted, case_id):
    made = sent(granted, **asking(case_id))
    assert made.status_code == 201, made.text
    path = made.headers["location"]

    def state() -> str:
        return granted.send("GET", path, headers=granted.bearer()).json()["state"]

    assert state() == "asked" and HOLDER not in made.text
    answer(granted.hub, HOLDER, made.json()["id"], yes=True)
    assert state() == "given"
    withdraw(granted.hub, HOLDER, made.json()["id"])
    assert state() == "withdrawn"


def test_consent_at_the_window_counts_at_once(granted, case_id):
    by = {"name": "样例乙", "number": "990101199001010011", "right": "监护人"}
    made = sent(granted, **asking(case_id, how="window", evidence="signed_paper", relation="guardian", by=by))
    assert (made.status_code, made.json()["state"], made.json()["relation"]) == (201, "given", "guardian")
    assert "样例乙" not in made.text
    assert audited(granted.hub, "authorize")[-1].purpose == f"{TITLE} {MATTER} {made.json()['id']}"


def test_use_code_is_taken_once(granted, case_id):
    code, _until = make_code(granted.hub, HOLDER, identifier_of(granted.hub, HOLDER))
    asked = {"how": "code", "case_id": case_id, "operator": "窗口07", "code": f"{code[:4]}-{code[4:]}"}
    assert sent(granted, **asked).json()["state"] == "given"
    again = sent(granted, **asked)
    assert (again.status_code, again.json()["errors"]) == (400, [{"pointer": "/code", "rule": "unknown"}])


def test_same_call_again_gets_the_same_answer(granted, case_id):
    key, before = once(), len(mine(granted.hub, HOLDER))
    first, again = (sent(granted, key, **asking(case_id)).json() for _ in range(2))
    assert first["id"] == again["id"] and len(mine(granted.hub, HOLDER)) == before + 1
    assert sent(granted, key, **asking(case_id, operator="窗口08")).json()["code"] == "KEY_REUSED"


@pytest.mark.parametrize(("change", "status", "code"), [
    ({"case_id": 10**9}, 409, "CASE_NOT_OPEN"),
    ({"type": "population"}, 403, "NO_GRANT"),
    ({"party": "legal_rep"}, 400, "INVALID_REQUEST"),
    ({"how": "window"}, 400, "INVALID_REQUEST"),
    ({"how": "window", "evidence": "signed_paper", "relation": "agent"}, 400, "INVALID_REQUEST"),
    ({"subject_bi": "x"}, 400, "INVALID_REQUEST"),
    ({"given_at": "2026-01-01T00:00:00Z"}, 400, "INVALID_REQUEST"),
    ({"operator": "\u202e"}, 400, "INVALID_REQUEST"),
])  # fmt: skip
def test_t12_what_a_caller_may_not_set_or_ask_is_refused_with_its_reason_and_on_record(granted, case_id, change, status, code):
    refused = sent(granted, **asking(case_id) | change)
    assert (refused.status_code, refused.json()["code"]) == (status, code), refused.text
    if code != "INVALID_REQUEST" or "party" in change:
        assert (audited(granted.hub, "authorize")[-1].status, audited(granted.hub, "authorize")[-1].code) == ("REFUSED", code)


def test_suspended_grant_is_a_refused_call_until_it_is_resumed(granted, case_id):
    [number] = [one.grant_id for one in keep_grants.grants(granted.hub, granted.client_id) if one.type_id == TITLE]
    keep_grants.suspend(granted.hub, number, "test")
    assert sent(granted, **asking(case_id)).json()["code"] == "GRANT_SUSPENDED"
    keep_grants.suspend(granted.hub, number, "test", again=True)
    assert sent(granted, **asking(case_id)).status_code == 201


def test_t11_another_client_s_authorisation_is_not_there(granted, case_id):
    name = sent(granted, **asking(case_id)).json()["id"]
    key = Key()
    client = register(granted.hub, "another", key.jwk, SCOPES, [TITLE], credit_code(3, "11"))
    other = replace(granted, key=key, client_id=client.client_id)
    mine, foreign = (one.send("GET", f"/v1/authorizations/{name}", headers=one.bearer()) for one in (granted, other))
    never = other.send("GET", f"/v1/authorizations/{'0' * 32}", headers=other.bearer())
    assert (mine.status_code, foreign.status_code) == (200, 404)
    assert foreign.json() | {"request_id": ""} == never.json() | {"request_id": ""}
