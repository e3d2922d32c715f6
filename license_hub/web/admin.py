"""`/admin`: what needs attention, for the one of the three 三员 who looks; the pages of each are in modules of their own."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter, Request
from fastapi.responses import Response

from license_hub.service import search_audit
from license_hub.service.hub import Hub
from license_hub.service.keep_grants import grants
from license_hub.service.keys_due import keys_due
from license_hub.service.register_client import clients
from license_hub.signing.commitment import instant
from license_hub.web import admin_accounts, admin_audit, admin_clients, admin_connectors, admin_grants, admin_keys, admin_refusals
from license_hub.web.admin_why import Reader
from license_hub.web.admin_words import Sources, Words
from license_hub.web.pages import msgid
from license_hub.web.staff import Pages

HOME = "/admin"
SOON = timedelta(days=30)
Line = tuple[str, int, str, str]
"""(what, how many, its address, the page's template in the access policy)"""


def routers(hub: Hub, pages: Pages, health: Sources) -> list[APIRouter]:
    """All routes below /admin."""
    modules = (admin_clients, admin_accounts, admin_grants, admin_keys, admin_refusals, admin_audit)
    return [router(hub, pages, health), admin_connectors.router(hub, pages, health), *(one.router(hub, pages) for one in modules)]


def router(hub: Hub, pages: Pages, health: Sources) -> APIRouter:
    made = APIRouter()

    @made.get(HOME)
    def home(request: Request) -> Response:
        may = pages.may(request.state.visit.account)
        lines = [one for one in (*of_system(hub, health, may), *of_security(hub, may)) if may("GET", one[3])]
        reader = Reader(hub.catalog, hub.budgets, Words(hub))
        refused = []
        if may("GET", admin_refusals.PATH):
            counted = search_audit.turned_away(hub, instant(hub.now() - timedelta(days=1)))
            refused = [(reader.title(code), code, count) for code, count in counted.most_common(8)]
        urgent = [one for one in lines if one[1]]
        return pages.render(request, "admin.html", urgent=urgent, calm=[one for one in lines if not one[1]], refused=refused)

    return made


def of_system(hub: Hub, health: Sources, may) -> list[Line]:
    """What whoever runs the hub looks at first."""
    if not may("GET", admin_connectors.PATH):
        return []
    ailing = [one for one in health() if one.ails]
    late, stopped = sum(one.late for one in ailing), sum(one.status == "stopped" for one in ailing)
    drifting = sum(bool(one.missing or one.extra) for one in ailing)
    silent = sum(one.landed_at is None for one in ailing)
    page = admin_connectors.PATH
    return [
        (msgid("未按周期更新的数据资源"), late, f"{page}?show=late", page),
        (msgid("最近一批被拦截的数据资源"), stopped, f"{page}?show=stopped", page),
        (msgid("字段与约定不一致的数据资源"), drifting, f"{page}?show=drift", page),
        (msgid("还没有收到过数据的数据资源"), silent, f"{page}?show=silent", page),
    ]


def of_security(hub: Hub, may) -> list[Line]:
    """What whoever says what may be used looks at first."""
    found = []
    if may("GET", admin_clients.PATH):
        waiting = sum(not one.scopes and not one.disabled_at for one in clients(hub))
        found.append((msgid("已登记、等待授予权限范围的系统"), waiting, f"{admin_clients.PATH}?show=waiting", admin_clients.PATH))
    if may("GET", admin_grants.PATH):
        now, soon = instant(hub.now()), instant(hub.now() + SOON)
        held = [(one, one.standing(now)) for one in grants(hub)]
        ending = sum(state == "in_force" and one.valid_until <= soon for one, state in held)
        suspended = sum(state == "suspended" for _, state in held)
        found.append((msgid("30 天内到期的用证权限"), ending, f"{admin_grants.PATH}?show=ending", admin_grants.PATH))
        found.append((msgid("已暂停的用证权限"), suspended, f"{admin_grants.PATH}?show=suspended", admin_grants.PATH))
    if may("GET", admin_keys.PATH):
        found.append((msgid("到了该办时候的密钥事项"), len(keys_due(hub).due), admin_keys.PATH, admin_keys.PATH))
    return found
