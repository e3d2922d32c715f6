"""The door of the holders' pages below /me: a session and a cookie of their own, forms that are ours. Staff sessions open nothing here.

In this order: policy row (`holder:`), session, origin and form token. What the pages say, they say of the number that signed in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from license_hub.api.patience import in_time
from license_hub.api.problem import Problem
from license_hub.api.serving import refused
from license_hub.service.holder_sessions import Person, look
from license_hub.service.hub import Hub
from license_hub.service.staff_sessions import Limits, csrf_secret
from license_hub.web import care, csrf
from license_hub.web.door import SAFE
from license_hub.web.pages import furnished
from license_hub.web.ways import target

HOME, SIGN_IN = "/me", "/me/sign-in"
ACTION = "page"
OPEN, IN = "open", "in"

_HIDDEN = Markup('<input type="hidden" name="{}" value="{}">')


@dataclass(frozen=True)
class Visit:
    """One request's visitor: `cookie` is empty where nobody is signed in."""

    cookie: str = ""
    person: Person | None = None


@dataclass(frozen=True)
class HolderDoor:
    hub: Hub
    limits: Limits = field(default_factory=Limits)

    @property
    def secure(self) -> bool:
        return self.hub.public_url.startswith("https:")

    @property
    def cookie(self) -> str:
        return "__Host-hub-holder" if self.secure else "hub-holder"

    async def guard(self, request: Request) -> None:
        """Lets a visitor through to the route, or raises Problem."""
        route = f"{request.method} {request.scope['route'].path}"
        rule = self.hub.catalog.access.routes.get(route)
        if rule is None or rule.holder is None:
            raise Problem("NO_SUCH_RESOURCE")
        visit = request.state.holder = await self._visit(request)
        if rule.holder == OPEN:
            return
        if visit.person is None:
            here = f"?next={quote(target(request), safe='')}" if request.method in SAFE else ""
            raise Problem("UNAUTHENTICATED", status=303, headers={"Location": SIGN_IN + here})
        if request.method not in SAFE:
            await self._check_form(request, route, visit)

    async def _visit(self, request: Request) -> Visit:
        cookie = request.cookies.get(self.cookie, "")
        person = await in_time(look, self.hub, cookie, self.limits) if cookie else None
        return Visit(cookie if person else "", person)

    async def _check_form(self, request: Request, route: str, visit: Visit) -> None:
        given = request.headers.get(csrf.HEADER) or str((await request.form()).get(csrf.FIELD, ""))
        if csrf.foreign(request, self.hub.public_url) or not csrf.agrees(given, csrf_secret(visit.cookie)):
            await refused(request, ACTION, "FORM_STALE", purpose=route, actor="holder", subject=visit.person.number)
            raise Problem("FORM_STALE")

    def set_cookie(self, response: Response, name: str, value: str, **more: object) -> None:
        """For this host alone, unseen by scripts, not sent along by other sites' forms."""
        response.set_cookie(name, value, httponly=True, samesite="lax", secure=self.secure, path="/", **more)

    def drop_cookie(self, response: Response, name: str) -> None:
        response.delete_cookie(name, httponly=True, samesite="lax", secure=self.secure, path="/")


class HolderPages:
    """Renders the holders' templates. Every form carries `{{ csrf }}`."""

    def __init__(self) -> None:
        made = Environment(
            loader=PackageLoader("license_hub.web"), autoescape=True, undefined=StrictUndefined, extensions=["jinja2.ext.i18n"]
        )
        self._environment = furnished(made)

    def render(self, request: Request, template: str, *, status: int = 200, **context: object) -> Response:
        visit: Visit = request.state.holder
        token = _HIDDEN.format(csrf.FIELD, csrf.masked(csrf_secret(visit.cookie))) if visit.cookie else ""
        shared = {"csrf": token, "person": visit.person, "path": request.url.path, **care.words(request)}
        return HTMLResponse(self._environment.get_template(template).render(**shared, **context), status_code=status)
