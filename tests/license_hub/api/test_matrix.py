"""T11: who may do what, for every operation of the OpenAPI document: no token, another scope, another client's object, a suspended
grant, a closed case. An operation that the document has and `ASKED` lacks fails, and so does one whose refusals are not told here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from uuid import uuid4

import pytest
import sqlalchemy as sa

from license_hub.service import keep_grants
from license_hub.service.register_client import SCOPES, register
from license_hub.storage import cases
from license_hub.storage.tables_cases import task
from tests.license_hub.api.conftest import Scene, scene_at, shown
from tests.license_hub.caller import Key
from tests.license_hub.sample_hub import company, credit_code, identifier_of

CASE, CLOSED, FOREIGN = "matrix-1", "matrix-2", "matrix-3"
ABOUT = 2000
ACT = {"act": "REVOKE", "document_no": "1", "date": "2026-11-20", "reason": "PENALTY"}
WHO = {"party": "applicant", "name": "样例", "number": credit_code(ABOUT)}
OPENING = {
    "matter": "food_permit_new", "operator": "o", "window": "7", "received_in": "990101", "handled_in": "990101", "applicants": [WHO],
}  # fmt: skip
DOUBT = {"identifier": "{identifier}", "fields": ["KZ_住所"], "reason": "OUTDATED", "comment": "已于上月迁址，证照仍是原住所。"}
CONSENT = {"how": "ask", "case_id": "{case_id}", "party": "applicant", "type": "business_license", "operator": "o"}
HEADERS = {"Hub-Purpose": "check", "Hub-Case-No": "{case_no}"}
GET, OWN = "GET /v1/", "POST /v1/"
ASKED: dict[str, dict] = {
    OWN + "verifications": {"json": {"identifier": "{identifier}"}},
    GET + "licenses/{identifier}": {"headers": HEADERS},
    GET + "licenses/{identifier}/bundle": {"headers": HEADERS},
    OWN + "licenses/{identifier}/copies": {"json": {"purpose": "check", "case_no": "{case_no}"}},
    OWN + "verifications/file": {"json": {"kind": "unknown"}},
    OWN + "presentations/scan": {"json": {"code": "{code}", "purpose": "check", "case_no": "{case_no}"}},
    OWN + "licenses/{identifier}/status": {"json": ACT},
    OWN + "intake/{type}": {"json": {"row": company(7001)}},
    OWN + "corrections": {"json": DOUBT},
    GET + "corrections/{correction_id}": {},
    OWN + "cases": {"json": OPENING | {"case_no": "{case_no}-new"}},
    GET + "cases/{case_id}": {},
    OWN + "cases/{case_id}/close": {"json": {"result": "done"}},
    OWN + "cases/{case_id}/decision": {},
    GET + "cases/{case_id}/notice": {},
    GET + "cases/{case_id}/receipts/{receipt_id}": {},
    OWN + "cases/{case_id}/prefill": {},
    GET + "cases/{case_id}/archive": {},
    GET + "checks": {},
    OWN + "checks/{task_id}/answer": {"json": {"answer": "CONFIRMED"}},
    OWN + "authorizations": {"json": CONSENT},
    GET + "authorizations/{authorization_id}": {},
    GET + "notices": {},
    OWN + "notices/{notice_id}/ack": {},
    GET + "notices/{notice_id}/answers": {},
    OWN + "recalls": {"json": {"kind": "publication", "value": "legal_entity/1", "reason": "test"}},
}
"""A request by operation; what stands in braces is the world's."""
CONTENT = {
    GET + "licenses/{identifier}", GET + "licenses/{identifier}/bundle", OWN + "licenses/{identifier}/copies",
    OWN + "presentations/scan",
}  # fmt: skip
"""What shows something of a license, on a case."""
CASE_WORK = {OWN + "cases/{case_id}/close", OWN + "cases/{case_id}/decision", OWN + "cases/{case_id}/prefill", OWN + "authorizations"}
"""What needs the case open."""
ISSUER = {OWN + "licenses/{identifier}/status": (403, "FORBIDDEN"), OWN + "intake/{type}": (422, "ROW_REJECTED")}
"""What the issuing organ alone may do."""
NOBODY_S = {
    OWN + "verifications", OWN + "verifications/file", OWN + "corrections", OWN + "cases", GET + "checks", GET + "notices",
    OWN + "recalls",
}  # fmt: skip
"""About no client's object, or about the caller's own alone."""


