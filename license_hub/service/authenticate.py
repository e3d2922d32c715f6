"""Access tokens back to the client they were issued to, checked against the register in the same moment."""

from __future__ import annotations

from dataclasses import dataclass, field

from license_hub.errors import JoseRefused, NotAuthenticated
from license_hub.service.hub import Hub
from license_hub.service.register_client import find
from license_hub.signing import jose
from license_hub.storage.engine import reading

LIFE_S = 300
"""Life of an access token, seconds."""
TOKEN_TYPE = "at+jwt"  # noqa: S105 (the media type of RFC 9068, not a secret)


@dataclass(frozen=True)
class Principal:
    """Who calls, and what was granted."""

    client_id: str
    scopes: frozenset[str]
    types: frozenset[str]
    expires_at: float = field(default=0, compare=False)
    """End of the token, seconds of the epoch."""


def authenticate(hub: Hub, bearer: str) -> Principal:
    """The caller. Scopes are those of the token that the register still grants. Raises NotAuthenticated, always with one message."""
    refused = NotAuthenticated("no valid access token: ask /oauth/token for a new one")
    try:
        token = jose.read(bearer, types=(TOKEN_TYPE,))
        key = next((one for one in hub.keyring.public_keys("token") if one.kid == token.kid), None)
        own = None if key is None else jose.own_key(key)
        jose.check(token, own, audiences=(hub.public_url,), issuer=hub.public_url, require=("sub", "exp", "iat", "jti"))
    except JoseRefused:
        raise refused from None
    claims, now = token.claims, hub.clock().timestamp()
    if any(type(claims[name]) is not int for name in ("iat", "exp")) or not claims["iat"] <= now < claims["exp"]:
        raise refused
    with reading(hub.engine) as connection:
        client = find(connection, str(claims["sub"]))
    if client is None or client.disabled_at:
        raise refused
    granted = frozenset(str(claims.get("scope", "")).split()) & frozenset(client.scopes)
    return Principal(client.client_id, granted, frozenset(client.types), claims["exp"])


def jwks(hub: Hub) -> dict[str, list[dict[str, str]]]:
    """Public keys of access tokens, newest first (RFC 7517)."""
    return {"keys": [one.jwk() for one in hub.keyring.public_keys("token")]}
