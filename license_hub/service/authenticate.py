"""Access tokens back to the client they were issued to, checked against the register in the same moment."""

from __future__ import annotations

from dataclasses import dataclass

import jwt
from jwt.types import Options

from license_hub.errors import NotAuthenticated
from license_hub.service.hub import Hub
from license_hub.service.register_client import find
from license_hub.storage.engine import reading

LIFE_S = 300
"""Life of an access token, seconds."""
TOKEN_TYPE = "at+jwt"  # noqa: S105 (the media type of RFC 9068, not a secret)
ALGORITHM = "EdDSA"


@dataclass(frozen=True)
class Principal:
    """Who calls, and what was granted."""

    client_id: str
    scopes: frozenset[str]
    types: frozenset[str]


def authenticate(hub: Hub, bearer: str) -> Principal:
    """The caller. Scopes are those of the token that the register still grants. Raises NotAuthenticated, always with one message."""
    refused = NotAuthenticated("no valid access token: ask /oauth/token for a new one")
    try:
        header = jwt.get_unverified_header(bearer)
        key = next(one for one in jwks(hub)["keys"] if one["kid"] == header.get("kid"))
        options = Options(require=["iss", "aud", "sub", "exp", "iat", "jti"], verify_exp=False, verify_iat=False, verify_nbf=False)
        claims = jwt.decode(bearer, jwt.PyJWK(key), algorithms=[ALGORITHM], audience=hub.public_url, issuer=hub.public_url, options=options)
    except (jwt.PyJWTError, StopIteration):
        raise refused from None
    now = hub.clock().timestamp()
    if header.get("typ") != TOKEN_TYPE or not claims["iat"] <= now < claims["exp"]:
        raise refused
    with reading(hub.engine) as connection:
        client = find(connection, str(claims["sub"]))
    if client is None or client.disabled_at:
        raise refused
    granted = frozenset(str(claims.get("scope", "")).split()) & frozenset(client.scopes)
    return Principal(client.client_id, granted, frozenset(client.types))


def jwks(hub: Hub) -> dict[str, list[dict[str, str]]]:
    """Public keys of access tokens, newest first (RFC 7517)."""
    return {"keys": [one.jwk() for one in hub.keyring.public_keys("token")]}