@dataclass
class World:
    """The client whose objects they are, another with every scope, and what the braces stand for."""

    scene: Scene
    other: Scene
    ids: dict[str, str]
    headers: dict[str, dict[str, str]] = field(default_factory=dict)

    def bearer(self, scene: Scene, scope: str = "") -> dict[str, str]:
        key = f"{scene.client_id} {scope}"
        return self.headers.setdefault(key, scene.bearer(scope))

    def ask(self, operation: str, headers: Mapping[str, str], **ids: str):
        method, path = operation.split(" ", 1)
        known = self.ids | ids

        def filled(value):
            if isinstance(value, dict):
                return {name: filled(one) for name, one in value.items()}
            if isinstance(value, str) and value == "{case_id}":
                return int(known["case_id"])
            return re.sub(r"\{(\w+)\}", lambda found: known[found[1]], value) if isinstance(value, str) else value

        sent = filled(ASKED[operation])
        sent["headers"] = sent.get("headers", {}) | {"Idempotency-Key": uuid4().hex} | dict(headers)
        return self.scene.send(method, filled(path), **sent)


@pytest.fixture(scope="module")
def world(tmp_path_factory, catalog) -> Iterator[World]:
    scene = scene_at(tmp_path_factory.mktemp("matrix"), catalog)
    hub, key = scene.hub, Key()
    client = register(hub, "another", key.jwk, SCOPES, sorted(catalog.license_types), credit_code(3, "11"))
    other = replace(scene, key=key, client_id=client.client_id)
    for owner, number in ((scene, CASE), (scene, CLOSED), (other, FOREIGN)):
        owner.open_case(number, ABOUT)
    made = World(scene, other, {"identifier": identifier_of(hub, credit_code(ABOUT)), "type": "business_license", "case_no": CASE})
    made.ids |= {"case_id": made_id(scene, CASE), "closed_id": made_id(scene, CLOSED), "code": shown(hub, ABOUT)}
    mine = made.bearer(scene)
    decided = made.ask(OWN + "cases/{case_id}/decision", mine).json()
    made.ids["receipt_id"] = next(one["receipt"]["id"] for one in decided["materials"] if one["receipt"])
    made.ids["authorization_id"] = made.ask(OWN + "authorizations", mine).json()["id"]
    made.ids["correction_id"] = made.ask(OWN + "corrections", mine).json()["id"]
    assert made.ask(OWN + "verifications", mine).status_code == 200
    assert made.ask(OWN + "recalls", mine).status_code == 200
    made.ids["notice_id"] = scene.send("GET", "/v1/notices", headers=mine).json()["notices"][0]["notice_id"]
    made.ids["task_id"] = uuid4().hex
    with hub.engine.begin() as connection:
        row = {"task_id": made.ids["task_id"], "case_id": int(made.ids["case_id"]), "material": "m", "party": "applicant"}
        connection.execute(
            sa.insert(task).values(**row, department="district_market", opened_at="2026-11-21T08:00:00Z", due_on="2026-11-24")
        )
    assert made.ask(OWN + "cases/{case_id}/close", mine, case_id=made.ids["closed_id"]).status_code == 200
    yield made
    hub.close()


def made_id(scene: Scene, number: str) -> str:
    with scene.hub.engine.connect() as connection:
        return str(cases.numbered(connection, scene.client_id, number))


def secured(world: World) -> dict[str, str]:
    """Operation → its scope, '' for any signed-in client's, as the document says."""
    paths = world.scene.send("GET", "/v1/openapi.json").json()["paths"]
    listed = {f"{method.upper()} {path}": one for path, made in paths.items() for method, one in made.items() if "security" in one}
    return {name: next(iter(one["security"][0]["oauth2"]), "") for name, one in listed.items()}


