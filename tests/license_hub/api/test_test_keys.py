"""Test clients: the same doors, sample data alone, everything else apart from the live client's."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest

from catalogs.checkdigits import citizen_check, organization_check, uscc_check
from license_hub.domain.identifier import mint
from license_hub.errors import AccessError
from license_hub.service.client_secrets import allow_plain
from license_hub.service.desk_client import set_up
from license_hub.service.list_audit import list_audit
from license_hub.service.register_client import SCOPES, TEST_SCOPES, disable, register, set_key
from license_hub.service.sample_data import is_sample, reaches, reaches_found
from tests.license_hub.api.conftest import Scene, scene_at, shown
from tests.license_hub.caller import Key, token_form
from tests.license_hub.sample_hub import STATUSES, company, credit_code, deliver, identifier_of, write_csv

SAMPLE = credit_code(2001)
LIVE_BODY = "91110000" + "00000007" + organization_check("00000007")
LIVE_BODY += uscc_check(LIVE_BODY)
"""A credit code as a body in Beijing would have it; none is known to have this one."""
LIVE_PERSON = "11010119491231002"
LIVE_PERSON += citizen_check(LIVE_PERSON)
OPENING = {
    "case_no": "T-1",
    "matter": "food_permit_new",
    "operator": "窗口07",
    "window": "7",
    "received_in": "990101",
    "handled_in": "990101",
}


@pytest.fixture(scope="module")
def tested(tmp_path_factory, catalog):
    """(scene whose client has a test key and whose data holds one company of a live division, headers of a test token)."""
    scene = scene_at(tmp_path_factory.mktemp("tested"), catalog)
    rows = [company(1000 + place, status) for place, status in enumerate(STATUSES.values())]
    rows += [company(2000 + place) for place in range(20)] + [company(7, 统一社会信用代码=LIVE_BODY)]
    deliver(scene.hub, write_csv(scene.hub.lake.root.parent / "live.csv", rows))
    key = Key()
    client = set_key(scene.hub, scene.client_id, key.jwk, test=True)
    yield scene, token_of(scene, client.client_id, key)
    scene.hub.close()


def token_of(scene: Scene, client_id: str, key: Key) -> dict[str, str]:
    assertion = key.assertion(client_id, scene.hub.public_url, scene.clock().timestamp())
    answer = scene.send("POST", "/oauth/token", data=token_form(assertion))
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def opening(number: str) -> dict[str, object]:
    return OPENING | {"case_no": uuid4().hex, "applicants": [{"party": "applicant", "name": "样例", "number": number}]}


def open_with(scene, headers, number: str):
    return scene.send("POST", "/v1/cases", json=opening(number), headers=headers | {"Idempotency-Key": uuid4().hex})


def by_number(number: str) -> dict[str, str]:
    return {"type": "business_license", "number": number, "holder_number": number}


def test_test_key_reaches_sample_data_and_marks_the_audit_log(tested):
    scene, headers = tested
    for asked in (by_number(SAMPLE), {"identifier": identifier_of(scene.hub, SAMPLE)}):
        answer = scene.send("POST", "/v1/verifications", json=asked, headers=headers)
        assert answer.json()["code"] == "IN_FORCE"
    [entry] = [one for one in list_audit(scene.hub, limit=1000) if one.request_id == answer.headers["x-request-id"]]
    assert entry.actor == f"test-{scene.client_id}"
    assert open_with(scene, headers, SAMPLE).status_code == 201


def test_t11_test_key_never_reaches_a_live_license(tested):
    scene, headers = tested
    live = identifier_of(scene.hub, LIVE_BODY)
    assert scene.verify(**by_number(LIVE_BODY)).json()["code"] == "IN_FORCE"
    asked = scene.send("POST", "/v1/verifications", json=by_number(LIVE_BODY), headers=headers)
    assert (asked.status_code, asked.json()["code"]) == (403, "TEST_KEY")
    # Its issuing body is a sample, so its identifier may be asked about; whose it is decides.
    [there, never] = [scene.send("POST", "/v1/verifications", json={"identifier": one}, headers=headers).json()
                      for one in (live, mint(*live.split(".")[5:7], "0" * 25, 1))]  # fmt: skip
    assert (there["status"], there["code"]) == (never["status"], never["code"]) and there["status"] != "VALID"
    for number in (LIVE_BODY, LIVE_PERSON):
        refused = open_with(scene, headers, number)
        assert (refused.status_code, refused.json()["errors"]) == (400, [{"pointer": "/applicants/0/number", "rule": "sample_data"}])


def test_t11_test_key_is_refused_by_the_identifier_of_a_live_body_before_any_look_up(tested):
    scene, headers = tested
    type_code = scene.hub.catalog.license_types["business_license"].type_code
    foreign = mint(type_code, LIVE_BODY, "0" * 25, 1)
    case = {"Hub-Purpose": "x", "Hub-Case-No": "T-1"}
    answers = [
        scene.send("GET", f"/v1/licenses/{foreign}", headers=headers | case),
        scene.send("GET", f"/v1/licenses/{foreign}/bundle", headers=headers | case),
        scene.send("POST", f"/v1/licenses/{foreign}/copies", json={"purpose": "x", "case_no": "T-1"}, headers=headers),
        scene.send("POST", "/v1/verifications", json={"identifier": foreign}, headers=headers),
    ]
    assert [(one.status_code, one.json()["code"]) for one in answers] == [(403, "TEST_KEY")] * 4


def test_test_key_may_not_change_anything_live(tested):
    scene, headers = tested
    key = Key()
    wide = register(scene.hub, "wide", key.jwk, SCOPES, ["business_license"], credit_code(2, "11"))
    test = set_key(scene.hub, wide.client_id, Key().jwk, test=True)
    assert set(test.scopes) == TEST_SCOPES and test.organ is None
    refused = scene.send("POST", "/v1/intake/business_license", json={"row": company(9)}, headers=headers | {"Idempotency-Key": "x" * 20})
    assert refused.status_code == 403


def test_code_of_a_live_license_stays_free_when_a_test_key_scans_it(tested):
    scene, headers = tested
    from license_hub.service.present import Show, present

    [made] = present(scene.hub, [Show(identifier_of(scene.hub, LIVE_BODY), LIVE_BODY, "holder:1")])
    assert scene.send("POST", "/v1/presentations/scan", json={"code": made.text}, headers=headers).status_code == 403
    assert scene.send("POST", "/v1/presentations/scan", json={"code": made.text}, headers=scene.bearer()).json()["code"] == "IN_FORCE"
    assert scene.send("POST", "/v1/presentations/scan", json={"code": shown(scene.hub, 2001)}, headers=headers).json()["code"] == "IN_FORCE"


def test_budgets_of_test_and_live_key_are_apart(tested):
    scene, headers = tested

    def left(given: dict[str, str]) -> int:
        answer = scene.send("POST", "/v1/verifications", json=by_number(SAMPLE), headers=given)
        return int(re.search(r"r=([0-9]+)", answer.headers["ratelimit"])[1])

    first, second, _live, third = left(headers), left(headers), left(scene.bearer()), left(headers)
    assert (second, third) == (first - 1, first - 2)


def test_live_key_is_no_test_key_and_a_disabled_client_has_neither(own_scene):
    hub, key = own_scene.hub, Key()
    with pytest.raises(AccessError, match="already"):
        set_key(hub, own_scene.client_id, own_scene.key.jwk, test=True)
    test = set_key(hub, own_scene.client_id, key.jwk, test=True)
    for of, jwk in ((own_scene.client_id, key.jwk), (test.client_id, own_scene.key.jwk), (test.client_id, key.jwk)):
        with pytest.raises(AccessError, match="already"):
            set_key(hub, of, jwk)
    headers = token_of(own_scene, test.client_id, key)
    disable(hub, own_scene.client_id)
    assert own_scene.send("POST", "/v1/verifications", json=by_number(SAMPLE), headers=headers).status_code == 401


def test_client_without_a_key_gets_none_and_no_secret(own_scene):
    hub = own_scene.hub
    desk = set_up(hub, credit_code(2, "11"), "样例窗口", ["business_license"], ["case:work"])
    for act in (
        lambda: set_key(hub, desk, Key().jwk),
        lambda: set_key(hub, desk, Key().jwk, test=True),
        lambda: allow_plain(hub, desk, "1号", "x"),
    ):
        with pytest.raises(AccessError, match="has a key"):
            act()


def test_replaced_key_gives_no_more_tokens(own_scene):
    former, own_scene.key = own_scene.key, Key()
    set_key(own_scene.hub, own_scene.client_id, own_scene.key.jwk)
    assert own_scene.token()
    own_scene.key = former
    assert own_scene.send("POST", "/oauth/token", data=token_form(own_scene.assertion())).status_code == 401


@pytest.mark.parametrize(
    ("number", "sample"),
    [(SAMPLE, True), (LIVE_BODY, False), (LIVE_PERSON, False), ("000000180001010018", True), ("990101199001010017", True),
     (" 990101199001010017", True), ("9901", False), ("", False), ("1199" + "0" * 14, True), ("EA9900001", False)],
)  # fmt: skip
def test_sample_numbers_are_told_by_their_division(number, sample):
    assert is_sample(number) == sample == reaches("test-x", numbers=[number])
    assert reaches("x", numbers=[number])


def test_license_of_a_sample_body_with_one_real_holder_is_out_of_reach(tested):
    identifier = identifier_of(tested[0].hub, SAMPLE)
    both = {"CZZTDM": f"{SAMPLE};{LIVE_PERSON}"}
    assert reaches_found("test-x", identifier, {"CZZTDM": SAMPLE}) and not reaches_found("test-x", identifier, both)
    assert not reaches_found("test-x", identifier, None) and not reaches_found("test-x", identifier, {})
