"""Who calls: the bearer token, checked in full once and remembered for a short while.

- `service.authenticate` checks it in full: strict reading, signature, issuer, audience, times, client.
- A token that passed is remembered by its hash until it expires, at most REMEMBER_S, and only under the security epoch it was
  checked in, as long as a look-up of this process confirmed that epoch within half a second: a client disabled or a key compromised
  elsewhere is out at once. An answer whose own look-up saw another epoch is given after `still` has asked the register again; what
  has an effect asks it in the effect's transaction (`service.authenticate.still`).
- The memory only ever *grants* what was granted to these exact bytes; refusals are not remembered (finding 2: one token may have
  a second spelling, which is simply checked in full).
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

from fastapi import Request

from license_hub.domain.budget import Spent
from license_hub.errors import NotAuthenticated, OverBudget
from license_hub.service.authenticate import Principal, authenticate, still
from license_hub.service.hub import Hub
from license_hub.service.sample_data import reaches
from license_hub.service.use_proof import Use
from license_hub.storage.engine import reading

from .budget import limited, spend
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
    "license:correct": "Ask the responsible body to check what a license says",
    "case:work": "Open cases, have decided on them what need not be handed in, close them",
    "case:check": "Answer what counters ask the client's organ about a material",
    "license:copy": "Make copies for a purpose on an open case, and fetch departments' own files",
    "license:scan": "Take the codes that holders show; masked fields on an open case",
}
ACTIONS = {name: "case" if name.startswith("case:") else name.rpartition(":")[2] for name in SCOPES}
"""Scope → what the audit log calls the act."""
REMEMBER_S = 30
REMEMBERED = 4096


class Spendthrift(OverBudget):
    """A caller who has nothing left of its calls, known before its proof is used up."""

    def __init__(self, client_id: str, seconds: int):
        self.client_id = client_id
        super().__init__(seconds)


class Access:
    """The access check of one process."""

    def __init__(self, hub: Hub, clock: Callable[[], datetime], checking: Callable[[Hub, str], Principal] = authenticate):
        self._hub = hub
        self._checking = checking
        self._clock = clock
        self._known: OrderedDict[bytes, tuple[float, Principal]] = OrderedDict()

    async def principal(self, request: Request) -> Principal:
        """The caller. Raises Problem with 401; OverBudget, before a proof is used up, where it is known that nothing is left."""
        scheme, token = credentials(request)
        principal = await self.known_or_checked(token)
        if (scheme == "dpop") != bool(principal.jkt) or (self._hub.dpop and not principal.jkt):
            # A bound token is nothing without its key, whoever has it.
            raise unauthenticated("invalid_token")
        if principal.jkt:
            url = self._hub.public_url + request.url.path
            wanted = Use(principal.client_id, proof_of(request), request.method, url, token, principal.jkt)
            if seconds := serving(request).leases.used_up(principal.client_id):
                # From memory alone: a flood beyond the budget writes nothing. Nobody's budget is spent by a proof that is not his.
                raise Spendthrift(principal.client_id, seconds)
            if not await serving(request).uses.call(wanted):
                raise unauthenticated("invalid_dpop_proof", "DPoP")
        return principal

    async def known_or_checked(self, token: str) -> Principal:
        """Whose token it is. Raises Problem with 401."""
        security = self._hub.security
        digest, now = hashlib.sha256(token.encode()).digest(), self._clock().timestamp()
        known = self._known.get(digest)
        if known and now < known[0] and known[1].epoch == security.epoch and security.fresh:
            return known[1]
        principal = await in_time(self._check, token)
        self._known[digest] = (min(principal.expires_at, now + REMEMBER_S), principal)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return principal

    async def still(self, principal: Principal, epoch: int) -> None:
        """Before an answer is given whose look-up saw that epoch: whether the caller may have it. Raises Problem with 401."""
        if epoch != principal.epoch:
            try:
                await in_time(self._still, principal)
            except NotAuthenticated:
                raise unauthenticated("invalid_token") from None

    def _still(self, principal: Principal) -> None:
        with reading(self._hub.engine) as connection:
            still(self._hub, connection, principal)

    def _check(self, token: str) -> Principal:
        try:
            return self._checking(self._hub, token)
        except NotAuthenticated:
            raise unauthenticated("invalid_token") from None


def credentials(request: Request) -> tuple[str, str]:
    """(bearer or dpop, the token the request carries). Raises Problem with 401."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() not in ("bearer", "dpop") or not token:
        raise unauthenticated()
    return scheme.lower(), token


