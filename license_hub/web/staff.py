"""The frame of the staff pages: templates of several packages in one environment, navigation by role, the form token."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.formparsers import MultiPartParser

from license_hub.api.serving import request_id
from license_hub.service.find_issued import find_issued
from license_hub.service.hub import Hub
from license_hub.service.keep_accounts import Account
from license_hub.service.note_act import note
from license_hub.service.staff_sessions import Limits
from license_hub.web import csrf
from license_hub.web.door import MIB, Door, Owner, Visit
from license_hub.web.pages import furnished

_HIDDEN = Markup('<input type="hidden" name="{}" value="{}">')


class Pages:
    """Renders templates inside the frame. `folders`: templates of other packages, found by their names."""

    def __init__(self, door: Door, folders: Sequence[Path] = ()):
        self._door = door
        loader = ChoiceLoader([PackageLoader("license_hub.web"), *(FileSystemLoader(one) for one in folders)])
        made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, extensions=["jinja2.ext.i18n"])
        self._environment = furnished(made)

    def render(self, request: Request, template: str, *, status: int = 200, **context: object) -> Response:
        """The page for whoever the guard let in. Every form that changes something carries `{{ csrf }}`."""
        visit: Visit = request.state.visit
        token = csrf.masked(self._door.form_secret(request, visit))
        shared = {
            "csrf": _HIDDEN.format(csrf.FIELD, token),
            "csrf_token": token,
            "staff": visit.account,
            "roles": self._door.policy.roles,
            "navigation": self.navigation(request, visit.account),
        }
        return HTMLResponse(self._environment.get_template(template).render(**shared, **context), status_code=status)

    def navigation(self, request: Request, account: Account | None) -> list[dict[str, object]]:
        """The pages of the bar that this person may open, in order: path, title, whether they are on it or below it."""
        found = []
        for page in self._door.policy.navigation:
            rule = self._door.policy.of("GET", page.path)
            if account is None or rule is None or not rule.roles & account.roles or ("{code}" in page.path and not account.body):
                continue
            path = page.path.replace("{code}", account.body or "")
            found.append({"path": path, "title": page.title, "here": request.url.path == path})
        return found


class House:
    """What the staff pages of other packages are given of the hub: visitor, frame, issued licenses, audit; and the door before them."""

    def __init__(self, hub: Hub, owner: Owner, folders: Sequence[Path] = (), limits: Limits | None = None):
        self._hub = hub
        self._door = Door(hub, owner, limits or Limits())
        self._pages = Pages(self._door, folders)
        self.render = self._pages.render
        self.allowance = self._door.allowance
        # Uploads stay in memory, within their allowance: a file of persons is not spooled to a plain disk.
        MultiPartParser.spool_max_size = max((one.upload_mib for one in self._door.policy.routes.values()), default=0) * MIB + MIB

    def visitor(self, request: Request) -> dict[str, object]:
        """Who is in: account, name, roles, body."""
        account = request.state.visit.account
        return {"account": account.account, "name": account.name, "roles": account.roles, "body": account.body}

    def issued(self, resource: str, keys: Sequence[str]) -> dict[str, dict[str, object]]:
        """By key: identifier, version, status and address of the license made of that row."""
        found = find_issued(self._hub, resource, keys)
        return {
            key: {
                "identifier": one.identifier,
                "version": one.version,
                "status": one.status,
                "url": f"/licenses/{one.identifier}" if one.identifier else "",
            }
            for key, one in found.items()
        }

    def audit(self, request: Request, action: str, **details: str | int) -> None:
        """On record when this returns; whoever cannot be recorded is shown nothing."""
        note(self._hub, request_id(request), request.state.visit.account.account, action, details)

    def routers(self, pages: Sequence[APIRouter]) -> list[APIRouter]:
        """The door's own pages and these, behind the guard. Raises LookupError for a route without a row in the access policy."""
        from license_hub.web import sign_in

        guarded = APIRouter(include_in_schema=False, dependencies=[Depends(self._door.guard)])
        for router in (sign_in.router(self._door, self._pages), *pages):
            guarded.include_router(router)
        missing = sorted(one for one in named(guarded) if one not in self._door.policy.routes)
        if missing:
            raise LookupError(f"catalogs/access.yaml has no row for {', '.join(missing)}")
        return [guarded]


def named(router: APIRouter) -> list[str]:
    """Its routes as the access policy names them."""
    return [f"{method} {route.path}" for route in router.routes for method in sorted(route.methods)]
