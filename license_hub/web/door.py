"""The door of the staff pages: who is in, whether the route's policy lets them in, whether a form is ours. Deny by default.

`Door.guard` is the one dependency of every staff route. In this order: policy row, session, role, own body, origin, CSRF token.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import Response

from catalogs.access import AccessPolicy, Policy
from license_hub.api.patience import in_time
from license_hub.api.problem import Problem
from license_hub.api.serving import refused
from license_hub.service.hub import Hub
from license_hub.service.keep_accounts import BODY, Account
from license_hub.service.sign_in import staff
from license_hub.service.staff_sessions import Limits, csrf_secret, look
from license_hub.web import csrf
from license_hub.web.ways import target

SIGN_IN = "/sign-in"
MIB = 1024 * 1024
SAFE = frozenset({"GET", "HEAD"})
ACTION = "page"
"""What the audit log calls a page that was refused; its purpose is the route."""

_HOLE = re.compile(r"\{\w+\}")

Owner = Callable[[str, Mapping[str, str]], str | None]
"""(kind of ownership, path's parameters) → credit code of the body the page belongs to; None = no such thing."""


@dataclass(frozen=True)
class Visit:
    """One request's visitor. `cookie` is empty, and `account` None, where nobody is signed in."""

    cookie: str = ""
    account: Account | None = None


@dataclass(frozen=True)
class Door:
    hub: Hub
    owner: Owner
    limits: Limits = field(default_factory=Limits)

    @property
    def policy(self) -> AccessPolicy:
        return self.hub.catalog.access

    @property
    def secure(self) -> bool:
        """Whether people reach us by https: then cookies are bound to this host and to https."""
        return self.hub.public_url.startswith("https:")

    @property
    def cookie(self) -> str:
        return "__Host-hub" if self.secure else "hub"

    async def guard(self, request: Request) -> None:
        """Lets a visitor through to the route, or raises Problem."""
        route = f"{request.method} {request.scope['route'].path}"
        rule = self.policy.routes.get(route)
        if rule is None:
            raise Problem("NO_SUCH_RESOURCE")
        visit = await self.visit(request)
        if not (rule.public or rule.sealed):
            await self._admit(request, route, rule, visit)
        if request.method not in SAFE:
            await self._check_form(request, route, visit)

    async def visit(self, request: Request) -> Visit:
        """Whose request it is; looked up once."""
        known = getattr(request.state, "visit", None)
        if known is None:
            cookie = request.cookies.get(self.cookie, "")
            account = await in_time(look, self.hub, cookie, self.limits) if cookie else None
            known = request.state.visit = Visit(cookie if account else "", account)
        return known

    async def allowance(self, request: Request) -> int | None:
        """How many bytes of body this request may send, where its route takes files and its sender may use it; else None.

        Asked before the body is read: a stranger's is never held.
        """
        rule = next((rule for form, rule in self._uploads if form.fullmatch(f"{request.method} {request.url.path}")), None)
        if rule is None or (account := (await self.visit(request)).account) is None or not rule.roles & account.roles:
            return None
        return rule.upload_mib * MIB

    @cached_property
    def _uploads(self) -> list[tuple[re.Pattern[str], Policy]]:
        """Routes that take files, as what their requests look like."""
        large = ((name, rule) for name, rule in self.policy.routes.items() if rule.upload_mib)
        return [(re.compile(_HOLE.sub("[^/]+", re.escape(name).replace("\\{", "{").replace("\\}", "}"))), rule) for name, rule in large]

    async def _admit(self, request: Request, route: str, rule: Policy, visit: Visit) -> None:
        if visit.account is None:
            raise to_sign_in(request)
        allowed = bool(rule.roles & visit.account.roles)
        if allowed and rule.own and visit.account.roles == {BODY}:
            # A foreign page and one that is not there are answered alike: numbers tell nothing.
            owner = await in_time(self.owner, rule.own, request.path_params)
            allowed = owner is not None and owner == visit.account.body
        if not allowed:
            await refused(request, ACTION, "FORBIDDEN", actor=staff(visit.account.account), purpose=route)
            raise Problem("FORBIDDEN")

    async def _check_form(self, request: Request, route: str, visit: Visit) -> None:
        given = request.headers.get(csrf.HEADER) or str((await request.form()).get(csrf.FIELD, ""))
        # Without a cookie there is no secret: what anybody could compute proves nothing.
        ours = bool(visit.cookie or request.cookies.get(self.visitor_cookie))
        if not ours or csrf.foreign(request, self.hub.public_url) or not csrf.agrees(given, self.form_secret(request, visit)):
            actor = {"actor": staff(visit.account.account)} if visit.account else {}
            await refused(request, ACTION, "FORM_STALE", purpose=route, **actor)
            raise Problem("FORM_STALE")

    def form_secret(self, request: Request, visit: Visit) -> bytes:
        """What forms of this visitor carry; before sign-in it hangs on a cookie of the browser's own."""
        return csrf_secret(visit.cookie or f"visitor {request.cookies.get(self.visitor_cookie, '')}")

    @property
    def visitor_cookie(self) -> str:
        return f"{self.cookie}-visitor"

    def set_cookie(self, response: Response, name: str, value: str, **more: object) -> None:
        """For this host alone, unseen by scripts, not sent along by other sites' forms. Ends with the browser unless `max_age` says so."""
        response.set_cookie(name, value, httponly=True, samesite="lax", secure=self.secure, path="/", **more)

    def drop_cookie(self, response: Response, name: str) -> None:
        response.delete_cookie(name, httponly=True, samesite="lax", secure=self.secure, path="/")


def to_sign_in(request: Request) -> Problem:
    """Off to the sign-in page, and back here afterwards if this was a page to look at."""
    if request.headers.get("hx-request"):
        # A part of a page: the sign-in form does not belong into it.
        return Problem("UNAUTHENTICATED", headers={"HX-Redirect": SIGN_IN})
    here = f"?next={quote(target(request), safe='')}" if request.method in SAFE else ""
    return Problem("UNAUTHENTICATED", status=303, headers={"Location": SIGN_IN + here})
