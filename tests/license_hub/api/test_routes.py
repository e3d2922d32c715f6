"""Every route over a populated hub: masked reading, log, health, problems; and who may call what."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from fastapi.routing import APIRoute

from license_hub.api import frame, problems
from license_hub.api.verifications import VerificationIn
from license_hub.domain.identifier import mint
from license_hub.domain.verdict import Code
from license_hub.log import bundle, checkpoint
from license_hub.service.integrate import attend
from license_hub.service.register_client import register
from license_hub.storage.tables import leaf
from license_hub.web.assets import assets
from tests.license_hub.api.conftest import CASE_NO, audited, scene_at
from tests.license_hub.api.elicense_scene import SERVICES
from tests.license_hub.caller import Key, token_form
from tests.license_hub.sample_hub import credit_code, identifier_of, identifiers

PURPOSE = {"Hub-Purpose": "%E8%AE%BE%E7%AB%8B%E7%99%BB%E8%AE%B0", "Hub-Case-No": CASE_NO}


def test_license_is_read_masked_for_a_purpose_on_a_case(scene):
    before = len(audited(scene.hub, "read"))
    identifier = identifier_of(scene.hub, credit_code(2001))
    answer = scene.send("GET", f"/v1/licenses/{identifier}", headers=scene.bearer() | PURPOSE)
    assert answer.status_code == 200
    body = answer.json()
    assert (body["identifier"], body["type"], body["code"]) == (identifier, "business_license", "IN_FORCE")
    assert body["fields"]["ZZMC"] == "营业执照"
    [entry] = audited(scene.hub, "read")[before:]
    assert (entry.actor, entry.purpose, entry.case_no) == (scene.client_id, "设立登记", CASE_NO)


def test_license_personal_fields_are_masked_by_the_catalogue_s_sensitivity(tmp_path, catalog):
    entity = catalog.resources["legal_entity"]
    personal = replace(entity, fields=tuple(replace(one, sensitivity=4) if one.name == "legal_rep" else one for one in entity.fields))
    scene = scene_at(tmp_path, replace(catalog, resources=dict(catalog.resources) | {"legal_entity": personal}))
    body = scene.send("GET", f"/v1/licenses/{identifier_of(scene.hub, credit_code(2001))}", headers=scene.bearer() | PURPOSE).json()
    assert "KZ_法定代表人" in body["fields"] and "样例甲" not in json.dumps(body, ensure_ascii=False)
    scene.hub.close()


@pytest.mark.parametrize("missing", PURPOSE)
def test_license_without_purpose_or_case_is_refused_naming_the_header(scene, missing):
    headers = scene.bearer() | {name: value for name, value in PURPOSE.items() if name != missing}
    answer = scene.send("GET", f"/v1/licenses/{identifiers(scene.hub)[0]}", headers=headers)
    assert answer.status_code == 400
    assert answer.json()["errors"] == [{"pointer": f"/headers/{missing}", "rule": "required"}]


@pytest.mark.parametrize("value", ["%FF", "%00", "%E2%80%AE", "x" * 500])
def test_license_with_a_header_that_is_no_plain_text_is_refused(scene, value):
    answer = scene.send("GET", f"/v1/licenses/{identifiers(scene.hub)[0]}", headers=scene.bearer() | PURPOSE | {"Hub-Purpose": value})
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST")


def test_license_unknown_is_answered_without_fields(scene):
    type_code, issuer_code = identifiers(scene.hub)[0].split(".")[5:7]
    unknown = mint(type_code, issuer_code, "0" * 25, 1)
    body = scene.send("GET", f"/v1/licenses/{unknown}", headers=scene.bearer() | PURPOSE).json()
    assert (body["status"], body["fields"]) == ("UNDETERMINED", {})


def test_checkpoints_of_a_hub_without_witnesses_are_marked(scene):
    answer = scene.verify(identifier=identifiers(scene.hub)[-1])
    assert answer.json()["log"] == "unwitnessed"
    attend(scene.hub)
    audit = scene.send("GET", "/log/audit/checkpoint")
    assert checkpoint.parse(audit.text).origin == f"{scene.hub.origin}/audit"
    assert [one.headers["hub-log"] for one in (audit, scene.send("GET", "/log/checkpoint"))] == ["unwitnessed"] * 2


def test_log_checkpoint_tiles_and_proof_verify_with_public_keys_alone(scene):
    hub = scene.hub
    note = scene.send("GET", "/log/checkpoint")
    keys = checkpoint.keys(hub.origin, [(one.alg, one.public) for one in hub.keyring.public_keys("checkpoint")])
    head = checkpoint.verify(note.text, hub.origin, keys)
    assert head.size == 25
    tile = scene.send("GET", f"/log/tile/0/000.p/{head.size}")
    assert len(tile.content) == 32 * head.size and "immutable" in tile.headers["cache-control"]
    with hub.engine.connect() as connection:
        hashes = [bytes(one) for one in connection.execute(sa.select(leaf.c.leaf_hash).order_by(leaf.c.entry)).scalars()]
    assert b"".join(hashes) == tile.content
    for index in (0, 7, 24):
        proof = bundle.parse(scene.send("GET", f"/log/proof/{hashes[index].hex()}").text)
        assert proof.index == index
        assert bundle.verify(proof, hashes[index], hub.origin, keys).root == head.root


@pytest.mark.parametrize(
    "path",
    [
        "/log/tile/0/000.p/26",
        "/log/tile/%2e%2e/checkpoint",
        "/log/tile/0/%2e%2e/%2e%2e/hub.db",
        "/log/tile/entries/999",
        "/log/tile//etc/passwd",
        "/log/proof/" + "0" * 64,
    ],
)
def test_t18_log_paths_that_are_not_there_are_not_found(scene, path):
    answer = scene.send("GET", path)
    assert (answer.status_code, answer.json()["code"]) == (404, "NO_SUCH_RESOURCE")


@pytest.mark.parametrize("leaf_hash", ["0" * 63, "0" * 65, "Z" * 64, "A" * 64])
def test_log_proof_of_no_hash_is_refused(scene, leaf_hash):
    assert scene.send("GET", f"/log/proof/{leaf_hash}").status_code == 400


def test_health_and_readiness_tell_what_they_looked_at(scene):
    assert scene.send("GET", "/healthz").json() == {"status": "ok"}
    ready = scene.send("GET", "/readyz")
    assert ready.status_code == 200
    assert ready.json()["checks"] | {"freshness": None} == {"database": "ok", "keys": "ok", "catalogue": "ok", "freshness": None}
    assert ready.json()["checks"]["freshness"]["legal_entity"] == "fresh"
    assert ready.json()["checks"]["freshness"]["population"] == "none"


def test_readiness_reports_a_late_source_and_stays_ready(scene):
    scene.clock.at += timedelta(days=30)
    try:
        ready = scene.send("GET", "/readyz")
    finally:
        scene.clock.at -= timedelta(days=30)
    assert (ready.status_code, ready.json()["checks"]["freshness"]["legal_entity"]) == (200, "late")


def test_unknown_path_and_method_are_problems(scene):
    for method, path, status, code in (
        ("GET", "/nothing", 404, "NO_SUCH_RESOURCE"),
        ("DELETE", "/v1/verifications", 405, "METHOD_NOT_ALLOWED"),
    ):
        answer = scene.send(method, path)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.json()["title"] == scene.hub.catalog.messages[code].sentence


def test_problems_are_listed_with_every_message(scene):
    assert scene.send("GET", "/v1/problems").json().keys() == scene.hub.catalog.messages.keys()


PUBLIC = {
    "/oauth/token",
    "/.well-known/jwks.json",
    "/.well-known/hub-manifest",
    "/log/checkpoint",
    "/log/audit/checkpoint",
    "/log/tile/{path:path}",
    "/log/proof/{leaf_hash}",
    "/status",
    "/status/{shard}",
    "/healthz",
    "/readyz",
    "/v1/problems",
    "/v1/downloads/{secret}",
    "/",
    "/verify",
    "/verify/file",
    "/care",
    "/matters",
    "/matters/materials.csv",
    "/matters/proofs.csv",
    "/matters/{matter_id}",
    *(f"/static/{name}" for name in assets().names),
}
SCOPED = {
    ("POST", "/v1/verifications"): "license:verify",
    ("GET", "/v1/licenses/{identifier}"): "license:read",
    ("GET", "/v1/licenses/{identifier}/bundle"): "license:export",
    ("POST", "/v1/presentations/scan"): "license:scan",
    ("POST", "/v1/licenses/{identifier}/copies"): "license:copy",
    ("POST", "/v1/verifications/file"): "license:verify",
    ("POST", "/v1/recalls"): "license:recall",
    ("POST", "/v1/licenses/{identifier}/status"): "license:status",
    ("POST", "/v1/intake/{type}"): "license:intake",
    ("POST", "/v1/corrections"): "license:correct",
    ("GET", "/v1/corrections/{correction_id}"): "license:correct",
    ("POST", "/v1/cases"): "case:work",
    ("GET", "/v1/cases/{case_id}"): "case:work",
    ("POST", "/v1/cases/{case_id}/close"): "case:work",
    ("POST", "/v1/cases/{case_id}/decision"): "case:work",
    ("GET", "/v1/cases/{case_id}/notice"): "case:work",
    ("GET", "/v1/cases/{case_id}/receipts/{receipt_id}"): "case:work",
    ("POST", "/v1/cases/{case_id}/prefill"): "case:work",
    ("GET", "/v1/cases/{case_id}/archive"): "case:work",
    ("GET", "/v1/checks"): "case:check",
    ("POST", "/v1/checks/{task_id}/answer"): "case:check",
    ("POST", "/v1/authorizations"): "case:work",
    ("GET", "/v1/authorizations/{authorization_id}"): "case:work",
}
FACADE = {f"/elicense/v1/{name}" for name in ("token", *SERVICES)}
"""Their token is in the body: `test_elicense_access` asks who may."""
SIGNED_IN = {("GET", "/v1/notices"), ("POST", "/v1/notices/{notice_id}/ack"), ("GET", "/v1/notices/{notice_id}/answers")}
"""For every registered client, about itself alone."""


def api_routes(scene) -> set[tuple[str, str]]:
    routes = [one for one in scene.app._app.routes if isinstance(one, APIRoute)]
    assert routes
    return {(method, one.path) for one in routes for method in one.methods}


def test_t11_every_route_is_public_on_purpose_or_has_a_scope(scene):
    rest = {(method, path) for method, path in api_routes(scene) if (method, path) not in SCOPED}
    assert SIGNED_IN <= rest and {path for _, path in rest - SIGNED_IN} == PUBLIC | FACADE


@pytest.mark.parametrize(("method", "path"), SCOPED)
def test_t11_scoped_route_refuses_no_token_wrong_scope_and_spoilt_token(scene, method, path):
    path = path.replace("{identifier}", identifiers(scene.hub)[0])
    rest = {"json": {"identifier": identifiers(scene.hub)[0]}} if method == "POST" else {}
    other = next(one for one in SCOPED.values() if one != SCOPED[method, path.replace(identifiers(scene.hub)[0], "{identifier}")])
    token = scene.token()
    spoilt = token[:-1] + ("A" if token[-1] != "A" else "B")
    for headers, status, challenge in (
        ({}, 401, 'Bearer realm="hub"'),
        ({"Authorization": "Basic YTpi"}, 401, 'Bearer realm="hub"'),
        ({"Authorization": f"Bearer {spoilt}"}, 401, 'error="invalid_token"'),
        (scene.bearer(other), 403, 'error="insufficient_scope"'),
    ):
        answer = scene.send(method, path, headers=headers | PURPOSE, **rest)
        assert answer.status_code == status
        assert challenge in answer.headers["www-authenticate"]


def test_verification_of_a_type_not_granted_is_forbidden(own_scene):
    hub, key = own_scene.hub, Key()
    client = register(hub, "permits only", key.jwk, ["license:verify"], ["food_permit"])
    form = token_form(key.assertion(client.client_id, hub.public_url, own_scene.clock().timestamp()))
    bearer = {"Authorization": f"Bearer {own_scene.send('POST', '/oauth/token', data=form).json()['access_token']}"}
    number = credit_code(2003)
    for asked in (
        {"identifier": identifiers(hub)[0]},
        {"type": "business_license", "number": number, "holder_number": number},
    ):
        answer = own_scene.send("POST", "/v1/verifications", json=asked, headers=bearer)
        assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")


def test_openapi_document_validates_its_own_examples_and_loads_nothing_from_elsewhere(scene):
    document = scene.send("GET", "/v1/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    asked = document["components"]["schemas"]["VerificationIn"]
    assert len(asked["examples"]) == 2
    for example in asked["examples"]:
        VerificationIn.model_validate(example)
    assert "/verify" not in document["paths"]
    secured = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["description"] and "4XX" in operation["responses"], path
            secured[method.upper(), path] = operation.get("security")
    assert {route: one[0]["oauth2"][0] for route, one in secured.items() if one and route not in SIGNED_IN} == SCOPED
    assert all(secured[route] == [{"oauth2": []}] for route in SIGNED_IN)
    scopes = document["components"]["securitySchemes"]["oauth2"]["flows"]["clientCredentials"]["scopes"]
    assert set(scopes) == set(SCOPED.values())
    assert scene.send("GET", "/docs").status_code == scene.send("GET", "/redoc").status_code == 404


def test_t24_database_away_gives_503_and_no_verdict(own_scene, tmp_path):
    headers = own_scene.bearer()
    identifier = identifiers(own_scene.hub)[0]
    with own_scene.hub.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE hub_audit RENAME TO hub_away"))
    answer = own_scene.send("POST", "/v1/verifications", json={"identifier": identifier}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")
    assert answer.headers["retry-after"] == "5"
    assert "IN_FORCE" not in answer.text and "hub_audit" not in answer.text
    page = own_scene.send("POST", "/verify", data={"identifier": identifier}, headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["content-type"]) == (503, "text/html; charset=utf-8")
    assert own_scene.hub.catalog.messages["UNAVAILABLE"].sentence in page.text and page.headers["x-request-id"] in page.text


def test_t29_body_cap_holds_on_the_real_application(scene):
    answer = scene.send("POST", "/v1/verifications", content=b"x" * (frame.MAX_BODY_BYTES + 1), headers=scene.bearer())
    assert answer.status_code == 413


def test_pages_and_api_share_one_verdict(scene):
    number = credit_code(1002)
    identifier = identifier_of(scene.hub, number)
    page = scene.send("POST", "/verify", data={"identifier": identifier})
    assert scene.verify(identifier=identifier).json()["reason"] in page.text


def test_catalog_messages_cover_every_verdict_and_problem_code(catalog):
    assert {one.value for one in Code} <= catalog.messages.keys()
    source = "".join(path.read_text("utf-8") for path in Path(frame.__file__).parent.glob("*.py"))
    raised = set(re.findall(r'Problem\(\s*"([A-Z_]+)"', source)) | set(problems.BY_STATUS.values())
    assert len(raised) > 5 and raised <= catalog.messages.keys()


def test_collected_license_on_the_page_asks_for_the_holder_first(tmp_path, catalog):
    kinds = dict(catalog.license_types)
    kinds["business_license"] = replace(kinds["business_license"], origin="collected")
    scene = scene_at(tmp_path, replace(catalog, license_types=kinds))
    identifier = identifier_of(scene.hub, credit_code(2000))
    asked = scene.send("POST", "/verify", data={"identifier": identifier})
    assert asked.status_code == 422 and "请填写持证主体的号码" in asked.text and identifier in asked.text
    right = scene.send("POST", "/verify", data={"identifier": identifier, "holder_number": credit_code(2000)})
    assert "result-valid" in right.text and credit_code(2000) not in right.text
    wrong = scene.send("POST", "/verify", data={"identifier": identifier, "holder_number": credit_code(2001)})
    assert "result-undetermined" in wrong.text
    scene.hub.close()
