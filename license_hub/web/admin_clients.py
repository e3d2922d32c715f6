"""`/admin/clients`: the calling systems. One administrator registers and disables them, another says what they may do (三员分立)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi import Form as Field
from fastapi.responses import RedirectResponse, Response

from license_hub.api.problem import Problem
from license_hub.errors import AccessError
from license_hub.service import client_secrets, register_client, search_audit
from license_hub.service.hub import Hub
from license_hub.service.keep_grants import grants
from license_hub.service.register_client import SCOPES, Client
from license_hub.service.usage import Usage, used
from license_hub.signing.commitment import instant
from license_hub.web.admin_why import Reader
from license_hub.web.admin_words import CLIENT_ACTS, Words, acting, complaint
from license_hub.web.pages import msgid
from license_hub.web.staff import Pages

PATH = "/admin/clients"
ONE, STANDING, ALLOWED = PATH + "/{client}", PATH + "/{client}/standing", PATH + "/{client}/scopes"
SHOWN = {"": msgid("全部"), "waiting": msgid("等待授予权限范围"), "disabled": msgid("已停用")}
MOST_JWK = 4_000
ACTS = (register_client.ACTION, register_client.KEY_ACTION, client_secrets.ACTION)
EMPTY = {"name": "", "key": "", "organ": ""}
WRONG = {
    "name": ("name", msgid("请填写系统名称，不超过 100 字。")),
    "key": ("key", msgid("公钥不能用：请粘贴一个 JWK 公钥（Ed25519、P-256 或 SM2），不能含私钥。")),
    "organ": ("organ", msgid("统一社会信用代码不对；以机关名义办事的权限范围需要先登记机关代码。")),
    "scope": ("scope", msgid("权限范围不对，请重新选择。")),
    "type": ("type", msgid("证照类型不对，请重新选择。")),
    "reason": ("reason", msgid("请填写理由，不超过 500 字，不要换行。")),
    "at least one scope and one license type, or neither": ("scope", msgid("权限范围和证照类型要么都选，要么都不选（收回全部）。")),
}
"""What a refusal's message is, or begins with → the field and the sentence for people."""


def router(hub: Hub, pages: Pages) -> APIRouter:
    made, views = APIRouter(), Views(hub, pages)
    made.add_api_route(PATH, views.clients, methods=["GET"])
    made.add_api_route(PATH, views.register, methods=["POST"])
    made.add_api_route(ONE, views.client, methods=["GET"])
    made.add_api_route(STANDING, views.standing, methods=["POST"])
    made.add_api_route(ALLOWED, views.allow, methods=["POST"])
    return made


class Views:
    """The pages of calling systems."""

    def __init__(self, hub: Hub, pages: Pages):
        self._hub, self._pages, self._words = hub, pages, Words(hub)
        self._reader = Reader(hub.catalog, hub.budgets, self._words)

    def listed(
        self, request: Request, show: str = "", errors: Mapping[str, str] | None = None, filled: Mapping[str, str] | None = None
    ) -> Response:
        whole, calls = register_client.clients(self._hub), used(self._hub)
        fits = {
            "": lambda one: True,
            "waiting": lambda one: not one.scopes and not one.disabled_at,
            "disabled": lambda one: one.disabled_at,
        }
        tabs = [(name, title, sum(map(bool, map(fits[name], whole)))) for name, title in SHOWN.items()]
        found = [(one, calls.get(one.client_id, Usage())) for one in reversed(whole) if fits[show](one)]
        given = {"errors": errors or {}, "filled": EMPTY | (filled or {}), "tabs": tabs, "show": show, "found": found, "words": self._words}
        return self._pages.render(request, "admin_clients.html", status=422 if errors else 200, **given)

    def shown(self, request: Request, client_id: str, errors: Mapping[str, str] | None = None, said: str = "") -> Response:
        found = one(self._hub, client_id)
        since = instant(self._hub.now() - timedelta(days=1))
        counted = search_audit.turned_away(self._hub, since, client_id)
        acts = search_audit.acts_on(self._hub, ACTS, client_id, 10)
        given = {
            "client": found, "usage": used(self._hub).get(client_id, Usage()), "budgets": self._hub.budgets, "words": self._words,
            "scopes": SCOPES, "types": self._hub.catalog.license_types, "grants": grants(self._hub, client_id),
            "now": instant(self._hub.now()), "acts": acts, "said": said,
            "titles": CLIENT_ACTS, "refused": [(self._reader.title(code), count) for code, count in counted.most_common()],
            "errors": errors or {}, "organ": self._words.issuer(found.organ) if found.organ else "",
        }  # fmt: skip
        return self._pages.render(request, "admin_client.html", status=422 if errors else 200, **given)

    def clients(self, request: Request, show: str = "") -> Response:
        if show not in SHOWN:
            raise Problem("NO_SUCH_RESOURCE")
        return self.listed(request, show)

    def register(
        self,
        request: Request, name: Annotated[str, Field(max_length=200)] = "", key: Annotated[str, Field(max_length=MOST_JWK)] = "",
        organ: Annotated[str, Field(max_length=40)] = "",
    ) -> Response:  # fmt: skip
        filled = {"name": name, "key": key, "organ": organ}
        try:
            jwk = json.loads(key)
        except ValueError:
            jwk = None
        if not isinstance(jwk, dict):
            return self.listed(request, errors=dict([WRONG["key"]]), filled=filled)
        try:
            known = register_client.register(self._hub, name.strip(), jwk, (), (), organ.strip().upper() or None, acting(request))
        except AccessError as refused:
            return self.listed(request, errors=complaint(WRONG, refused), filled=filled | ({"key": ""} if "d" in jwk else {}))
        return RedirectResponse(f"{PATH}/{known.client_id}?said=registered", status_code=303)

    def client(self, request: Request, client: str, said: str = "") -> Response:
        return self.shown(request, client, said=said)

    def standing(self, request: Request, client: str, act: Annotated[str, Field()] = "", reason: Annotated[str, Field()] = "") -> Response:
        doing = {"disable": register_client.disable, "enable": register_client.enable}.get(act)
        if doing is None:
            raise Problem("INVALID_REQUEST")
        one(self._hub, client)
        try:
            doing(self._hub, client, acting(request, reason))
        except AccessError as refused:
            return self.shown(request, client, complaint(WRONG, refused))
        return RedirectResponse(f"{PATH}/{client}?said={act}d", status_code=303)

    def allow(
        self,
        request: Request, client: str, scope: Annotated[list[str], Field()] = [], type: Annotated[list[str], Field()] = [],  # noqa: B006
        reason: Annotated[str, Field()] = "",
    ) -> Response:  # fmt: skip
        one(self._hub, client)
        try:
            register_client.allow(self._hub, client, scope, type, acting(request, reason))
        except AccessError as refused:
            return self.shown(request, client, complaint(WRONG, refused))
        return RedirectResponse(f"{PATH}/{client}?said=allowed", status_code=303)


def one(hub: Hub, client_id: str) -> Client:
    """Raises Problem for an unknown one."""
    with hub.engine.connect() as connection:
        found = register_client.find(connection, client_id)[1]
    if found is None:
        raise Problem("NO_SUCH_RESOURCE")
    return found
