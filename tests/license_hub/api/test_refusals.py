"""T24: whoever is turned away is on record, under the id of the answer; what cannot be recorded is answered 503."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from license_hub.service.list_audit import list_audit
from license_hub.service.register_client import register
from license_hub.storage.tables import status
from license_hub.storage.tables_lifecycle import idempotency
from license_hub.storage.tables_recall import recall
from tests.license_hub.api.conftest import CASE_NO
from tests.license_hub.caller import Key, token_form
from tests.license_hub.sample_hub import company, credit_code, identifiers


def recorded(scene, answer) -> tuple[str, str, str, str | None]:
    """(action, actor, code, purpose) of the one entry with the answer's id."""
    wanted = answer.headers["x-request-id"]
    [entry] = [one for one in list_audit(scene.hub, limit=1000) if one.request_id == wanted]
    return entry.action, entry.actor, entry.code, entry.purpose


def limited(scene, scopes=("license:read",), types=("food_permit",)) -> tuple[str, dict[str, str]]:
    """(client id, headers) of a client that may little."""
    key = Key()
    client = register(scene.hub, "limited", key.jwk, list(scopes), list(types))
    form = token_form(key.assertion(client.client_id, scene.hub.public_url, scene.clock().timestamp()))
    token = scene.send("POST", "/oauth/token", data=form).json()["access_token"]
    return client.client_id, {"Authorization": f"Bearer {token}"}


def test_t24_issued_token_is_recorded_under_the_request(own_scene):
    answer = own_scene.send("POST", "/oauth/token", data=token_form(own_scene.assertion()))
    assert recorded(own_scene, answer) == ("token", own_scene.client_id, "ISSUED", None)


def test_t24_refused_token_is_recorded_with_the_client_it_claims(own_scene):
    forged = Key().assertion(own_scene.client_id, own_scene.hub.public_url, own_scene.clock().timestamp())
    stranger = own_scene.key.assertion("nobody-we-know", own_scene.hub.public_url, own_scene.clock().timestamp())
    claimed = f"claimed:{own_scene.client_id}"
    for form, expected in (
        (token_form(forged), ("token", claimed, "invalid_client", None)),
        (token_form(stranger), ("token", "unknown", "invalid_client", None)),
        (token_form("no.jwt.at-all"), ("token", "unknown", "invalid_client", None)),
        (token_form(own_scene.assertion(), "license:all"), ("token", claimed, "invalid_scope", None)),
        ({}, ("token", "unknown", "invalid_request", None)),
    ):
        answer = own_scene.send("POST", "/oauth/token", data=form)
        assert answer.status_code in (400, 401)
        assert recorded(own_scene, answer) == expected


def test_t24_refused_reads_and_verifications_are_recorded_with_their_reason(own_scene):
    identifier = identifiers(own_scene.hub)[0]
    path = f"/v1/licenses/{identifier}"
    case = {"Hub-Purpose": "check", "Hub-Case-No": "C-1"}
    who, headers = limited(own_scene)
    other, verifying = limited(own_scene, ["license:verify"])
    answers = [
        (own_scene.send("GET", path, headers=headers | case), ("read", who, "FORBIDDEN", "check")),
        (own_scene.send("GET", path, headers=headers | {"Hub-Purpose": "check"}), ("read", who, "INVALID_REQUEST", "check")),
        (own_scene.send("GET", path, headers=verifying | case), ("read", other, "FORBIDDEN", None)),
        (own_scene.send("GET", path, headers=case), ("read", "unknown", "UNAUTHENTICATED", None)),
        (own_scene.send("GET", path, headers={"Authorization": "Bearer x.y.z"}), ("read", "unknown", "UNAUTHENTICATED", None)),
        (own_scene.send("POST", "/v1/verifications", json={"identifier": identifier}), ("verify", "unknown", "UNAUTHENTICATED", None)),
        (
            own_scene.send("POST", "/v1/verifications", json={"identifier": identifier, "purpose": "p"}, headers=verifying),
            ("verify", other, "FORBIDDEN", "p"),
        ),
    ]
    for answer, expected in answers:
        assert answer.status_code in (400, 401, 403)
        assert recorded(own_scene, answer) == expected


