"""T1, T3, T30, T31 of what cases brought: receipts and archives, names in cases, consent, looks."""

from __future__ import annotations

import json
import re
import unicodedata
import zipfile
from io import BytesIO
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from license_hub.errors import HubError
from license_hub.service.archive_case import TYPE
from license_hub.service.integrate import attend
from license_hub.signing import jose, receipt
from tests.license_hub.api.conftest import scene_at
from tests.license_hub.sample_hub import credit_code

NAME, OPERATOR = "样例独名氏", "窗口独号员"
"""Nobody else here is called so."""
ABOUT = credit_code(2000)
OPENING = {"matter": "food_permit_new", "window": "7", "received_in": "990101", "handled_in": "990101"}


@pytest.fixture(scope="module")
def scene(tmp_path_factory, catalog):
    made = scene_at(tmp_path_factory.mktemp("threats"), catalog)
    yield made
    made.hub.close()


def opened(scene, headers, **changes):
    who = {"party": "applicant", "name": changes.pop("name", NAME), "number": ABOUT}
    asked = OPENING | {"case_no": uuid4().hex, "operator": OPERATOR, "applicants": [who]} | changes
    return scene.send("POST", "/v1/cases", json=asked, headers=headers | {"Idempotency-Key": uuid4().hex})


@pytest.fixture(scope="module")
def worked(scene):
    """(receipt, archive's signature over its index, access token) of a case that was decided and closed."""
    mine = scene.bearer()
    case = opened(scene, mine).json()["case_id"]
    decided = scene.send("POST", f"/v1/cases/{case}/decision", headers=mine).json()["materials"]
    assert scene.send("POST", f"/v1/cases/{case}/prefill", headers=mine).status_code == 200
    word = {"how": "ask", "case_id": case, "party": "applicant", "type": "business_license", "operator": OPERATOR}
    assert scene.send("POST", "/v1/authorizations", json=word, headers=mine | {"Idempotency-Key": uuid4().hex}).status_code == 201
    closing = mine | {"Idempotency-Key": uuid4().hex}
    assert scene.send("POST", f"/v1/cases/{case}/close", json={"result": "done"}, headers=closing).status_code == 200
    attend(scene.hub)
    packed = scene.send("GET", f"/v1/cases/{case}/archive", headers=mine)
    with zipfile.ZipFile(BytesIO(packed.content)) as package:
        signed = package.read("index.jws").decode()
    return next(one["receipt"]["token"] for one in decided if one["receipt"]), signed, mine["Authorization"].split()[1]


def flipped(token: str, step: int):
    """The token with one bit of one of its characters turned, again and again."""
    raw = token.encode()
    for place in range(0, len(raw) * 8, step):
        changed = bytearray(raw)
        changed[place // 8] ^= 1 << place % 8
        yield bytes(changed).decode("latin-1")


@pytest.mark.parametrize("step", [23, pytest.param(1, marks=pytest.mark.nightly)])
def test_t1_receipt_and_archive_with_any_bit_flipped_are_refused(scene, worked, step):
    keys = scene.hub.security.keys("status")
    mine, archive, _ = worked
    assert receipt.read(mine, keys) and jose.read_own(archive, TYPE, keys)
    for token in flipped(mine, step):
        with pytest.raises(HubError):
            receipt.read(token, keys)
    for token in flipped(archive, step):
        with pytest.raises(HubError):
            jose.read_own(token, TYPE, keys)


def test_t3_token_of_one_kind_is_none_of_another(scene, worked):
    keys = scene.hub.security.keys("status")
    mine, archive, access = worked
    for token in (archive, access):
        with pytest.raises(HubError):
            receipt.read(token, keys)
    for token in (mine, access):
        with pytest.raises(HubError):
            jose.read_own(token, TYPE, keys)
    for token in (mine, archive):
        refused = scene.send("GET", "/v1/checks", headers={"Authorization": f"Bearer {token}"})
        assert (refused.status_code, refused.json()["code"]) == (401, "UNAUTHENTICATED")
        scanned = scene.send("POST", "/v1/presentations/scan", json={"code": token[:200]}, headers=scene.bearer())
        assert scanned.status_code in (400, 422) or scanned.json()["status"] != "VALID"


def test_t30_database_holds_no_name_and_number_of_a_party_in_the_open(scene, worked):
    with scene.hub.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = b"".join(path.read_bytes() for path in scene.hub.lake.root.glob("hub.db*"))
    assert len(whole) > 100_000 and b"990101" in whole
    for text in (NAME, ABOUT):
        for form in (text.encode(), text.encode("gbk"), text.encode("utf-16-le"), text.encode().hex().encode()):
            assert form not in whole, text


def test_t30_what_is_told_of_a_case_masks_its_parties(scene, worked):
    claims = json.dumps(jose.read(worked[0], types=(receipt.TYPE,), most=receipt.MOST_CHARS).claims, ensure_ascii=False)
    assert NAME not in claims and ABOUT not in claims and NAME[0] in claims


def unseen(text: str) -> bool:
    """Whether it holds what no line, log or page may: controls, line ends, bidi marks, lone surrogates."""
    return any(unicodedata.category(one) in ("Cc", "Cf", "Cs", "Zl", "Zp") for one in text)


HOSTILE = st.text(st.sampled_from("a窗\n\r\x00\x1b\x85\u2028\u202e\u2066\ufeff<\"'{}%"), min_size=1, max_size=12)


@settings(max_examples=40, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(field=st.sampled_from(["operator", "window", "case_no", "name"]), text=HOSTILE)
def test_t31_hostile_text_in_a_case_is_refused_or_one_line_in_the_audit_log(scene, caplog, field, text):
    caplog.clear()
    answer = opened(scene, scene.__dict__.setdefault("_mine", scene.bearer()), **{field: f"{uuid4().hex}{text}"})
    assert answer.status_code in (201, 400), answer.text
    if field != "name":
        assert answer.status_code == 400 or not unseen(text.strip())
    with scene.hub.engine.connect() as connection:
        said = connection.exec_driver_sql("SELECT purpose, case_no, code FROM hub_audit ORDER BY seq DESC LIMIT 2").all()
    assert not [one for row in said for one in row if one and unseen(one)]
    assert not [one for one in caplog.messages if unseen(re.sub("[\n\t]", "", one))]
