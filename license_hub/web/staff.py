"""The frame of the staff pages: templates of several packages in one environment, navigation by role, the form token."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PackageLoader, StrictUndefined
from markupsafe import Markup

from license_hub.service.keep_accounts import Account
from license_hub.web import care, csrf
from license_hub.web.door import Door, Visit
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
            "may": self.may(visit.account),
            "navigation": self.navigation(request, visit.account),
            "home": next((path for path, _title in self.listed(visit.account)), "/sign-in" if visit.account is None else "/staff"),
            **care.words(request),
        }
        return HTMLResponse(self._environment.get_template(template).render(**shared, **context), status_code=status)

    def navigation(self, request: Request, account: Account | None) -> list[dict[str, object]]:
        """The bar for this person: path, title, and whether they are on that page or below it."""
        listed, here = self.listed(account), request.url.path
        nearest = max((path for path, _title in listed if f"{here}/".startswith(f"{path}/")), key=len, default="")
        return [
            {"path": path, "title": title, "here": "" if path != nearest else "page" if path == here else "true"} for path, title in listed
        ]

    def listed(self, account: Account | None) -> list[tuple[str, str]]:
        """(path, title) of the pages of the bar that this person may open, in order."""
        found = []
        for page in self._door.policy.navigation:
            rule = self._door.policy.of("GET", page.path)
            if account is None or rule is None or not rule.roles & account.roles or ("{code}" in page.path and not account.body):
                continue
            found.append((page.path.replace("{code}", account.body or ""), page.title))
        return found

    def may(self, account: Account | None) -> Callable[[str, str], bool]:
        """(method, route's template) → whether this person's roles are let in: a link or form that leads to a refusal is not drawn."""
        roles = account.roles if account else frozenset()
        return lambda method, path: (rule := self._door.policy.of(method, path)) is not None and bool(rule.roles & roles)
