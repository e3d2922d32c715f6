"""Copies, downloads and checks of files over the API and the public page."""

from __future__ import annotations

import base64
import hashlib
import json
from uuid import uuid4

import pytest

from license_hub.api.frame import MAX_FILE_BODY_BYTES
from tests.license_hub.api.conftest import CASE_NO, audited
from tests.license_hub.sample_hub import company, credit_code, identifier_of

CASE = {"purpose": "公租房申请", "case_no": CASE_NO}
NUMBER = credit_code(2003)
COLLECTED = b"%PDF-1.7\n% a department's own sealed file\n" + bytes(range(256)) * 4 + b"\n%%EOF\n"


def copied(scene, number: str = NUMBER, **asked):
    return scene.send("POST", f"/v1/licenses/{identifier_of(scene.hub, number)}/copies", json=CASE | asked, headers=scene.bearer())


def fetched(scene, url: str):
    return scene.send("GET", url.removeprefix(scene.hub.public_url))


def checked(scene, data: bytes, kind: str = "application/pdf"):
    return scene.send("POST", "/v1/verifications/file", content=data, headers=scene.bearer() | {"Content-Type": kind})


def uploaded(scene, data: bytes, name: str = "x.pdf"):
    return scene.send("POST", "/verify/file", files={"file": (name, data)}, headers={"Accept": "text/html"})


def test_copy_is_made_downloaded_once_and_verified(scene):
    made = copied(scene)
    assert made.status_code == 201, made.text
    told = made.json()
    assert identifier_of(scene.hub, NUMBER) not in told["url"] and NUMBER not in told["url"] and told["copy_id"] not in told["url"]
    file = fetched(scene, told["url"])
    assert (file.status_code, file.headers["content-type"]) == (200, "application/pdf")
    assert file.headers["content-disposition"].startswith("attachment") and file.headers["cache-control"] == "no-store"
    assert hashlib.sha256(file.content).hexdigest() == told["sha256"]
    [sm2] = scene.hub.keyring.public_keys("copy-sm2")
    assert sm2.kid == told["signature"]["kid"] and sm2.verify(file.content, base64.b64decode(told["signature"]["value"]))
    again = fetched(scene, told["url"])
    assert (again.status_code, again.json()["code"]) == (410, "DOWNLOAD_GONE")
    assert audited(scene.hub, "download")[-1].code == "DOWNLOAD_GONE"
    body = checked(scene, file.content).json()
    assert (body["status"], body["code"], body["document"], body["valid_to"]) == ("VALID", "IN_FORCE", "copy", told["valid_to"])
    assert body["checked"] == {"content": "passed", "seal": "passed", "log": "passed", "status": "passed"}
    assert NUMBER not in json.dumps(body) and audited(scene.hub, "check-file")[-1].code == "IN_FORCE"
    altered = checked(scene, file.content + b" ").json()
    assert (altered["status"], altered["code"], altered["checked"]["content"]) == ("INVALID", "FILE_ALTERED", "failed")


def test_license_out_of_force_is_not_copied(scene):
    answer = copied(scene, credit_code(1002), case_no=scene.open_case("C-1002", 1002))
    assert (answer.status_code, answer.json()["code"]) == (409, "REVOKED")


def test_department_s_own_file_is_delivered_as_it_came_and_known_again(scene):
    file = {"media_type": "application/pdf", "content": base64.b64encode(COLLECTED).decode()}
    pushed = scene.send("POST", "/v1/intake/business_license", json={"row": company(7901), "file": file},
                        headers=scene.bearer() | {"Idempotency-Key": uuid4().hex})  # fmt: skip
    assert pushed.status_code == 201, pushed.text
    made = copied(scene, credit_code(7901), form="collected", case_no=scene.open_case("C-7901", 7901)).json()
    assert (made["copy_id"], made["signature"], made["valid_to"]) == (None, None, None)
    assert fetched(scene, made["url"]).content == COLLECTED
    body = checked(scene, COLLECTED).json()
    assert (body["code"], body["document"]) == ("IN_FORCE", "collected")
    for changed in (COLLECTED + b"\n", COLLECTED + b"1 0 obj << >> endobj\n%%EOF\n"):
        assert checked(scene, changed).json()["code"] == "FILE_ALTERED"
    assert checked(scene, COLLECTED[:-1] + b" ").json()["code"] in ("FILE_ALTERED", "FILE_UNKNOWN")
    none = copied(scene, form="collected")
    assert (none.status_code, none.json()["code"]) == (404, "NO_SUCH_RESOURCE")


@pytest.mark.parametrize(
    ("number", "asked", "status", "code"),
    [
        (2002, {}, 404, "NO_SUCH_RESOURCE"),
        (2003, {"purpose": " "}, 400, "INVALID_REQUEST"),
        (2003, {"case_no": ""}, 400, "INVALID_REQUEST"),
        (2003, {"purpose": "a\u202eb"}, 400, "INVALID_REQUEST"),
        (2003, {"days": 366}, 400, "INVALID_REQUEST"),
        (2003, {"case_no": "none"}, 409, "CASE_NOT_OPEN"),
        (2003, {"form": "original"}, 400, "INVALID_REQUEST"),
        (2003, {"purpose": "\U000323b0"}, 503, "COPY_UNAVAILABLE"),
    ],
)
def test_copy_that_cannot_be_is_refused_with_its_reason(scene, number, asked, status, code):
    answer = copied(scene, credit_code(number), **asked)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("kind", ["text/html", "application/zip", ""])
def test_file_of_another_kind_is_refused(scene, kind):
    assert checked(scene, b"x", kind).status_code == 415


def test_t29_file_that_is_too_large_is_refused(scene):
    assert checked(scene, bytes(MAX_FILE_BODY_BYTES + 1)).status_code == 413


@pytest.mark.parametrize("data", [b"{}", b"[" * 100_000, b'{"a":1,"a":2}', b"{", b'{"v":1,"kind":"license-bundle"}'])
def test_json_that_is_no_bundle_answers_a_verdict(scene, data):
    body = checked(scene, data, "application/json").json()
    assert body["code"] in ("FILE_UNKNOWN", "FILE_ALTERED") and body["status"] != "VALID"


def test_page_takes_a_file_and_shows_the_verdict(scene):
    file = fetched(scene, copied(scene).json()["url"]).content
    page = uploaded(scene, file)
    assert page.status_code == 200, page.text
    assert "result-valid" in page.text and "平台制作的加注件" in page.text and NUMBER not in page.text
    assert "result-invalid" in uploaded(scene, file + b"\n").text
    assert "result-undetermined" in uploaded(scene, b"%PDF-1.7").text
    assert "请选择要核验的文件" in uploaded(scene, b"").text
    assert scene.send("POST", "/verify/file", data={"file": "x"}).status_code == 415
    assert 'action="/verify/file"' in scene.send("GET", "/verify").text
