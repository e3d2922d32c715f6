"""Access tokens for registered clients: client_credentials with private_key_jwt.

1. grant and assertion type are the two this hub has
2. `iss` = `sub` = a registered client that is not disabled, `kid` its key
3. signature with that key, by the one algorithm of its kind; `aud`, `exp`, `iat`, `nbf`; at most five minutes ahead
4. the scopes are among those granted
5. `jti` once: the insert of its primary key decides, in the transaction of the answer, kept longer than the assertion could count

Source: RFC 7521, 7523; RFC 9700; threats.md "Protocol rules", T3, T4, finding 4.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import jwt
import sqlalchemy as sa
from jwt.types import Options

from license_hub.errors import TokenRefused
from license_hub.service.authenticate import LIFE_S, TOKEN_TYPE
from license_hub.service.hub import Hub
from license_hub.service.list_audit import Entry, record
from license_hub.service.register_client import Client, find
from license_hub.signing.canonical import jcs
from license_hub.signing.commitment import instant
from license_hub.storage.engine import writing
from license_hub.storage.tables import jti as jti_table

GRANT = "client_credentials"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
MAX_AHEAD_S = 300
"""Longest life of an assertion."""
LEEWAY_S = 10
"""Clock skew accepted."""
KEEP_S = MAX_AHEAD_S + LEEWAY_S + 600
"""How long a used `jti` is remembered past the assertion's end: more than any skew that could bring it back."""
JTI_CHARS = 128


@dataclass(frozen=True)
class IssuedToken:
    access_token: str
    token_type: str
    expires_in: int
    """Seconds."""
    scope: str


def issue_token(hub: Hub, form: Mapping[str, str], *, audiences: Collection[str]) -> IssuedToken:
    """A token for the client whose assertion is in the form. Raises TokenRefused."""
    if form.get("grant_type") != GRANT:
        raise TokenRefused("unsupported_grant_type", f"grant_type must be {GRANT}")
    if form.get("client_assertion_type") != ASSERTION:
        raise TokenRefused("invalid_request", f"client_assertion_type must be {ASSERTION}")
    now = hub.now()
    with writing(hub.engine) as connection:
        client, claims = _client(connection, form.get("client_assertion", ""), audiences, now)
        scopes = _scopes(client, form.get("scope", ""))
        _use_up(connection, client, claims, now)
        record(connection, now, [Entry(hub.entropy(16).hex(), client.client_id, "token", None, None, None, "ISSUED")])
    return IssuedToken(_token(hub, client, scopes, now), "Bearer", LIFE_S, " ".join(scopes))


def _client(connection: sa.Connection, assertion: str, audiences: Collection[str], now: datetime) -> tuple[Client, Mapping[str, object]]:
    """The client that signed the assertion, and what it says."""
    try:
        header = jwt.get_unverified_header(assertion)
        said = jwt.decode(assertion, options=Options(verify_signature=False))
    except jwt.PyJWTError:
        raise TokenRefused("invalid_client", "client_assertion is not a JWT") from None
    client = find(connection, str(said.get("sub", "")))
    if client is None or client.disabled_at or header.get("kid") != client.kid or header.get("alg") != client.alg:
        raise TokenRefused("invalid_client", "unknown or disabled client, or not its registered key")
    claims = _checked(assertion, client, audiences, now)
    if claims.get("iss") != client.client_id:
        raise TokenRefused("invalid_client", "iss and sub must both be the client id")
    return client, claims


def _checked(assertion: str, client: Client, audiences: Collection[str], now: datetime) -> Mapping[str, object]:
    key = jwt.PyJWK({**client.jwk, "alg": client.alg})
    # Times are compared here and not by the library: `now` is the hub's clock.
    options = Options(require=["iss", "sub", "aud", "exp", "jti"], verify_exp=False, verify_nbf=False, verify_iat=False)
    try:
        claims = jwt.decode(assertion, key, algorithms=[client.alg], audience=list(audiences), options=options)
    except jwt.PyJWTError as fault:
        raise TokenRefused("invalid_client", f"client_assertion does not verify: {type(fault).__name__}") from None
    at = now.timestamp()
    times = {name: claims[name] for name in ("exp", "iat", "nbf") if name in claims}
    if any(type(one) not in (int, float) for one in times.values()):
        raise TokenRefused("invalid_client", "exp, iat and nbf are numbers of seconds")
    if times["exp"] + LEEWAY_S <= at or times["exp"] > at + MAX_AHEAD_S + LEEWAY_S:
        raise TokenRefused("invalid_client", f"exp must lie ahead, at most {MAX_AHEAD_S} seconds")
    if any(times.get(name, at) > at + LEEWAY_S for name in ("iat", "nbf")):
        raise TokenRefused("invalid_client", "the assertion is from the future: check the clock")
    return claims


def _scopes(client: Client, asked: str) -> list[str]:
    scopes = asked.split() or list(client.scopes)
    if not set(scopes) <= set(client.scopes):
        raise TokenRefused("invalid_scope", f"granted to this client: {' '.join(client.scopes)}")
    return sorted(set(scopes))


def _use_up(connection: sa.Connection, client: Client, claims: Mapping[str, object], now: datetime) -> None:
    """The assertion counts once. Old ones are forgotten on the way."""
    name = claims["jti"]
    if not isinstance(name, str) or not 1 <= len(name) <= JTI_CHARS:
        raise TokenRefused("invalid_client", f"jti must be text of 1 to {JTI_CHARS} characters")
    connection.execute(sa.delete(jti_table).where(jti_table.c.expires_at < instant(now)))
    keep = instant(now + timedelta(seconds=max(0, claims["exp"] - now.timestamp()) + KEEP_S))
    try:
        with connection.begin_nested():
            connection.execute(sa.insert(jti_table), [{"client_id": client.client_id, "jti": name, "expires_at": keep}])
    except sa.exc.IntegrityError:
        raise TokenRefused("invalid_client", "the assertion was used before; make a new one with a fresh jti") from None


def _token(hub: Hub, client: Client, scopes: list[str], now: datetime) -> str:
    """RFC 9068. Signed through the keyring's signer, so that a key in a token or remote service serves as well."""
    signer = hub.keyring.signer("token")
    at = int(now.timestamp())
    header = {"alg": "EdDSA", "typ": TOKEN_TYPE, "kid": signer.kid}
    claims = {
        "iss": hub.public_url,
        "aud": hub.public_url,
        "sub": client.client_id,
        "client_id": client.client_id,
        "scope": " ".join(scopes),
        "iat": at,
        "exp": at + LIFE_S,
        "jti": hub.entropy(16).hex(),
    }
    signed = b".".join(jwt.utils.base64url_encode(jcs(part)) for part in (header, claims))
    return (signed + b"." + jwt.utils.base64url_encode(signer.sign(signed))).decode("ascii")
