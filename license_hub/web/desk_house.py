"""The case handlers' pages together; their routes are guarded by the staff door like all others."""

from __future__ import annotations

from fastapi import APIRouter

from license_hub.service.hub import Hub
from license_hub.web import desk, desk_acts, desk_case, desk_consent, desk_license, desk_paper, desk_prefill, desk_verify
from license_hub.web.staff import Pages


def routers(hub: Hub, pages: Pages) -> list[APIRouter]:
    shared = desk.Desk(hub, pages)
    return [one.router(shared) for one in (desk, desk_case, desk_consent, desk_license, desk_paper, desk_prefill, desk_verify, desk_acts)]
