"""`/admin/refusals`: why a caller was turned away: by the number of its request, or by caller and time. Whom it asked about is not told."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter, Request
from fastapi.responses import Response

from license_hub.api.problem import Problem
from license_hub.service import register_client, search_audit
from license_hub.service.hub import Hub
from license_hub.service.list_audit import AuditEntry
from license_hub.service.refusal_facts import CLAIMED, facts
from license_hub.signing.commitment import instant
from license_hub.storage.tables import TURNED_AWAY
from license_hub.web.admin_why import TITLES, Reader
from license_hub.web.admin_words import Words
from license_hub.web.pages import msgid
from license_hub.web.staff import Pages

PATH = "/admin/refusals"
ONE = PATH + "/{seq}"
HOURS = {1: msgid("近 1 小时"), 24: msgid("近 24 小时"), 168: msgid("近 7 天"), 720: msgid("近 30 天")}
MOST = 100
OTHERS = {"unknown": msgid("身份不明的调用方"), "page:/verify": msgid("公开核验页面"), "holder": msgid("持证主体")}


def router(hub: Hub, pages: Pages) -> APIRouter:
    made, words = APIRouter(), Words(hub)
    reader = Reader(hub.catalog, hub.budgets, words)

    @made.get(PATH)
    def refusals(request: Request, request_no: str = "", client: str = "", code: str = "", hours: int = 24) -> Response:
        if hours not in HOURS:
            raise Problem("NO_SUCH_RESOURCE")
        number = request_no.strip().lower()
        since = "" if number else instant(hub.now() - timedelta(hours=hours))
        found = search_audit.search(hub, search_audit.Wanted(since, actor=client, code=code, request_id=number), MOST, TURNED_AWAY)
        systems = {one.client_id: one.name for one in register_client.clients(hub)}
        lines = [(one, who(one, systems, hub), reader.title(one.code)) for one in found]
        asked = {"request_no": request_no, "client": client, "code": code, "hours": hours}
        given = {"lines": lines, "asked": asked, "systems": systems, "codes": TITLES, "spans": HOURS, "words": words, "most": MOST}
        return pages.render(request, "admin_refusals.html", **given)

    @made.get(ONE)
    def refusal(request: Request, seq: int) -> Response:
        entry = search_audit.one_turned_away(hub, seq)
        if entry is None:
            raise Problem("NO_SUCH_RESOURCE")
        told = facts(hub, entry)
        systems = {told.client_id: told.client.name} if told.client else {}
        name = who(entry, systems, hub)
        return pages.render(request, "admin_refusal.html", entry=told.entry, told=told, why=reader.why(told), who=name, words=words)

    return made


def who(entry: AuditEntry, systems: dict[str, str], hub: Hub) -> str:
    """The caller by name; staff by account."""
    if entry.actor.startswith(CLAIMED):
        known = systems.get(entry.actor.removeprefix(CLAIMED))
        return msgid("自称 {}").format(known or entry.actor.removeprefix(CLAIMED))
    if entry.actor.startswith("staff:"):
        return msgid("工作人员 {}").format(entry.actor.removeprefix("staff:"))
    return systems.get(entry.actor) or OTHERS.get(entry.actor, entry.actor)
