"""`/admin/grants`: which system may use which licenses for which matter, until when, by which document; given, stopped, ended here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi import Form as Field
from fastapi.responses import RedirectResponse, Response

from license_hub.api.problem import Problem
from license_hub.errors import AccessError
from license_hub.service import keep_grants, register_client, search_audit
from license_hub.service.hub import Hub
from license_hub.service.keep_grants import UseGrant
from license_hub.signing.commitment import instant
from license_hub.web.admin_words import GRANT_ACTS, STANDINGS, Words, acting, complaint
from license_hub.web.pages import msgid
from license_hub.web.staff import Pages

PATH = "/admin/grants"
ONE = PATH + "/{grant}"
SOON = timedelta(days=30)
SHOWN = {"": msgid("全部"), "in_force": STANDINGS["in_force"], "ending": msgid("30 天内到期"), "suspended": STANDINGS["suspended"],
         "expired": STANDINGS["expired"], "ended": STANDINGS["ended"]}  # fmt: skip
WRONG = {
    "until": ("until", msgid("到期日要从今天起，最长三年。")),
    "type": ("type", msgid("请选择证照类型或数据资源。")),
    "purpose": ("purpose", msgid("请选择事项。")),
    "document": ("document", msgid("请填写批准文件的文号，不超过 100 字。")),
    "reason": ("reason", msgid("请填写理由，不超过 500 字，不要换行。")),
    "no client has this id; see `hub clients list`": ("client", msgid("请选择系统。")),
    "this grant was ended; give a new one": ("", msgid("这项权限已终止，请另行批准一项。")),
}
"""What a refusal's message is, or begins with → the field and the sentence for people."""
EMPTY = dict.fromkeys(("client", "type", "purpose", "until", "document", "reason"), "")
ACTS = ("suspend", "resume", "end")


def router(hub: Hub, pages: Pages) -> APIRouter:
    made, views = APIRouter(), Views(hub, pages)
    made.add_api_route(PATH, views.grants, methods=["GET"])
    made.add_api_route(PATH, views.give, methods=["POST"])
    made.add_api_route(ONE, views.grant, methods=["GET"])
    made.add_api_route(ONE, views.act, methods=["POST"])
    return made


class Views:
    """The pages of use grants."""

    def __init__(self, hub: Hub, pages: Pages):
        self._hub, self._pages, self._words = hub, pages, Words(hub)

    def listed(self, request: Request, show: str = "", client: str = "", errors: Mapping[str, str] | None = None, filled=None) -> Response:
        now, soon = instant(self._hub.now()), instant(self._hub.now() + SOON)
        systems = {one.client_id: one for one in register_client.clients(self._hub)}
        whole = [(one, one.standing(now)) for one in keep_grants.grants(self._hub, client or None)]

        def fits(name: str, one: UseGrant, state: str) -> bool:
            return name in ("", state) or (name == "ending" and state == "in_force" and one.valid_until <= soon)

        tabs = [(name, title, sum(fits(name, *each) for each in whole)) for name, title in SHOWN.items()]
        given = {
            "found": [each for each in reversed(whole) if fits(show, *each)], "tabs": tabs, "show": show,
            "words": self._words, "systems": systems,
            "client": client, "states": STANDINGS, "types": _types(self._hub), "matters": self._hub.catalog.matters, "errors": errors or {},
            "filled": EMPTY | (filled or {"client": client}), "today": self._words.today,
            "last": self._words.today + keep_grants.LONGEST - timedelta(days=1),
        }  # fmt: skip
        return self._pages.render(request, "admin_grants.html", status=422 if errors else 200, **given)

    def shown(self, request: Request, number: int, errors: Mapping[str, str] | None = None, said: str = "") -> Response:
        found = keep_grants.find(self._hub, number)
        if found is None:
            raise Problem("NO_SUCH_RESOURCE")
        acts = search_audit.acts_on(self._hub, (keep_grants.ACTION,), str(number))
        system = next((one for one in register_client.clients(self._hub) if one.client_id == found.client_id), None)
        given = {"grant": found, "state": found.standing(instant(self._hub.now())), "states": STANDINGS, "system": system, "acts": acts}
        given |= {"titles": GRANT_ACTS, "words": self._words, "errors": errors or {}, "said": said}
        return self._pages.render(request, "admin_grant.html", status=422 if errors else 200, **given)

    def grants(self, request: Request, show: str = "", client: str = "") -> Response:
        if show not in SHOWN:
            raise Problem("NO_SUCH_RESOURCE")
        return self.listed(request, show, client)

    def give(
        self,
        request: Request, client: Annotated[str, Field()] = "", type: Annotated[str, Field()] = "", purpose: Annotated[str, Field()] = "",
        until: Annotated[str, Field()] = "", document: Annotated[str, Field()] = "", reason: Annotated[str, Field()] = "",
    ) -> Response:  # fmt: skip
        filled = {"client": client, "type": type, "purpose": purpose, "until": until, "document": document, "reason": reason}
        try:
            day = date.fromisoformat(until)
        except ValueError:
            return self.listed(request, errors=dict([WRONG["until"]]), filled=filled)
        try:
            by = acting(request, reason, document).checked(needed=False)
            known = keep_grants.give(self._hub, client, type, purpose, day, document.strip(), by)
        except AccessError as refused:
            return self.listed(request, errors=complaint(WRONG, refused), filled=filled)
        return RedirectResponse(f"{PATH}/{known.grant_id}?said=given", status_code=303)

    def grant(self, request: Request, grant: int, said: str = "") -> Response:
        return self.shown(request, grant, said=said)

    def act(
        self,
        request: Request, grant: int, act: Annotated[str, Field()] = "", reason: Annotated[str, Field()] = "",
        document: Annotated[str, Field()] = "",
    ) -> Response:  # fmt: skip
        if act not in ACTS or keep_grants.find(self._hub, grant) is None:
            raise Problem("INVALID_REQUEST")
        by = acting(request, reason, document)
        try:
            if act == "end":
                keep_grants.end(self._hub, grant, by)
            else:
                keep_grants.suspend(self._hub, grant, by, again=act == "resume")
        except AccessError as refused:
            return self.shown(request, grant, complaint(WRONG, refused))
        return RedirectResponse(f"{PATH}/{grant}?said={act}", status_code=303)


def _types(hub: Hub) -> dict[str, str]:
    """License types, then resources whose rows are shared."""
    kinds = {name: one.name for name, one in hub.catalog.license_types.items()}
    return kinds | {name: one.title for name, one in hub.catalog.resources.items() if name not in kinds}