def test_t24_refused_notices_of_acts_rows_recalls_and_past_moments_are_recorded(own_scene):
    identifier, bearer = identifiers(own_scene.hub)[0], own_scene.bearer()
    who, little = limited(own_scene)
    future = "/v1/verifications?known_at=2099-01-01T00:00:00Z"
    nothing = {"kind": "publication", "value": "legal_entity/99", "reason": "test"}
    spoilt = {"Authorization": "Bearer x.y.z"}
    answers = [
        (
            own_scene.send("POST", future, json={"identifier": identifier}, headers=bearer),
            ("verify", own_scene.client_id, "INVALID_REQUEST"),
        ),
        (own_scene.send("POST", "/v1/recalls", json=nothing, headers=bearer), ("recall", own_scene.client_id, "INVALID_REQUEST")),
        (own_scene.send("POST", "/v1/recalls", json=nothing, headers=little), ("recall", who, "FORBIDDEN")),
        (own_scene.send("GET", "/v1/notices", headers=spoilt), ("notices", "unknown", "UNAUTHENTICATED")),
        (own_scene.send("POST", f"/v1/notices/{'0' * 32}/ack", headers=little), ("notices", who, "NO_SUCH_RESOURCE")),
        (own_scene.send("GET", f"/v1/notices/{'0' * 32}/answers", headers=little), ("notices", who, "NO_SUCH_RESOURCE")),
    ]
    for answer, expected in answers:
        assert answer.status_code in (400, 401, 403, 404)
        assert recorded(own_scene, answer) == (*expected, None)


CASE = {"Hub-Purpose": "check", "Hub-Case-No": "C-1"}
ACT = {"act": "REVOKE", "document_no": "1", "date": "2026-11-20", "reason": "PENALTY"}
RECALL = {"kind": "publication", "value": "legal_entity/1", "reason": "test"}
DOUBT = {"identifier": "{identifier}", "fields": ["name"], "reason": "VALUE_WRONG", "comment": "名称有误"}
OPENING = {
    "case_no": "C-1", "matter": "food_permit_new", "operator": "o", "window": "7", "received_in": "990101", "handled_in": "990101",
    "applicants": [{"party": "applicant", "name": "样例", "number": credit_code(2000)}],
}  # fmt: skip
CONSENT = {"how": "ask", "case_id": 1, "party": "applicant", "type": "business_license", "operator": "o"}
DOORS = {
    "POST /v1/verifications": {"json": {"identifier": "{identifier}"}},
    "POST /v1/verifications?valid_at=2026-11-21T08:00:00Z": {"json": {"identifier": "{identifier}"}},
    "GET /v1/licenses/{identifier}": {"headers": CASE},
    "GET /v1/licenses/{identifier}/bundle": {"headers": CASE},
    "POST /v1/licenses/{identifier}/status": {"json": ACT, "headers": {"Idempotency-Key": "revoked-act"}},
    "POST /v1/intake/{type}": {"json": {"row": company(7001)}, "headers": {"Idempotency-Key": "revoked-row"}},
    "POST /v1/recalls": {"json": RECALL},
    "POST /v1/licenses/{identifier}/copies": {"json": {"purpose": "check", "case_no": CASE_NO}},
    "POST /v1/verifications/file": {"json": {"kind": "unknown"}},
    "POST /v1/presentations/scan": {"json": {"code": "{code}"}},
    "POST /v1/corrections": {"json": DOUBT, "headers": {"Idempotency-Key": "revoked-doubt"}},
    "POST /v1/cases": {"json": OPENING, "headers": {"Idempotency-Key": "revoked-case"}},
    "POST /v1/cases/{case_id}/close": {"json": {"result": "done"}, "headers": {"Idempotency-Key": "revoked-close"}},
    "POST /v1/cases/{case_id}/decision": {},
    "POST /v1/cases/{case_id}/prefill": {},
    "GET /v1/cases/{case_id}/archive": {},
    "POST /v1/checks/{task_id}/answer": {"json": {"answer": "CONFIRMED"}, "headers": {"Idempotency-Key": "revoked-answer"}},
    "POST /v1/authorizations": {"json": CONSENT, "headers": {"Idempotency-Key": "revoked-word"}},
    "POST /verify": {"data": {"identifier": "{identifier}"}},
}
"""Requests that would be answered, by route."""
OWN_WORD = "GET /v1/authorizations/{authorization_id}"
OWN_CASE = (
    "GET /v1/cases/{case_id}", "GET /v1/cases/{case_id}/notice", "GET /v1/cases/{case_id}/receipts/{receipt_id}", "GET /v1/checks",
)  # fmt: skip
OWN_DOUBT = "GET /v1/corrections/{correction_id}"
SILENT = {"GET /v1/notices", "POST /v1/notices/{notice_id}/ack", "GET /v1/notices/{notice_id}/answers", OWN_DOUBT, OWN_WORD, *OWN_CASE}
"""Routes that say only to the client itself what it was told before: an answer is not recorded, a refusal is."""


