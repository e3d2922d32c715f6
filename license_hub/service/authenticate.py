"""Access tokens back to the client they were issued to, checked against the register in the same moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import sqlalchemy as sa

from license_hub.errors import JoseRefused, NotAuthenticated
from license_hub.service.hub import Hub
from license_hub.service.register_client import Client, find
from license_hub.signing import jose
from license_hub.signing.commitment import instant
from license_hub.signing.manifest import KeyState, KnownKey
from license_hub.storage.engine import reading

LIFE_S = 300
"""Life of an access token, seconds."""
TOKEN_TYPE = "at+jwt"  # noqa: S105 (the media type of RFC 9068, not a secret)

PLAIN_LIFE_S = 600
"""Life of a plain token of the facade, seconds."""
PLAIN_TYPE = "elicense+jwt"
NO_TOKEN = "no valid access token: ask for a new one"  # noqa: S105 (a message)


@dataclass(frozen=True)
class Principal:
    """Who calls, and what was granted."""

    client_id: str
    scopes: frozenset[str]
    types: frozenset[str]
    expires_at: float = field(default=0, compare=False)
    """End of the token, seconds of the epoch."""
    epoch: int = field(default=0, compare=False)
    """The security epoch in which all this was so."""
    organ: str | None = None
    """Credit code of the organ it acts for, from the register."""
    kid: str = field(default="", compare=False)
    """Of the key its token is signed with; '' = it came by no token, but acts for staff who are signed in (`desk_client`)."""
    jkt: str = ""
    """Thumbprint of the key its token is bound to (RFC 9449); '' = to none."""
    credential: str = ""
    """Of a plain token of the facade: which secret it was made with."""


def authenticate(hub: Hub, bearer: str) -> Principal:
    """The caller. Scopes are those of the token that the register still grants. Raises NotAuthenticated, always with one message."""
    claims, kid, epoch, client = _checked(hub, bearer, TOKEN_TYPE, hub.public_url)
    granted = frozenset(str(claims.get("scope", "")).split()) & frozenset(client.scopes)
    bound = claims.get("cnf", {})
    jkt = bound.get("jkt", "") if isinstance(bound, dict) else ""
    return Principal(client.client_id, granted, frozenset(client.types), claims["exp"], epoch, client.organ, kid, jkt)


def authenticate_plain(hub: Hub, bearer: str) -> Principal:
    """The caller by a plain token of the facade, with all the register grants. Raises NotAuthenticated, always with one message."""
    claims, kid, epoch, client = _checked(hub, bearer, PLAIN_TYPE, plain_audience(hub))
    if not client.credential or claims.get("cred") != client.credential:
        raise NotAuthenticated(NO_TOKEN)
    granted = (frozenset(client.scopes), frozenset(client.types), claims["exp"], epoch, client.organ, kid)
    return Principal(client.client_id, *granted, credential=client.credential)


def plain_audience(hub: Hub) -> str:
    """Where plain tokens are good, and no others."""
    return f"{hub.public_url}/elicense/v1"


def _checked(hub: Hub, bearer: str, kind: str, audience: str) -> tuple[Mapping[str, object], str, int, Client]:
    """(claims, kid, security epoch, client) of a token of that kind."""
    refused = NotAuthenticated(NO_TOKEN)
    try:
        token = jose.read(bearer, types=(kind,))
        key = token_key(hub, token.kid)
        own = None if key is None else jose.own_key(key)
        jose.check(token, own, audiences=(audience,), issuer=hub.public_url, require=("sub", "exp", "iat", "jti"))
    except JoseRefused:
        raise refused from None
    claims, now = token.claims, hub.clock().timestamp()
    if any(type(claims[name]) is not int for name in ("iat", "exp")) or not claims["iat"] <= now < claims["exp"]:
        raise refused
    with reading(hub.engine) as connection:
        epoch, client = find(connection, str(claims["sub"]))
        hub.security.seen(connection, epoch)
    if client is None or client.disabled_at or not _counts(hub.security.key(key.kid)):
        raise refused
    return claims, key.kid, epoch, client


def still(hub: Hub, connection: sa.Connection, principal: Principal) -> None:
    """In the transaction of what the caller does or is told: whether all that was granted is granted still.

    Nothing is looked at but the epoch while it stands. Raises NotAuthenticated: with a new token the caller has what is left.
    """
    epoch, client = find(connection, principal.client_id)
    if epoch == principal.epoch:
        return
    hub.security.seen(connection, epoch)
    granted = client is not None and not client.disabled_at and client.organ == principal.organ
    if granted and principal.credential:
        granted = client.credential == principal.credential
    if not granted or not (principal.scopes <= set(client.scopes) and principal.types <= set(client.types)):
        raise NotAuthenticated("what this access token was granted has changed: ask /oauth/token for a new one")
    if principal.kid and not _counts(hub.security.key(principal.kid)):
        raise NotAuthenticated("the key of this access token no longer counts: ask /oauth/token for a new one")


def token_key(hub: Hub, kid: str) -> KnownKey | None:
    """The key that tokens of that `kid` verify with; looked for once more if unknown: it may be newer than this process's last look."""
    if hub.security.key(kid) is None:
        _look(hub)
    found = hub.security.key(kid)
    return found if _counts(found) else None


def jwks(hub: Hub) -> dict[str, list[dict[str, str]]]:
    """Public keys of access tokens, newest first (RFC 7517): those that sign or will, and retired ones while their tokens live."""
    if not hub.security.fresh:
        _look(hub)
    living = instant(hub.now() - timedelta(seconds=LIFE_S))
    keys = [one for one in hub.security.keys("token") if _counts(one)]
    return {"keys": [one.jwk() for one in keys if one.state is KeyState.ACTIVE or one.changed_at >= living]}


def _look(hub: Hub) -> None:
    with reading(hub.engine) as connection:
        hub.security.refresh(connection)


def _counts(key: KnownKey | None) -> bool:
    """No token of a compromised key counts, whenever it was signed: they live minutes, and nobody could tell."""
    return key is not None and key.role == "token" and not key.compromised
