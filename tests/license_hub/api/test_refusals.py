"""T24: whoever is turned away is on record, under the id of the answer; what cannot be recorded is answered 503."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from license_hub.service.list_audit import list_audit
from license_hub.service.register_client import register
from tests.license_hub.caller import Key, token_form
from tests.license_hub.sample_hub import identifiers


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


@pytest.mark.parametrize("door", ["verify", "read", "token", "refused token", "refused bearer", "page"])
def test_t24_with_insert_on_audit_revoked_every_door_answers_503(revoked_scene, door):
    scene, headers = revoked_scene
    identifier = identifiers(scene.hub)[0]
    doors = {
        "verify": lambda: scene.send("POST", "/v1/verifications", json={"identifier": identifier}, headers=headers),
        "read": lambda: scene.send("GET", f"/v1/licenses/{identifier}", headers=headers | {"Hub-Purpose": "check", "Hub-Case-No": "C-1"}),
        "token": lambda: scene.send("POST", "/oauth/token", data=token_form(scene.assertion())),
        "refused token": lambda: scene.send("POST", "/oauth/token", data={}),
        "refused bearer": lambda: scene.send("GET", f"/v1/licenses/{identifier}"),
        "page": lambda: scene.send("POST", "/verify", data={"identifier": identifier}),
    }
    answer = doors[door]()
    assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")
    assert identifier not in answer.text


@pytest.fixture(scope="module")
def revoked_scene(tmp_path_factory, catalog, postgres_server):
    """A populated hub on PostgreSQL whose own role may no longer insert into hub_audit, and a token from before."""
    from tests.support import postgres

    from .conftest import scene_at

    with postgres.database(postgres_server) as url, postgres.role(postgres_server, url) as own_url:
        made = scene_at(tmp_path_factory.mktemp("revoked"), catalog, own_url)
        headers = made.bearer()
        with made.hub.engine.begin() as connection:
            connection.execute(sa.text("REVOKE INSERT ON hub_audit FROM CURRENT_USER"))
        yield made, headers
        made.hub.close()
