"""`/healthz`: the process lives. `/readyz`: it can answer: database, keys, catalogue; freshness is told, it does not take the hub away."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from license_hub.service.hub import Hub
from quality import publications

from .patience import in_time
from .serving import serving

router = APIRouter(tags=["operation"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process answers. Looks at nothing else, so a database that is away does not get it restarted."""
    return {"status": "ok"}


@router.get("/readyz", responses={503: {"description": "It cannot answer requests now"}})
async def readyz(request: Request) -> JSONResponse:
    """Whether requests can be answered: 200 or 503, and what each check found."""
    checks = await in_time(look, serving(request).hub)
    ready = all(checks[name] == "ok" for name in ("database", "keys", "catalogue"))
    return JSONResponse({"ready": ready, "checks": checks}, status_code=200 if ready else 503)


def look(hub: Hub) -> dict[str, object]:
    """The checks: `ok` or the kind of fault, never its text; per resource `fresh`, `late` or `none`."""
    checks: dict[str, object] = {"database": "ok", "keys": "ok", "catalogue": "ok" if hub.catalog.messages else "empty", "freshness": {}}
    try:
        with hub.engine.connect() as connection:
            connection.execute(sa.select(1))
            checks["freshness"] = freshness(hub, connection)
    except sa.exc.SQLAlchemyError as fault:
        checks["database"] = type(fault).__name__
    if not all(any(map(hub.security.may_sign, hub.security.keys(role))) for role in ("token", "checkpoint")):
        checks["keys"] = "none may sign"
    return checks


def freshness(hub: Hub, connection: sa.Connection) -> dict[str, str]:
    """Per resource: whether its newest publication is within the cycle the catalogue promises."""
    found = {}
    for resource in hub.catalog.resources.values():
        newest = max((one.as_of for one in publications.deliveries(connection, resource.id)), default=None)
        if newest is None:
            found[resource.id] = "none"
        else:
            found[resource.id] = "late" if hub.now() - newest > timedelta(hours=resource.cycle_hours) else "fresh"
    return found
