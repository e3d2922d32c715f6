"""`POST /v1/verifications`: verdicts and no data, whatever is asked."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.license_hub.api.conftest import audited
from tests.license_hub.sample_hub import STATUSES, credit_code, identifier_of, identifiers


@pytest.fixture(scope="module")
def bearer(scene):
    return scene.bearer()


@pytest.mark.parametrize("code", STATUSES)
def test_verification_by_identifier_gives_the_status_of_the_source(scene, code):
    number = credit_code(1000 + list(STATUSES).index(code))
    answer = scene.verify(identifier=identifier_of(scene.hub, number))
    assert answer.status_code == 200
    body = answer.json()
    assert (body["status"], body["code"]) == ("VALID" if code == "IN_FORCE" else "INVALID", code)
    assert body["checked"] == {
        "content": "passed",
        "seal": "passed",
        "log": "passed",
        "status": "passed" if code == "IN_FORCE" else "failed",
    }
    assert body["reason"] and body["next_step"] and body["as_of"].endswith("Z")
    assert body["request_id"] == answer.headers["x-request-id"]


def test_verification_answers_a_verdict_and_no_data(scene):
    body = scene.verify(identifier=identifiers(scene.hub)[0]).text
    assert "样例第" not in body and credit_code(1000) not in body


def test_verification_by_type_number_and_holder_is_the_same_verdict(scene):
    number = credit_code(2003)
    answer = scene.verify(type="business_license", number=number, holder_number=number, claims={"名称": "样例第2003号贸易有限公司"})
    assert (answer.json()["code"], answer.json()["mismatched"]) == ("IN_FORCE", [])


def test_verification_names_the_claims_that_differ_never_the_values(scene):
    number = credit_code(2003)
    answer = scene.verify(type="business_license", number=number, holder_number=number, claims={"名称": "别的公司", "注册资本": "1"}).json()
    assert (answer["status"], answer["code"], answer["mismatched"]) == ("INVALID", "CONTENT_MISMATCH", ["名称", "注册资本"])
    assert answer["checked"]["content"] == "failed" and answer["checked"]["status"] == "unknown"


def test_verification_of_what_is_not_there_is_undetermined(scene):
    number = credit_code(4000)
    answer = scene.verify(type="business_license", number=number, holder_number=number).json()
    assert (answer["status"], answer["code"]) == ("UNDETERMINED", "NOT_FOUND")
    assert set(answer["checked"].values()) == {"unknown"}


def test_verification_of_a_wrong_check_character_is_malformed(scene):
    right = identifiers(scene.hub)[0]
    wrong = right[:-1] + ("A" if right[-1] != "A" else "B")
    assert scene.verify(identifier=wrong).json()["code"] == "IDENTIFIER_MALFORMED"


def test_verification_is_audited_with_actor_purpose_and_case(scene):
    before = len(audited(scene.hub, "verify"))
    answer = scene.verify(identifier=identifiers(scene.hub)[0], purpose="设立登记", case_no="990101-2026-000007").json()
    [entry] = audited(scene.hub, "verify")[before:]
    assert (entry.actor, entry.status, entry.code) == (scene.client_id, "VALID", "IN_FORCE")
    assert (entry.purpose, entry.case_no, entry.request_id) == ("设立登记", "990101-2026-000007", answer["request_id"])


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"number": "1"},
        {"type": "business_license", "number": "1"},
        {"type": "business_license", "holder_number": "1"},
        {"identifier": "x", "type": "business_license", "number": "1", "holder_number": "1"},
        {"identifier": "x", "number": "1"},
        {"identifier": "x" * 201},
        {"identifier": ""},
        {"identifier": "x", "name": "y"},
        {"identifier": 5},
        {"identifier": "x", "claims": {"a": 5}},
        {"identifier": "x", "claims": {f"f{one}": "v" for one in range(65)}},
        {"type": "no_such_type", "number": "1", "holder_number": "1"},
        {"identifier": "x", "purpose": "\u202ecanary"},
    ],
    ids=lambda asked: ",".join(asked) or "nothing",
)
def test_verification_request_of_another_form_is_a_problem_that_repeats_nothing(scene, asked):
    answer = scene.verify(**asked)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    body = answer.json()
    assert body["code"] == "INVALID_REQUEST" and body["errors"] and body["type"] == "/v1/problems#INVALID_REQUEST"
    assert all(set(one) == {"pointer", "rule"} for one in body["errors"])
    assert "x" * 201 not in answer.text and "canary" not in answer.text


NAMES = st.sampled_from(["identifier", "type", "number", "holder_number", "claims", "purpose", "case_no"]) | st.text(max_size=10)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=60)
JSON = st.recursive(SCALARS, lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(max_size=8), one, max_size=3), max_leaves=6)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.dictionaries(NAMES, JSON, max_size=5) | JSON)
def test_t29_verification_of_any_json_is_answered_or_refused_never_a_fault(scene, bearer, asked):
    # ensure_ascii keeps half characters (lone surrogates) alive through the wire.
    answer = scene.send("POST", "/v1/verifications", content=json.dumps(asked), headers=bearer | {"Content-Type": "application/json"})
    assert answer.status_code in (200, 400, 403)


def test_verification_with_half_a_character_in_a_name_is_refused(scene, bearer):
    for body in (b'{"identifier":"x","\\ud800":1}', b'{"identifier":"\\ud800"}', b'{"identifier":"x","claims":{"\\udfff":"\\ud800"}}'):
        answer = scene.send("POST", "/v1/verifications", content=body, headers=bearer | {"Content-Type": "application/json"})
        assert answer.status_code == 400, body
