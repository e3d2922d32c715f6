"""`POST /v1/presentations/scan` and what it says to whom."""

from __future__ import annotations

import pytest

from tests.license_hub.api.conftest import CASE_NO, audited, shown
from tests.license_hub.sample_hub import credit_code, identifier_of

CASE = {"purpose": "食品经营许可", "case_no": CASE_NO}


def scan(scene, **asked):
    return scene.send("POST", "/v1/presentations/scan", json=asked, headers=scene.bearer())


def test_scan_on_a_case_answers_verdict_and_masked_fields(scene):
    answer = scan(scene, code=shown(scene.hub, 2001), **CASE)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["status"], body["code"], body["type"]) == ("VALID", "IN_FORCE", "business_license")
    assert body["identifier"] == identifier_of(scene.hub, credit_code(2001)) and body["fields"]["ZZMC"] == "营业执照"
    entry = audited(scene.hub, "scan")[-1]
    assert (entry.purpose, entry.case_no, entry.request_id) == (*CASE.values(), body["request_id"])


def test_scan_without_a_case_answers_the_verdict_alone_and_revoked_is_revoked(scene):
    body = scan(scene, code=shown(scene.hub, 1002)).json()
    assert (body["status"], body["code"], body["fields"]) == ("INVALID", "REVOKED", {})


def test_scanned_code_is_refused_and_the_refusal_recorded(scene):
    code = shown(scene.hub, 2002)
    scan(scene, code=code)
    answer = scan(scene, code=code, **CASE)
    assert (answer.status_code, answer.json()["code"]) == (409, "CODE_USED")
    entry = audited(scene.hub, "scan")[-1]
    assert (entry.status, entry.code, entry.case_no) == ("REFUSED", "CODE_USED", CASE["case_no"])


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({"code": "HTTPS://EXAMPLE.ORG/"}, 422, "CODE_NOT_OURS"),
        ({"code": "x", "purpose": "y"}, 400, "INVALID_REQUEST"),
        ({"code": "x", "identifier": "y"}, 400, "INVALID_REQUEST"),
        ({}, 400, "INVALID_REQUEST"),
    ],
)
def test_scan_of_something_else_is_refused(scene, asked, status, code):
    answer = scan(scene, **asked)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
