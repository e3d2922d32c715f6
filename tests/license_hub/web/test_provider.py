"""Sign-in at an OpenID Connect provider: a real one on 127.0.0.1, its claims, and everything that must not be believed."""

from __future__ import annotations

import base64
import json
import time
from contextlib import closing
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import sqlalchemy as sa
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from license_hub.app import faced
from license_hub.service import keep_accounts
from license_hub.service.hub import open_hub
from license_hub.storage.tables import audit
from tests.license_hub.sample_hub import options, wall_clock
from tests.license_hub.web.staff_visit import BODY, Browser
from tests.support import identity_provider as idp

PERSON = {"sub": "u-1001", "name": "样例甲", "realm": {"roles": ["dq-staff", "unheard-of"]}}


@pytest.fixture(scope="module")
def provider():
    with idp.running() as started:
        yield started


@pytest.fixture(scope="module")
def hub(tmp_path_factory, catalog):
    with closing(open_hub(options(tmp_path_factory.mktemp("sso")), clock=wall_clock, catalog=catalog)) as made:
        yield made


@pytest.fixture(scope="module")
def app(hub, provider):
    given = {
        "oidc_issuer": provider.url, "oidc_client_id": idp.CLIENT_ID, "oidc_client_secret": idp.CLIENT_SECRET, "local_accounts": "off",
        "oidc_roles_claim": "realm.roles", "oidc_roles": "dq-staff=quality dq-body=body", "oidc_body_claim": "org",
    }  # fmt: skip
    return faced(hub, options(hub.lake.root.parent, **given))


@pytest.fixture
def visitor(app, provider):
    provider.claims, provider.spoil = dict(PERSON), None
    return Browser(app)


def authorized(visitor: Browser, wanted: str = "/staff") -> str:
    """Through the provider's page: path and query it sends the browser back to."""
    away = visitor.get(f"/sign-in/provider?next={wanted}")
    assert away.status_code == 303, away.text
    back = httpx.get(away.headers["location"]).headers["location"]
    return f"{urlsplit(back).path}?{urlsplit(back).query}"


def last(hub) -> sa.Row:
    with hub.engine.connect() as connection:
        return connection.execute(sa.select(audit).order_by(audit.c.seq.desc())).first()


def test_person_signs_in_with_the_roles_the_claims_give(visitor, hub, provider):
    page = visitor.get("/sign-in").text
    assert "统一身份认证登录" in page and 'type="password"' not in page
    answer = visitor.get(authorized(visitor))
    assert (answer.status_code, answer.headers["location"]) == (303, "/staff")
    me = visitor.get("/staff").text
    account = f"sso:u-1001@{urlsplit(provider.url).netloc}"
    assert "样例甲" in me and account in me and "质量人员" in me
    assert (last(hub).actor, last(hub).code, last(hub).purpose) == (f"staff:{account}", "SIGNED_IN", "quality")


def test_request_to_the_provider_carries_pkce_state_and_nonce(visitor):
    given = {name: one[0] for name, one in parse_qs(urlsplit(visitor.get("/sign-in/provider").headers["location"]).query).items()}
    assert given["code_challenge_method"] == "S256" and len(given["code_challenge"]) == len(given["state"]) == len(given["nonce"]) == 43
    assert given["response_type"] == "code" and given["redirect_uri"].endswith("/sign-in/provider/back")
    assert len({given["code_challenge"], given["state"], given["nonce"]}) == 3


def test_staff_of_a_body_get_their_body_from_the_claim(visitor, provider):
    provider.claims |= {"sub": "u-2", "realm": {"roles": ["dq-body"]}, "org": BODY}
    visitor.get(authorized(visitor))
    assert BODY in visitor.get("/staff").text


def test_roles_are_those_of_the_last_sign_in(visitor, provider, hub):
    provider.claims |= {"sub": "u-3"}
    visitor.get(authorized(visitor))
    provider.claims |= {"realm": {"roles": ["dq-body"]}, "org": BODY}
    visitor.get(authorized(visitor))
    [one] = [one for one in keep_accounts.accounts(hub) if one.account.startswith("sso:u-3@")]
    assert (one.roles, one.body, one.local) == ({"body"}, BODY, False)


NO_ROLE = {
    "none": {"realm": {"roles": []}},
    "claim is no object": {"realm": "x"},
    "our word, not the provider's": {"realm": {"roles": ["quality"]}},
    "no body": {"realm": {"roles": ["dq-body"]}},
    "no body's code": {"realm": {"roles": ["dq-body"]}, "org": "99"},
    "body and more": {"realm": {"roles": ["dq-body", "dq-staff"]}, "org": BODY},
}


