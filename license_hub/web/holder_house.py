"""The holders' pages together, behind their door."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Depends

from license_hub.service.ask_provider import Provider, ProviderOptions
from license_hub.service.hub import Hub
from license_hub.service.staff_sessions import Limits
from license_hub.web import me, me_grants, me_object, me_show, me_sign_in
from license_hub.web.holder_door import HolderDoor, HolderPages


@dataclass(frozen=True)
class HolderProvider:
    options: ProviderOptions
    number_claim: str


def routers(hub: Hub, limits: Limits, provider: HolderProvider | None) -> list[APIRouter]:
    """All routes below /me. Raises LookupError for one without a `holder:` row in the access policy."""
    door, pages = HolderDoor(hub, limits), HolderPages()
    known = Provider(provider.options, hub.public_url + me_sign_in.BACK, hub.clock) if provider else None
    guarded = APIRouter(include_in_schema=False, dependencies=[Depends(door.guard)])
    claim = provider.number_claim if provider else ""
    guarded.include_router(me_sign_in.router(door, pages, known, claim))
    for module in (me, me_grants, me_object, me_show):
        guarded.include_router(module.router(hub, pages))
    named = {f"{method} {route.path}" for route in guarded.routes for method in route.methods}
    missing = sorted(one for one in named if (rule := hub.catalog.access.routes.get(one)) is None or rule.holder is None)
    if missing:
        raise LookupError(f"catalogs/access.yaml has no holder row for {', '.join(missing)}")
    return [guarded]
