"""Clients, tokens, reading."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from uuid import uuid4

import jwt
import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from license_hub.errors import (
    AccessError,
    NotAuthenticated,
    SignerUnavailable,
    TokenRefused,
)
from license_hub.service.authenticate import Principal, authenticate
from license_hub.service.change_key import rotate
from license_hub.service.hub import Hub
from license_hub.service.issue_token import ASSERTION, IssuedToken, issue_token
from license_hub.service.list_audit import list_audit
from license_hub.service.register_client import Client, clients, disable, register
from license_hub.signing import es256, sm2
from license_hub.signing.suites import suite
from license_hub.storage import tables
from license_hub.storage.engine import reading

KEYS = {"EdDSA": ed25519.Ed25519PrivateKey.generate(), "ES256": ec.generate_private_key(ec.SECP256R1())}
SCOPES = ("license:verify", "license:read", "license:export", "case:work")


def jwk(alg: str = "EdDSA") -> dict[str, object]:
    return json.loads(jwt.get_algorithm_by_name(alg).to_jwk(KEYS[alg].public_key()))


@pytest.fixture
def client(hub: Hub) -> Client:
    return register(hub, "counter-7", jwk(), SCOPES, ["business_license", "real_estate_title"])


def assertion(hub: Hub, client: Client, *, alg: str = "EdDSA", key: object = None, header: dict | None = None, **claims: object) -> str:
    at = int(hub.now().timestamp())
    said = {
        "iss": client.client_id,
        "sub": client.client_id,
        "aud": hub.public_url,
        "exp": at + 60,
        "iat": at,
        "jti": uuid4().hex,
        **claims,
    }
    return jwt.encode(
        {k: v for k, v in said.items() if v is not None}, key or KEYS[alg], alg, headers={"kid": client.kid, **(header or {})}
    )


def token(hub: Hub, text: str, **form: str) -> IssuedToken:
    full = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION, "client_assertion": text, **form}
    return issue_token(hub, full, audiences=(hub.public_url, f"{hub.public_url}/oauth/token"))


@pytest.mark.parametrize("alg", ["EdDSA", "ES256"])
def test_registered_client_gets_a_token_that_names_it(hub, alg):
    made = register(hub, "system", jwk(alg), SCOPES, ["business_license"])
    issued = token(hub, assertion(hub, made, alg=alg), scope="license:verify")
    assert (issued.token_type, issued.expires_in, issued.scope) == ("Bearer", 300, "license:verify")
    assert jwt.get_unverified_header(issued.access_token)["typ"] == "at+jwt"
    found = authenticate(hub, issued.access_token)
    assert found == Principal(made.client_id, frozenset({"license:verify"}), frozenset({"business_license"}))


def test_assertion_used_twice_is_refused_also_after_its_end(hub, client, clock):
    text = assertion(hub, client)
    token(hub, text)
    with pytest.raises(TokenRefused, match="used before"):
        token(hub, text)
    clock.pass_(seconds=69)
    with pytest.raises(TokenRefused, match="used before"):
        token(hub, text)


def test_used_assertion_is_forgotten_only_long_after_it_could_count(hub, client, clock):
    token(hub, assertion(hub, client, jti="once"))
    clock.pass_(minutes=5)
    token(hub, assertion(hub, client))
    with reading(hub.engine) as connection:
        assert "once" in connection.execute(sa.select(tables.jti.c.jti)).scalars().all()
    clock.pass_(minutes=30)
    token(hub, assertion(hub, client))
    with reading(hub.engine) as connection:
        assert "once" not in connection.execute(sa.select(tables.jti.c.jti)).scalars().all()


WRONG_CLAIMS = [
    ({"exp": None}, "does not verify"),
    ({"jti": None}, "does not verify"),
    ({"aud": "http://other"}, "does not verify"),
    ({"iss": "other"}, "iss and sub"),
    ({"sub": "other"}, "unknown"),
    ({"jti": "x" * 129}, "jti"),
    ({"jti": "a\0b"}, "jti"),
    ({"iat": 9_999_999_999}, "future"),
    ({"nbf": 9_999_999_999}, "future"),
    ({"exp": 9_999_999_999}, "at most 300"),
    ({"exp": "soon"}, "numbers of seconds|does not verify"),
]


def test_assertion_with_a_wrong_claim_is_refused(hub, client):
    for claims, why in WRONG_CLAIMS:
        with pytest.raises(TokenRefused, match=why) as caught:
            token(hub, assertion(hub, client, **claims))
        assert caught.value.error == "invalid_client"


def test_assertion_outside_its_time_is_refused_and_just_inside_accepted(hub, client):
    at = int(hub.now().timestamp())
    for outside, inside in ((-10, -9), (311, 310)):
        with pytest.raises(TokenRefused):
            token(hub, assertion(hub, client, exp=at + outside))
        token(hub, assertion(hub, client, exp=at + inside))


def test_assertion_of_another_key_algorithm_or_kid_is_refused(hub, client):
    other = ed25519.Ed25519PrivateKey.generate()
    for text in (
        assertion(hub, client, key=other),
        assertion(hub, client, alg="ES256"),
        assertion(hub, client, header={"kid": "another"}),
        jwt.encode({"sub": client.client_id}, "secret" * 8, "HS256", headers={"kid": client.kid}),
        "not a token",
    ):
        with pytest.raises(TokenRefused):
            token(hub, text)


def test_t2_used_assertion_in_its_other_spelling_is_refused(hub):
    made = register(hub, "system", jwk("ES256"), SCOPES, ["business_license"])
    text = assertion(hub, made, alg="ES256")
    signed, _, tail = text.rpartition(".")
    signature = base64.urlsafe_b64decode(tail + "==")
    other = signature[:32] + (es256.ORDER - int.from_bytes(signature[32:])).to_bytes(32)
    twin = f"{signed}.{base64.urlsafe_b64encode(other).rstrip(b'=').decode()}"
    token(hub, twin)
    for text_again in (text, twin):
        with pytest.raises(TokenRefused, match="used before"):
            token(hub, text_again)


def test_client_with_an_sm2_key_gets_a_token(hub):
    handle = suite("SM2").load(suite("SM2").generate())
    made = register(hub, "sm2 system", suite("SM2").jwk(handle.public), SCOPES, ["business_license"])
    assert made.alg == sm2.JOSE
    issued = token(hub, assertion(hub, made, alg=sm2.JOSE, key=handle))
    assert authenticate(hub, issued.access_token).client_id == made.client_id
    with pytest.raises(TokenRefused, match="does not verify"):
        token(hub, assertion(hub, made, alg=sm2.JOSE, key=suite("SM2").load(suite("SM2").generate())))


@pytest.mark.parametrize("alg", ["SM2", "ES256"])
def test_token_key_of_another_suite_signs_tokens_and_old_ones_stay_good(hub, client, alg):
    before = token(hub, assertion(hub, client)).access_token
    [key, _] = rotate(hub, "token", alg=alg, reason="test", operator="li").keys
    after = token(hub, assertion(hub, client)).access_token
    assert jwt.get_unverified_header(after)["kid"] == key.kid
    assert authenticate(hub, before) == authenticate(hub, after)


def test_token_while_its_sign_service_is_down_is_not_issued_and_the_assertion_not_used_up(hub, client, sign_service):
    sign_service.faults()
    place = sign_service.place | {"key": "p256", "attempts": 1}
    attached = hub.keyring.attach("token", "ES256", sign_service.public["p256"], place)
    rotate(hub, "token", kid=attached.kid, reason="test", operator="li")
    text = assertion(hub, client)
    sign_service.faults("503")
    with pytest.raises(SignerUnavailable):
        token(hub, text)
    assert [one for one in list_audit(hub) if one.action == "token"] == []
    assert authenticate(hub, token(hub, text).access_token).client_id == client.client_id


@pytest.mark.parametrize("name", ["\0", "\ud800", "x" * 5000, 7, ["a"], {"a": 1}, "' or 1=1 --", ""])
def test_t4_assertion_of_a_client_with_an_impossible_name_is_refused(hub, client, name):
    header, claims = (
        {"alg": "EdDSA", "typ": "JWT", "kid": client.kid},
        {"iss": "x", "sub": name, "aud": hub.public_url, "exp": 1, "jti": "j"},
    )
    parts = [base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=").decode() for one in (header, claims)]
    with pytest.raises(TokenRefused) as caught:
        token(hub, ".".join([*parts, "AAAA"]))
    assert caught.value.error == "invalid_client"


def test_scope_not_granted_is_refused(hub):
    made = register(hub, "small", jwk(), ["license:verify"], ["business_license"])
    with pytest.raises(TokenRefused) as caught:
        token(hub, assertion(hub, made), scope="license:read")
    assert caught.value.error == "invalid_scope"


def test_disabled_client_gets_no_token_and_its_tokens_die(hub, client):
    live = token(hub, assertion(hub, client)).access_token
    disable(hub, client.client_id)
    with pytest.raises(NotAuthenticated):
        authenticate(hub, live)
    with pytest.raises(TokenRefused):
        token(hub, assertion(hub, client))
    assert clients(hub)[0].disabled_at is not None
    with pytest.raises(AccessError):
        disable(hub, "nobody")


def test_token_ends_after_five_minutes(hub, client, clock):
    live = token(hub, assertion(hub, client)).access_token
    clock.pass_(seconds=299)
    assert authenticate(hub, live).client_id == client.client_id
    clock.pass_(seconds=1)
    with pytest.raises(NotAuthenticated):
        authenticate(hub, live)


def test_client_assertion_is_no_access_token_and_back(hub, client):
    with pytest.raises(NotAuthenticated):
        authenticate(hub, assertion(hub, client))
    with pytest.raises(TokenRefused):
        token(hub, token(hub, assertion(hub, client)).access_token)


def test_token_with_any_segment_changed_is_refused(hub, client):
    live = token(hub, assertion(hub, client)).access_token
    for at in range(0, len(live), 7):
        twin = live[:at] + ("A" if live[at] != "A" else "B") + live[at + 1 :]
        with pytest.raises(NotAuthenticated):
            authenticate(hub, twin)


WRONG_KEYS = [
    ({"kty": "RSA"}, "Ed25519"),
    ({"d": "x"}, "private"),
    ({"use": "enc"}, "use and key_ops"),
    ({"key_ops": ["encrypt"]}, "use and key_ops"),
    ({"alg": "ES256"}, "alg must be"),
    ({"x": "AAAA"}, "not a point"),
    ({"kid": "../x"}, "kid"),
]


def test_key_that_must_not_be_registered_is_refused(hub):
    for change, why in WRONG_KEYS:
        with pytest.raises(AccessError, match=why):
            register(hub, "system", {**jwk(), **change}, SCOPES, ["business_license"])
    assert clients(hub) == []


def test_client_with_wrong_name_scope_or_type_is_refused(hub):
    for name, scopes, types in [("", SCOPES, ["food_permit"]), ("a", ["all"], ["food_permit"]), ("a", SCOPES, ["x"]), ("a", SCOPES, [])]:
        with pytest.raises(AccessError):
            register(hub, name, jwk(), scopes, types)


def test_clients_are_listed_oldest_first(hub, clock):
    register(hub, "first", jwk(), SCOPES, ["business_license"])
    clock.now += timedelta(seconds=1)
    register(hub, "second", jwk("ES256"), SCOPES, ["business_license"])
    assert [one.name for one in clients(hub)] == ["first", "second"]