@pytest.mark.parametrize("claims", NO_ROLE.values(), ids=NO_ROLE)
def test_t32_claims_without_a_role_here_open_no_session(visitor, provider, hub, claims):
    provider.claims |= {"sub": "u-4"} | claims
    answer = visitor.get(authorized(visitor))
    assert answer.status_code == 403 and "没有可用的角色" in answer.text
    assert visitor.get("/staff").status_code == 303 and last(hub).code == "NO_ROLE"


def test_t32_disabled_account_stays_out_whatever_the_provider_says(visitor, provider, hub):
    provider.claims |= {"sub": "u-5"}
    visitor.get(authorized(visitor))
    keep_accounts.disable(hub, f"sso:u-5@{urlsplit(provider.url).netloc}", operator="test")
    assert visitor.get("/staff").status_code == 303
    assert visitor.get(authorized(visitor)).status_code == 403
    assert last(hub).code == "DISABLED"


def spoilt(name: str):
    """One way to forge or misdirect an ID token each."""
    now = int(time.time())
    other = ECKey.generate_key("P-256", parameters={"kid": "first"})
    changes = {
        "other issuer": {"iss": "http://127.0.0.1:1"},
        "other audience": {"aud": "another"},
        "several audiences": {"aud": [idp.CLIENT_ID, "another"]},
        "other party": {"azp": "another"},
        "old": {"exp": now - 3600, "iat": now - 7200},
        "from the future": {"iat": now + 3600},
        "other nonce": {"nonce": "x" * 43},
        "wrong access token": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
        "subject of control characters": {"sub": "a\nb"},
        "empty subject": {"sub": ""},
        "subject is a number": {"sub": 7},
    }

    def spoil(header: dict, claims: dict) -> str | None:
        if name in changes:
            claims |= changes[name]
        elif name in ("no nonce", "no subject", "no expiry"):
            del claims[{"no nonce": "nonce", "no subject": "sub", "no expiry": "exp"}[name]]
        elif name == "other key":
            return jwt.encode(header, claims, other, algorithms=["ES256"])
        elif name == "client secret as key":
            return jwt.encode({"alg": "HS256", "kid": "first"}, claims, OctKey.import_key(idp.CLIENT_SECRET), algorithms=["HS256"])
        elif name == "no signature":
            parts = ({"alg": "none"}, claims)
            return ".".join(base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=").decode() for one in parts) + "."
        return "not.a.token" if name == "no token" else None

    return spoil


@pytest.mark.parametrize("name", [
    "other issuer", "other audience", "several audiences", "other party", "old", "from the future", "other nonce", "no nonce", "no subject",
    "no expiry", "wrong access token", "other key", "client secret as key", "no signature", "no token", "subject of control characters",
    "empty subject", "subject is a number",
])  # fmt: skip
def test_t32_id_token_that_does_not_hold_opens_no_session(visitor, provider, hub, name):
    provider.spoil = spoilt(name)
    answer = visitor.get(authorized(visitor))
    assert (answer.status_code, last(hub).code) == (403, "PROVIDER_REFUSED"), answer.text
    assert visitor.get("/staff").status_code == 303


def test_t32_answer_for_another_browser_opens_no_session_here(visitor, app, hub):
    back = authorized(visitor)
    other = Browser(app)
    assert other.get(back).status_code == 403
    authorized(other)
    assert other.get(back).status_code == 403 and last(hub).code == "PROVIDER_REFUSED"
    assert other.get("/staff").status_code == 303


def test_t32_code_used_twice_from_another_issuer_or_an_error_opens_no_session(visitor, hub):
    back = authorized(visitor)
    assert visitor.get(back).status_code == 303
    for changed in (back, authorized(visitor).replace("iss=http", "iss=https"), authorized(visitor) + "&error=access_denied"):
        assert visitor.get(changed).status_code == 403


def test_provider_s_new_key_is_looked_for_once(visitor, provider):
    visitor.get(authorized(visitor))
    provider.turn_key()
    assert visitor.get(authorized(visitor)).status_code == 303


def test_t32_password_is_not_taken_where_local_accounts_are_off(visitor):
    visitor.get(authorized(visitor))
    assert visitor.post("/sign-in", page="/staff", account="quality", password="a long sample password").status_code == 403


def test_provider_that_is_away_is_said_so(hub):
    given = {"oidc_issuer": "http://127.0.0.1:9", "oidc_client_id": "hub", "oidc_client_secret": "x"}
    answer = Browser(faced(hub, options(hub.lake.root.parent, **given))).get("/sign-in/provider")
    assert answer.status_code == 502 and "统一身份认证没有完成" in answer.text


def test_without_a_provider_there_are_no_such_pages(hub):
    visitor = Browser(faced(hub))
    assert [visitor.get(f"/sign-in/provider{rest}").status_code for rest in ("", "/back")] == [404, 403]
