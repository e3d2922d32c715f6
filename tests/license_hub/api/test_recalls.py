"""Recalls and notices over HTTP: a client is told once, of its own answers alone."""

from __future__ import annotations

import pytest

from license_hub.api.recalls import MOST_IDENTIFIERS
from license_hub.service.recall import NOTICE_TYPE
from license_hub.service.register_client import register
from license_hub.signing import jose
from tests.license_hub.api.conftest import Scene, scene_at
from tests.license_hub.caller import Key, token_form
from tests.license_hub.sample_hub import credit_code, identifiers

ASKED = {"kind": "publication", "value": "legal_entity/1", "reason": "样例：本次发布有误"}


@pytest.fixture(scope="module")
def told(tmp_path_factory, catalog) -> Scene:
    made = scene_at(tmp_path_factory.mktemp("told"), catalog)
    made.verify(identifier=identifiers(made.hub)[3], case_no="990101-2026-000001")
    made.verify(identifier=identifiers(made.hub)[4])
    yield made
    made.hub.close()


def other(scene: Scene) -> dict[str, str]:
    """Bearer of another client, which never asked for anything."""
    key = Key()
    client = register(scene.hub, "other", key.jwk, ["license:verify"], ["business_license"])
    form = token_form(key.assertion(client.client_id, scene.hub.public_url, scene.clock().timestamp()))
    return {"Authorization": f"Bearer {scene.send('POST', '/oauth/token', data=form).json()['access_token']}"}


def test_recall_is_answered_told_once_read_and_acknowledged(told):
    bearer = told.bearer()
    made = told.send("POST", "/v1/recalls", json=ASKED, headers=bearer)
    assert made.status_code == 200, made.text
    assert (made.json()["licenses"], made.json()["answers"], made.json()["notices"]) == (25, 2, 1)
    assert told.send("POST", "/v1/recalls", json=ASKED, headers=bearer).json()["notices"] == 0
    [notice] = told.send("GET", "/v1/notices", headers=bearer).json()["notices"]
    claims = jose.read_own(notice["token"], NOTICE_TYPE, told.hub.keyring.public_keys("status"))
    assert (claims["sub"], claims["recall"]["reason"], claims["answers"]["count"]) == (told.client_id, ASKED["reason"], 2)
    path = f"/v1/notices/{notice['notice_id']}"
    listed = told.send("GET", f"{path}/answers", headers=bearer).json()["answers"]
    assert [one["identifier"] for one in listed] == identifiers(told.hub)[3:5] and listed[0]["case_no"] == "990101-2026-000001"
    stranger = other(told)
    assert told.send("GET", f"{path}/answers", headers=stranger).status_code == 404
    assert told.send("POST", f"{path}/ack", headers=stranger).status_code == 404
    assert told.send("GET", "/v1/notices", headers=stranger).json() == {"notices": []}
    first = told.send("POST", f"{path}/ack", headers=bearer).json()
    assert first["acknowledged_at"] and told.send("POST", f"{path}/ack", headers=bearer).json() == first
    assert told.send("GET", "/v1/notices", headers=bearer).json() == {"notices": []}
    assert told.send("GET", "/v1/notices?acknowledged=true", headers=bearer).json() == {"notices": [first]}


@pytest.mark.parametrize(
    "change",
    [{"kind": "license"}, {"value": "legal_entity/99"}, {"kind": "organ", "value": "x"}, {"reason": ""}, {"revoke": True}],
    ids=str,
)
def test_recall_of_nothing_or_of_another_form_is_a_problem(told, change):
    answer = told.send("POST", "/v1/recalls", json=ASKED | change, headers=told.bearer())
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST")


def test_recall_of_as_many_identifiers_as_may_be_named_fits_into_a_body(told):
    named = (identifiers(told.hub) * 21)[: MOST_IDENTIFIERS + 1]
    organ = ASKED | {"kind": "organ", "value": credit_code(2, "11"), "document_no": "1"}
    assert told.send("POST", "/v1/recalls", json=organ | {"identifiers": named[1:]}, headers=told.bearer()).json()["licenses"] == 25
    answer = told.send("POST", "/v1/recalls", json=organ | {"identifiers": named}, headers=told.bearer())
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/identifiers")


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("POST", f"/{'0' * 32}/ack"), ("GET", f"/{'0' * 32}/answers")])
def test_t11_notices_need_a_token(told, method, path):
    assert told.send(method, f"/v1/notices{path}").status_code == 401
    assert told.send(method, f"/v1/notices{path}", headers={"Authorization": "Bearer x.y.z"}).status_code == 401
