"""Who calls: the bearer token, checked in full once and remembered for a short while.

- `service.authenticate` checks it in full: strict reading, signature, issuer, audience, times, client.
- A token that passed is remembered by its hash until it expires, at most REMEMBER_S, and only under the security epoch it was
  checked in, as long as a look-up of this process confirmed that epoch within half a second: a client disabled or a key compromised
  elsewhere is out at once. An answer whose own look-up saw another epoch is given after `still` has checked the token again.
- The memory only ever *grants* what was granted to these exact bytes; refusals are not remembered (finding 2: one token may have
  a second spelling, which is simply checked in full).
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime

from fastapi import Request

from license_hub.errors import NotAuthenticated
from license_hub.service.authenticate import Principal, authenticate
from license_hub.service.hub import Hub

from .patience import in_time
from .problem import Problem
from .serving import refused, serving

SCOPES = {
    "license:verify": "Ask for verdicts",
    "license:read": "Read masked licenses, on an open case",
    "license:export": "Hand a license out unmasked as a bundle with its proofs, on an open case",
    "license:recall": "Start recalls: lists and notifies, revokes nothing",
    "license:status": "Give notice of status acts, in the name of the client's organ",
    "license:intake": "Send the row of a finished case, in the name of the client's organ",
}
ACTIONS = {name: name.rpartition(":")[2] for name in SCOPES}
"""Scope → what the audit log calls the act."""
REMEMBER_S = 30
REMEMBERED = 4096


class Access:
    """The access check of one process."""

    def __init__(self, hub: Hub, clock: Callable[[], datetime]):
        self._hub = hub
        self._clock = clock
        self._known: OrderedDict[bytes, tuple[float, Principal]] = OrderedDict()

    async def principal(self, request: Request) -> Principal:
        """The caller. Raises Problem with 401."""
        token, security = bearer(request), self._hub.security
        digest, now = hashlib.sha256(token.encode()).digest(), self._clock().timestamp()
        known = self._known.get(digest)
        if known and now < known[0] and known[1].epoch == security.epoch and security.fresh:
            return known[1]
        principal = await in_time(self._check, token)
        self._known[digest] = (min(principal.expires_at, now + REMEMBER_S), principal)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return principal

    async def still(self, request: Request, principal: Principal, epoch: int) -> None:
        """Before an answer is given whose look-up saw that epoch: whether the caller may have it. Raises Problem with 401."""
        if epoch != principal.epoch:
            await in_time(self._check, bearer(request))

    def _check(self, token: str) -> Principal:
        try:
            return authenticate(self._hub, token)
        except NotAuthenticated:
            raise unauthenticated("invalid_token") from None


def bearer(request: Request) -> str:
    """The token the request carries. Raises Problem with 401."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise unauthenticated()
    return token


async def signed_in(request: Request) -> Principal:
    """A dependency: the caller, a registered client, whatever its scopes. Raises Problem 401."""
    return await serving(request).access.principal(request)


def unauthenticated(error: str = "") -> Problem:
    """401 with the challenge RFC 6750 §3 asks for: no error code where no token came."""
    challenge = 'Bearer realm="hub"' + (f', error="{error}"' if error else "")
    return Problem("UNAUTHENTICATED", headers={"WWW-Authenticate": challenge})


def scope(name: str) -> Callable[[Request], object]:
    """A dependency: the caller, who must hold the scope. Raises Problem 401 or 403."""

    async def check(request: Request) -> Principal:
        try:
            principal = await serving(request).access.principal(request)
        except Problem as refusal:
            await refused(request, ACTIONS[name], refusal.code)
            raise
        if name not in principal.scopes:
            await refused(request, ACTIONS[name], "FORBIDDEN", actor=principal.client_id)
            challenge = f'Bearer realm="hub", error="insufficient_scope", scope="{name}"'
            raise Problem("FORBIDDEN", headers={"WWW-Authenticate": challenge})
        return principal

    return check


def needs(name: str) -> dict[str, object]:
    """`openapi_extra` of a route with that scope."""
    return {"security": [{"oauth2": [name]}]}
