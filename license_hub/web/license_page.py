"""`/licenses/{identifier}`: where a row leads once it became a license, and the way back: versions, their batches, their tickets."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Request
from fastapi.responses import Response

from catalogs.model import Catalog
from license_hub.api.problem import Problem
from license_hub.domain.lifecycle import State
from license_hub.service.hub import Hub
from license_hub.service.versions_of import versions_of
from license_hub.web.pages import shown
from license_hub.web.staff import Pages

PATH = "/licenses/{identifier}"


def router(hub: Hub, pages: Pages) -> APIRouter:
    made = APIRouter()

    @made.get(PATH)
    def license(request: Request, identifier: str) -> Response:
        found = versions_of(hub, identifier)
        if found is None:
            raise Problem("NO_SUCH_RESOURCE")
        return pages.render(
            request,
            "license.html",
            made=found,
            asked=identifier.upper(),
            type_name=hub.catalog.license_types[found.type_id].name,
            resource_title=hub.catalog.resources[found.resource].title,
            issuer=issuer(hub.catalog, found.issuer),
            # The state alone: this page looks nothing up in the log, so it vouches for no content.
            state=State(found.status).chinese,
            when=lambda text: shown(datetime.fromisoformat(text)),
        )

    return made


def issuer(catalog: Catalog, code: str) -> str:
    """An issuing organ's name: its department or registrar, else its code."""
    department = next((one.name for one in catalog.departments.values() if one.credit_code == code), None)
    registrar = catalog.organs.get(code[10:11] + code[2:8])
    return department or (registrar[1] if registrar is not None and registrar[0] == code else code)
