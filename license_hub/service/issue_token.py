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

import sqlalchemy as sa

from license_hub.errors import JoseRefused, TokenRefused
from license_hub.service.authenticate import LIFE_S, TOKEN_TYPE
from license_hub.service.hub import Hub
from license_hub.service.list_audit import Entry, record
from license_hub.service.register_client import Client, find
from license_hub.service.use_proof import Use, use_up
from license_hub.service.use_proof import read as read_proof
from license_hub.signing import jose
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
CLIENT_ID_CHARS = 64
ASSERTION_TYPES = ("jwt", "client-authentication+jwt")


@dataclass(frozen=True)
class IssuedToken:
    access_token: str
    token_type: str
    expires_in: int
    """Seconds."""
    scope: str


def issue_token(hub: Hub, form: Mapping[str, str], *, audiences: Collection[str], request_id: str = "", proof: str = "") -> IssuedToken:
    """A token for the client whose assertion is in the form, bound to the key of its DPoP `proof` if there is one.

    Raises SigningError; TokenRefused, which the door records.
    """
    if form.get("grant_type") != GRANT:
        raise TokenRefused("unsupported_grant_type", f"grant_type must be {GRANT}")
    if form.get("client_assertion_type") != ASSERTION:
        raise TokenRefused("invalid_request", f"client_assertion_type must be {ASSERTION}")
    now = hub.now()
    try:
        assertion = jose.read(form.get("client_assertion", ""), types=ASSERTION_TYPES)
    except JoseRefused as fault:
        raise TokenRefused("invalid_client", f"client_assertion: {fault}") from None
    with writing(hub.engine) as connection:
        epoch, client, claims = _client(connection, assertion, audiences, now)
        hub.security.seen(connection, epoch)
        scopes = _scopes(client, form.get("scope", ""))
        _use_up(connection, client, claims, now)
        jkt = _bound_to(hub, connection, client, proof)
        # Before the commit: while the token's key cannot be reached nothing is recorded as issued and no assertion used up. Before the
        # record too: that holds the audit log's lock until the commit, and a sign service may take its time.
        signed = _token(hub, client, scopes, now, jkt)
        record(connection, now, [Entry(request_id or hub.entropy(16).hex(), client.client_id, "token", None, None, None, "ISSUED")])
    return IssuedToken(signed, "DPoP" if jkt else "Bearer", LIFE_S, " ".join(scopes))


def _client(
    connection: sa.Connection, token: jose.Token, audiences: Collection[str], now: datetime
) -> tuple[int, Client, Mapping[str, object]]:
    """(security epoch, the client that signed the assertion, what it says)."""
    named = token.claims.get("sub")
    plain = isinstance(named, str) and named.isprintable() and len(named) <= CLIENT_ID_CHARS
    epoch, client = find(connection, named) if plain else (0, None)
    if client is None or client.disabled_at or not client.kid or token.kid != client.kid or token.header["alg"] != client.alg:
        raise TokenRefused("invalid_client", "unknown or disabled client, or not its registered key")
    claims = _checked(token, client, audiences, now)
    if claims.get("iss") != client.client_id:
        raise TokenRefused("invalid_client", "iss and sub must both be the client id")
    return epoch, client, claims


def _checked(token: jose.Token, client: Client, audiences: Collection[str], now: datetime) -> Mapping[str, object]:
    try:
        key = jose.key_of({**client.jwk, "alg": client.alg, "kid": client.kid})
        jose.check(token, key, audiences=audiences, require=("iss", "sub", "aud", "exp", "jti"))
    except JoseRefused as fault:
        raise TokenRefused("invalid_client", f"client_assertion does not verify: {fault}") from None
    claims = token.claims
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
    if not client.scopes:
        raise TokenRefused("invalid_scope", "this client is registered and was granted no scope yet")
    scopes = asked.split() or list(client.scopes)
    if not set(scopes) <= set(client.scopes):
        raise TokenRefused("invalid_scope", f"granted to this client: {' '.join(client.scopes)}")
    return sorted(set(scopes))


def _use_up(connection: sa.Connection, client: Client, claims: Mapping[str, object], now: datetime) -> None:
    """The assertion counts once. Old ones are forgotten on the way."""
    name = claims["jti"]
    if not isinstance(name, str) or not 1 <= len(name) <= JTI_CHARS or not name.isprintable():
        raise TokenRefused("invalid_client", f"jti must be text of 1 to {JTI_CHARS} printable characters")
    connection.execute(sa.delete(jti_table).where(jti_table.c.expires_at < instant(now)))
    keep = instant(now + timedelta(seconds=max(0, claims["exp"] - now.timestamp()) + KEEP_S))
    try:
        with connection.begin_nested():
            connection.execute(sa.insert(jti_table), [{"client_id": client.client_id, "jti": name, "expires_at": keep}])
    except sa.exc.IntegrityError:
        raise TokenRefused("invalid_client", "the assertion was used before; make a new one with a fresh jti") from None


def _bound_to(hub: Hub, connection: sa.Connection, client: Client, proof: str) -> str:
    """Thumbprint of the key the token will be bound to; '' without a proof, where that is allowed."""
    if not proof:
        if hub.dpop:
            raise TokenRefused("invalid_dpop_proof", "tokens are bound to a key here: send a DPoP proof (RFC 9449)")
        return ""
    wanted = Use(client.client_id, proof, "POST", f"{hub.public_url}/oauth/token")
    read = read_proof(hub, wanted)
    if read is None or not use_up(hub, connection, client.client_id, read):
        raise TokenRefused("invalid_dpop_proof", "the DPoP proof does not fit this request, or was used before")
    return read.jkt


def _token(hub: Hub, client: Client, scopes: list[str], now: datetime, jkt: str) -> str:
    """RFC 9068; with a key RFC 9449 §6.1."""
    at = int(now.timestamp())
    claims = {
        "iss": hub.public_url,
        "aud": hub.public_url,
        "sub": client.client_id,
        "client_id": client.client_id,
        "scope": " ".join(scopes),
        "iat": at,
        "exp": at + LIFE_S,
        "jti": hub.entropy(16).hex(),
    } | ({"cnf": {"jkt": jkt}} if jkt else {})
    return jose.make(hub.keyring.signer("token"), TOKEN_TYPE, claims)
