"""Tokens: one honest way in, and the ways of threats.md T3, T4 and findings 1–4 that must stay shut."""

from __future__ import annotations

from datetime import timedelta

import jwt
import pytest

from license_hub.service.change_key import rotate
from license_hub.service.register_client import disable, register
from tests.license_hub.caller import Key, token_form
from tests.license_hub.sample_hub import identifiers


def ask(scene, form: dict[str, str]):
    return scene.send("POST", "/oauth/token", data=form)


def test_token_is_short_lived_and_for_this_hub_alone(scene):
    answer = ask(scene, token_form(scene.assertion(), "license:verify"))
    assert answer.status_code == 200 and answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 300, "license:verify")
    claims = jwt.decode(body["access_token"], options={"verify_signature": False})
    assert (claims["iss"], claims["aud"], claims["sub"]) == (scene.hub.public_url, scene.hub.public_url, scene.client_id)


def test_token_verifies_with_the_published_keys(scene):
    token = scene.token()
    [key] = scene.send("GET", "/.well-known/jwks.json").json()["keys"]
    assert "d" not in key and key["alg"] == "EdDSA"
    options = {"verify_exp": False, "verify_iat": False}
    claims = jwt.decode(token, jwt.PyJWK(key), algorithms=["EdDSA"], audience=scene.hub.public_url, options=options)
    assert jwt.get_unverified_header(token)["kid"] == key["kid"] and claims["exp"] - claims["iat"] == 300


@pytest.mark.parametrize("audience", ["", "/oauth/token"])
def test_assertion_for_the_hub_or_its_token_endpoint_is_taken(scene, audience):
    assert ask(scene, token_form(scene.assertion(audience=scene.hub.public_url + audience))).status_code == 200


def test_t4_assertion_counts_once(scene):
    form = token_form(scene.assertion())
    assert ask(scene, form).status_code == 200
    again = ask(scene, form)
    assert (again.status_code, again.json()["error"]) == (401, "invalid_client")


SPOILT = {
    "another audience": {"audience": "https://elsewhere.example"},
    "expired": {"exp": 1},
    "never expires": {"exp": None},
    "lives too long": {"exp": 4102444800},
    "from the future": {"nbf": 4102444800},
    "no jti": {"jti": None},
    "another issuer": {"iss": "someone"},
    "another subject": {"sub": "someone"},
    "names a key by url": {"header": {"jku": "https://elsewhere.example/keys"}},
    "brings its own key": {"header": {"jwk": Key().jwk}},
    "critical extension": {"header": {"crit": ["b64"], "b64": True}},
    "an access token's type": {"header": {"typ": "at+jwt"}},
    "another kid": {"header": {"kid": "other"}},
    "no type": {"header": {"typ": None}},
}


@pytest.mark.parametrize("changes", SPOILT.values(), ids=SPOILT)
def test_t3_assertion_that_is_not_right_gets_no_token(scene, changes):
    answer = ask(scene, token_form(scene.assertion(**changes)))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert set(answer.json()) == {"error", "error_description"}


def test_t3_assertion_signed_with_another_key_gets_no_token(scene):
    other = Key(kid=scene.key.kid)
    answer = ask(scene, token_form(other.assertion(scene.client_id, scene.hub.public_url, scene.clock().timestamp())))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_t3_unsigned_assertion_gets_no_token(scene):
    claims = jwt.decode(scene.assertion(), options={"verify_signature": False})
    unsigned = jwt.encode(claims, "", "none", headers={"kid": scene.key.kid, "typ": "JWT"})
    assert ask(scene, token_form(unsigned)).status_code == 401


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"client_assertion_type": "urn:other"}, 400, "invalid_request"),
        ({"scope": "license:verify admin"}, 400, "invalid_scope"),
        ({"client_assertion": "not.a.jwt"}, 401, "invalid_client"),
    ],
)
def test_token_request_of_another_form_is_an_oauth_error(scene, changes, status, error):
    answer = ask(scene, token_form(scene.assertion()) | changes)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


def test_token_request_without_its_fields_is_refused(scene):
    answer = ask(scene, {"grant_type": "client_credentials"})
    assert answer.status_code == 400 and answer.json()["error"] == "invalid_request"


def test_token_is_refused_after_its_time(own_scene):
    headers, asked = own_scene.bearer(), {"identifier": identifiers(own_scene.hub)[0]}
    assert own_scene.send("POST", "/v1/verifications", json=asked, headers=headers).status_code == 200
    own_scene.clock.at += timedelta(seconds=299)
    assert own_scene.send("POST", "/v1/verifications", json=asked, headers=headers).status_code == 200
    own_scene.clock.at += timedelta(seconds=1)
    assert own_scene.send("POST", "/v1/verifications", json=asked, headers=headers).status_code == 401


def test_client_shut_out_is_out_within_the_memory_of_tokens(own_scene):
    hub, key = own_scene.hub, Key()
    client = register(hub, "soon out", key.jwk, ["license:verify"], ["business_license"])
    form = token_form(key.assertion(client.client_id, hub.public_url, own_scene.clock().timestamp()))
    headers = {"Authorization": f"Bearer {ask(own_scene, form).json()['access_token']}"}
    asked = {"identifier": identifiers(hub)[0]}
    assert own_scene.send("POST", "/v1/verifications", json=asked, headers=headers).status_code == 200
    disable(hub, client.client_id)
    own_scene.clock.at += timedelta(seconds=31)
    assert own_scene.send("POST", "/v1/verifications", json=asked, headers=headers).status_code == 401
    again = token_form(key.assertion(client.client_id, hub.public_url, own_scene.clock().timestamp()))
    assert ask(own_scene, again).status_code == 401


def test_client_assertion_is_no_access_token(scene):
    answer = scene.send("POST", "/v1/verifications", json={"identifier": "x"}, headers={"Authorization": f"Bearer {scene.assertion()}"})
    assert answer.status_code == 401


def test_token_in_the_url_or_the_body_is_not_looked_at(scene):
    token = scene.token()
    assert scene.send("POST", f"/v1/verifications?access_token={token}", json={"identifier": "x"}).status_code == 401


def test_token_while_the_place_of_its_key_is_down_is_503(own_scene, sign_service):
    sign_service.faults()
    place = sign_service.place | {"key": "p256", "attempts": 1}
    attached = own_scene.hub.keyring.attach("token", "ES256", sign_service.public["p256"], place)
    rotate(own_scene.hub, "token", kid=attached.kid, reason="test", operator="li")
    sign_service.faults("503")
    answer = own_scene.send("POST", "/oauth/token", data=token_form(own_scene.assertion()))
    assert (answer.status_code, answer.headers["retry-after"], answer.json()["code"]) == (503, "5", "UNAVAILABLE")
    assert own_scene.verify(identifier="1.2.3").status_code == 200