def test_t11_every_operation_of_the_document_is_asked(world):
    assert set(secured(world)) == set(ASKED)


@pytest.mark.parametrize("operation", ASKED)
def test_t11_no_token_and_every_other_scope_are_refused(world, operation):
    needed = secured(world)[operation]
    refused = world.ask(operation, {"Authorization": ""})
    assert (refused.status_code, refused.json()["code"]) == (401, "UNAUTHENTICATED")
    if needed:
        others = " ".join(sorted({*SCOPES} - {needed}))
        refused = world.ask(operation, world.bearer(world.scene, others))
        assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")


OF_A_CLIENT = sorted({*ASKED} - NOBODY_S)


@pytest.mark.parametrize("operation", OF_A_CLIENT)
def test_t11_another_client_s_object_is_refused_as_one_that_never_was(world, operation):
    answer = world.ask(operation, world.bearer(world.other))
    expected = ISSUER.get(
        operation, (409, "CASE_NOT_OPEN") if operation in CONTENT | {OWN + "authorizations"} else (404, "NO_SUCH_RESOURCE")
    )
    assert (answer.status_code, answer.json()["code"]) == expected
    if operation in ISSUER:
        return
    never = dict.fromkeys((one for one in world.ids if one.endswith("_id")), "f" * 32) | {"case_id": "987654321", "case_no": "never-was"}
    told, unknown = (one.json() | {"request_id": ""} for one in (answer, world.ask(operation, world.bearer(world.other), **never)))
    assert told == unknown


@pytest.mark.parametrize("operation", sorted(NOBODY_S))
def test_t11_what_another_client_is_told_names_nothing_of_mine(world, operation):
    told = world.ask(operation, world.bearer(world.other), case_no="not-mine").text
    mine = ("receipt_id", "authorization_id", "correction_id", "notice_id", "task_id")
    assert not [name for name in mine if world.ids[name] in told] and CASE not in told


@pytest.mark.parametrize("operation", sorted(CONTENT | CASE_WORK))
def test_t11_closed_case_opens_nothing_any_more(world, operation):
    answer = world.ask(operation, world.bearer(world.scene), case_id=world.ids["closed_id"], case_no=CLOSED)
    assert (answer.status_code, answer.json()["code"]) == (409, "CASE_NOT_OPEN")


@pytest.fixture
def suspended(world) -> Iterator[World]:
    listed = keep_grants.grants(world.scene.hub, world.scene.client_id)
    for one in listed:
        keep_grants.suspend(world.scene.hub, one.grant_id, "test")
    yield world
    for one in listed:
        keep_grants.suspend(world.scene.hub, one.grant_id, "test", again=True)


@pytest.mark.parametrize("operation", sorted(CONTENT | {OWN + "authorizations"}))
def test_t11_suspended_grant_is_a_refused_call(suspended, operation):
    answer = suspended.ask(operation, suspended.bearer(suspended.scene))
    assert (answer.status_code, answer.json()["code"]) == (403, "GRANT_SUSPENDED")


def test_t11_suspended_grant_leaves_nothing_to_decide_or_fill_in_by(suspended):
    mine = suspended.bearer(suspended.scene)
    decided = suspended.ask(OWN + "cases/{case_id}/decision", mine).json()["materials"]
    assert {one["outcome"] for one in decided if one["evidence"] and one["evidence"]["kind"] != "check"} == set()
    assert "GRANT_SUSPENDED" in {tried["reason"] for one in decided for tried in one["tried"]}
    filled = suspended.ask(OWN + "cases/{case_id}/prefill", mine).json()
    assert {one["source"] for one in filled["values"]} <= {"case"}
    assert "GRANT_SUSPENDED" in {one["reason"] for one in filled["empty"]}


@pytest.mark.parametrize("operation", sorted(CONTENT - {OWN + "presentations/scan"}))
def test_content_is_told_to_whom_all_of_it_stands_for(world, operation):
    assert world.ask(operation, world.bearer(world.scene)).status_code in (200, 201), "else the refusals above prove nothing"