def scoped(scene) -> set[str]:
    paths = scene.send("GET", "/v1/openapi.json").json()["paths"]
    return {f"{method.upper()} {path}" for path, one in paths.items() for method, made in one.items() if "security" in made}


def through(scene, door: str, **sent):
    method, path = door.split()
    identifier = identifiers(scene.hub)[7]
    ids = dict.fromkeys(("notice_id", "correction_id", "authorization_id", "receipt_id", "task_id"), "0" * 32)
    filled = path.format(identifier=identifier, type="business_license", case_id="1", **ids)
    known = {"{identifier}": identifier, "{code}": scene.code}
    body = {name: {key: known.get(value, value) if isinstance(value, str) else value for key, value in part.items()}
            for name, part in sent.items()}  # fmt: skip
    return scene.send(method, filled, **body)


def effects(scene) -> list[int]:
    """Rows of status acts, remembered calls and recalls."""
    with scene.hub.engine.connect() as connection:
        counts = (sa.select(sa.func.count()).select_from(table) for table in (status, idempotency, recall))
        return [connection.execute(count).scalar_one() for count in counts]


def test_t24_doors_are_all_there_are(scene):
    assert scoped(scene) == {door.split("?")[0] for door in DOORS if "/v1/" in door} | SILENT


@pytest.mark.parametrize("door", DOORS)
def test_t24_with_insert_on_audit_revoked_every_door_answers_503(revoked_scene, door):
    scene, headers = revoked_scene
    sent = DOORS[door]
    answer = through(scene, door, **sent | {"headers": sent.get("headers", {}) | headers})
    assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE"), answer.text
    assert identifiers(scene.hub)[7] not in answer.text
    assert effects(scene) == scene.before


@pytest.mark.parametrize("door", sorted({*DOORS, *SILENT} - {"POST /verify"}))
def test_t24_with_insert_on_audit_revoked_every_refusal_answers_503(revoked_scene, door):
    scene, _ = revoked_scene
    sent = DOORS.get(door, {})
    answer = through(scene, door, **sent | {"headers": sent.get("headers", {}) | {"Authorization": "Bearer x.y.z"}})
    assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")


def test_t24_with_insert_on_audit_revoked_no_token_is_given_or_refused(revoked_scene):
    scene, _ = revoked_scene
    for form in (token_form(scene.assertion()), {}):
        assert scene.send("POST", "/oauth/token", data=form).status_code == 503


@pytest.fixture(scope="module")
def revoked_scene(tmp_path_factory, catalog, postgres_server):
    """A populated hub on PostgreSQL whose own role may no longer insert into hub_audit, and a token from before."""
    from tests.support import postgres

    from .conftest import scene_at, shown

    with postgres.database(postgres_server) as url, postgres.role(postgres_server, url) as own_url:
        made = scene_at(tmp_path_factory.mktemp("revoked"), catalog, own_url)
        headers = made.bearer()
        made.code = shown(made.hub, 2000)
        with made.hub.engine.begin() as connection:
            connection.execute(sa.text("REVOKE INSERT ON hub_audit FROM CURRENT_USER"))
        made.before = effects(made)
        yield made, headers
        made.hub.close()
