from __future__ import annotations

from itertools import count

import pytest

from license_hub.api.cases import OPENING, CaseIn
from license_hub.service.list_audit import list_audit
from license_hub.service.register_client import register
from tests.license_hub.caller import Key, token_form
from tests.license_hub.sample_hub import credit_code

from .conftest import audited

_keys = count(1)


def once() -> dict[str, str]:
    return {"Idempotency-Key": f"case-key-{next(_keys):06d}"}


def opening(case_no: str, **changes: object) -> dict[str, object]:
    who = {"party": "applicant", "name": "样例第2000号贸易有限公司", "number": credit_code(2000)}
    return OPENING | {"case_no": case_no, "applicants": [who]} | changes


def opened(scene, case_no: str, **changes: object) -> dict[str, object]:
    answer = scene.send("POST", "/v1/cases", json=opening(case_no, **changes), headers=scene.bearer() | once())
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_case_is_opened_told_and_closed(scene):
    made = opened(scene, "990101-2026-000001")
    assert (made["state"], made["matter_version"], made["parties"], made["opened_at"]) == (
        "open",
        "1",
        ["applicant"],
        "2026-11-21T08:00:00Z",
    )
    told = scene.send("GET", f"/v1/cases/{made['case_id']}", headers=scene.bearer()).json()
    assert told | {"request_id": ""} == made | {"request_id": ""}
    assert "样例第2000号" not in str(told) and credit_code(2000) not in str(told)
    closing = scene.send("POST", f"/v1/cases/{made['case_id']}/close", json={"result": "done"}, headers=scene.bearer() | once()).json()
    assert (closing["state"], closing["result"], closing["closed_at"]) == ("closed", "done", "2026-11-21T08:00:00Z")
    again = scene.send("POST", f"/v1/cases/{made['case_id']}/close", json={"result": "returned"}, headers=scene.bearer() | once())
    assert (again.status_code, again.json()["code"]) == (409, "CASE_NOT_OPEN")


def test_case_opening_and_closing_are_in_the_subject_s_log(scene):
    before = len(list_audit(scene.hub, limit=1000, holder_number=credit_code(2000)))
    opened(scene, "990101-2026-000002")
    [entry] = list_audit(scene.hub, limit=1000, holder_number=credit_code(2000))[before:]
    assert (entry.actor, entry.action, entry.code, entry.case_no) == (scene.client_id, "case", "OPENED", "990101-2026-000002")


def test_case_number_counts_once_for_a_client_and_a_repeat_gets_the_same_answer(scene):
    key = scene.bearer() | once()
    first = scene.send("POST", "/v1/cases", json=opening("C-3"), headers=key)
    again = scene.send("POST", "/v1/cases", json=opening("C-3"), headers=key)
    assert again.headers["idempotent-replay"] == "true" and again.json()["case_id"] == first.json()["case_id"]
    taken = scene.send("POST", "/v1/cases", json=opening("C-3"), headers=scene.bearer() | once())
    assert (taken.status_code, taken.json()["code"]) == (409, "CASE_TAKEN")


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"matter": "nothing"}, "/matter"),
        ({"applicants": [{"party": "stranger", "name": "甲", "number": "1"}]}, "/applicants/0/party"),
        ({"applicants": [{"party": "applicant", "name": "甲", "number": "1", "code_type": "777"}]}, "/applicants/0/number"),
        ({"applicants": [{"party": "applicant", "name": "甲", "number": credit_code(n)} for n in (1, 2)]}, "/applicants"),
        ({"received_in": "9901"}, "/received_in"),
    ],
)
def test_case_that_cannot_stand_is_refused_naming_the_place(scene, changes, pointer):
    answer = scene.send("POST", "/v1/cases", json=opening("C-4", **changes), headers=scene.bearer() | once())
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, pointer)
    assert audited(scene.hub, "case")[-1].code == "INVALID_REQUEST"


def test_t11_another_client_s_case_is_as_unknown_as_none(scene):
    mine = opened(scene, "C-5")["case_id"]
    key = Key()
    other = register(scene.hub, "other", key.jwk, ["case:work"], ["food_permit"])
    form = token_form(key.assertion(other.client_id, scene.hub.public_url, scene.clock().timestamp()))
    bearer = {"Authorization": f"Bearer {scene.send('POST', '/oauth/token', data=form).json()['access_token']}"}
    answers = [scene.send("GET", f"/v1/cases/{one}", headers=bearer | {"X-Request-ID": "same-request"}) for one in (mine, 9_999_999)]
    assert [one.status_code for one in answers] == [404, 404] and answers[0].content == answers[1].content


def test_openapi_example_of_a_case_is_one(scene):
    [example] = scene.send("GET", "/v1/openapi.json").json()["components"]["schemas"]["CaseIn"]["examples"]
    assert CaseIn.model_validate(example)
