"""`/admin/connectors`: whether every resource's source delivers: last pull, publication, freshness, what stops it, drift of its shape."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Request
from fastapi.responses import Response

from license_hub.api.problem import Problem
from license_hub.service.hub import Hub
from license_hub.web.admin_words import CONNECTORS, DELIVERIES, GATE, Source, Sources, Words
from license_hub.web.pages import msgid
from license_hub.web.staff import Pages

PATH = "/admin/connectors"
SHOWN: dict[str, tuple[str, Callable[[Source], bool]]] = {
    "": (msgid("全部"), lambda one: True),
    "ailing": (msgid("需要处理"), lambda one: one.ails),
    "late": (msgid("未按周期更新"), lambda one: one.late),
    "stopped": (msgid("被拦截"), lambda one: one.status == "stopped"),
    "drift": (msgid("字段不一致"), lambda one: bool(one.missing or one.extra)),
    "silent": (msgid("没有收到过数据"), lambda one: one.landed_at is None),
}


def router(hub: Hub, pages: Pages, health: Sources) -> APIRouter:
    made, words = APIRouter(), Words(hub)

    def stop(name: str) -> str:
        """What stopped a delivery: a limit, or a rule by its sentence."""
        rule = next((one for rules in hub.catalog.rules.values() for one in rules if one.id == name), None) if name not in GATE else None
        return GATE.get(name) or (rule.sentence if rule else name)

    @made.get(PATH)
    def connectors(request: Request, show: str = "") -> Response:
        if show not in SHOWN:
            raise Problem("NO_SUCH_RESOURCE")
        whole = health()
        counts = {name: sum(map(fits, whole)) for name, (_title, fits) in SHOWN.items()}
        tabs = [(name, title, counts[name]) for name, (title, _fits) in SHOWN.items()]
        found = sorted(filter(SHOWN[show][1], whole), key=lambda one: not one.ails)
        return pages.render(
            request, "admin_connectors.html", found=found, tabs=tabs, show=show, words=words, kinds=CONNECTORS, states=DELIVERIES, stop=stop
        )  # fmt: skip

    return made