def proof_of(request: Request) -> str:
    """The one DPoP proof the request carries; '' for none, and for several, which fit nothing."""
    given = request.headers.getlist("dpop")
    return given[0] if len(given) == 1 else "several" if given else ""


async def signed_in(request: Request) -> Principal:
    """A dependency: the caller, a registered client, whatever its scopes. Raises Problem 401, 429."""
    return await admitted(request, "notices")


async def admitted(request: Request, action: str) -> Principal:
    """The caller, with one call spent. Raises Problem 401, 429."""
    try:
        async with on_record(request, action):
            principal = await serving(request).access.principal(request)
    except Spendthrift as known:
        # Refused whatever the clock says by now: its proof was not looked at.
        refusal = limited(known.seconds, serving(request).hub.budgets, Spent(serving(request).hub.budgets.calls, 0, known.seconds))
        raise await _once_on_record(request, known.client_id, refusal) from None
    await within_budget(request, principal)
    return principal


async def within_budget(request: Request, principal: Principal) -> None:
    """One call of the client's is spent. Raises Problem 429, which is recorded once a window: a flood of them must not fill the log."""
    hub = serving(request)
    try:
        await spend(request, hub.leases, hub.hub.budgets, principal.client_id)
    except Problem as refusal:
        raise await _once_on_record(request, principal.client_id, refusal) from None


async def _once_on_record(request: Request, client_id: str, refusal: Problem) -> Problem:
    if serving(request).leases.first_refusal(client_id):
        await refused(request, "call", refusal.code, actor=client_id)
    return refusal


@asynccontextmanager
async def on_record(request: Request, action: str, **known: str) -> AsyncIterator[None]:
    """Whoever is turned away inside is in the audit log before he is told; `known` are further fields of `Refusal`."""
    try:
        try:
            yield
        except NotAuthenticated:
            raise unauthenticated("invalid_token") from None
    except Problem as refusal:
        await refused(request, action, refusal.code, **known)
        raise


def unauthenticated(error: str = "", scheme: str = "Bearer") -> Problem:
    """401 with the challenge RFC 6750 §3 and RFC 9449 §7.1 ask for: no error code where no token came."""
    challenge = f'{scheme} realm="hub"' + (f', error="{error}"' if error else "")
    return Problem("UNAUTHENTICATED", headers={"WWW-Authenticate": challenge})


def scope(name: str) -> Callable[[Request], object]:
    """A dependency: the caller, who must hold the scope. Raises Problem 401 or 403."""

    async def check(request: Request) -> Principal:
        principal = await admitted(request, ACTIONS[name])
        if name in principal.scopes:
            if not reaches(principal.client_id, request.path_params.get("identifier")):
                async with on_record(request, ACTIONS[name], actor=principal.client_id):
                    raise Problem("TEST_KEY")
            return principal
        async with on_record(request, ACTIONS[name], actor=principal.client_id, identifier=request.path_params.get("identifier", "")):
            challenge = f'Bearer realm="hub", error="insufficient_scope", scope="{name}"'
            raise Problem("FORBIDDEN", headers={"WWW-Authenticate": challenge})

    return check


def needs(name: str) -> dict[str, object]:
    """`openapi_extra` of a route with that scope."""
    return {"security": [{"oauth2": [name]}]}
