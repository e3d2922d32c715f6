"""The application: routes and pages over an open hub, inside the frame. The caller (a composition root) opened the hub."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial

from anyio import CapacityLimiter
from fastapi import APIRouter, FastAPI, Request

from license_hub.service.attending import attending
from license_hub.service.authenticate import authenticate_plain
from license_hub.service.budgets import Leases
from license_hub.service.decide_case import decide_cases
from license_hub.service.hub import Hub
from license_hub.service.integrating import integrating
from license_hub.service.present import present
from license_hub.service.refuse import refuse
from license_hub.service.sweeping import sweeping
from license_hub.service.use_proof import use
from license_hub.service.verify import Answer, VerifyRequest, verify

from . import (
    acts,
    authorizations,
    case_checks,
    case_work,
    cases,
    corrections,
    elicense,
    files,
    health,
    intake,
    licenses,
    log,
    manifest,
    metrics,
    notices,
    oauth,
    presentations,
    problems,
    recalls,
    status,
    verifications,
)
from .access import SCOPES, Access
from .coalesce import Coalescer
from .frame import Allowance, Frame
from .problem import Page, Renderer
from .proofs import Proofs
from .serving import Serving

DESCRIPTION = """
电子证照核验接口。Answers carry a `code` that stays; sentences may change. Refusals are `application/problem+json` (RFC 9457),
listed at `/v1/problems`. Every request may carry `X-Request-ID`; every answer has one.

Access: register a key (`hub clients add`), then `POST /oauth/token` with a `private_key_jwt` assertion, then `Authorization: Bearer`.
"""

DECISIONS = 64
"""Cases decided in one transaction: each signs receipts, and those who come next wait for the whole."""
ROUTED = (
    oauth, verifications, licenses, files, presentations, acts, intake, corrections, cases, case_work, case_checks, authorizations,
    log, manifest, status,
    notices, recalls, elicense, health, problems,
)  # fmt: skip


def nearest(request: Request) -> str:
    """The address a request came from, of a proxy too."""
    return request.client.host if request.client else ""


def build(
    hub: Hub,
    pages: Sequence[APIRouter] = (),
    problem_page: Page | None = None,
    *,
    allowance: Allowance | None = None,
    framing: str = "",
    address: Callable[[Request], str] = nearest,
) -> Frame:
    """The ASGI application. `pages` are the routers of the web face, `problem_page` shows a problem to a person with a browser.

    `allowance` says which requests may have a large body, `framing` is the origin that may frame the framed pages,
    `address` tells where a request comes from.
    """

    def in_one_transaction(requests: Sequence[VerifyRequest]) -> Sequence[Answer]:
        metrics.BATCH.observe(len(requests))
        return verify(hub, requests)

    signing, leases = integrating(hub), Leases(hub)
    serving = Serving(
        hub=hub,
        messages=hub.catalog.messages,
        verifications=Coalescer(in_one_transaction, shared=problems.SHARED_FAULTS),
        decisions=Coalescer(partial(decide_cases, hub), limit=DECISIONS, shared=problems.SHARED_FAULTS),
        refusals=Coalescer(partial(refuse, hub), shared=problems.SHARED_FAULTS),
        presentations=Coalescer(partial(present, hub), shared=problems.SHARED_FAULTS),
        access=Access(hub, hub.clock),
        plain_access=Access(hub, hub.clock, authenticate_plain),
        address=address,
        leases=leases,
        leasing=Coalescer(leases.take, shared=problems.SHARED_FAULTS),
        uses=Coalescer(partial(use, hub), shared=problems.SHARED_FAULTS),
        proofs=Proofs(hub, signing),
        integrating=signing,
        seats=CapacityLimiter(intake.SEATS),
    )

    caring = (*attending(hub), sweeping(hub))
    metrics.watch(hub)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        for one in (*caring, signing):
            one.start()
        yield
        for one in caring:
            one.stop()
        serving.close()

    app = bare(lifespan)
    app.state.serving = serving
    for module in ROUTED:
        app.include_router(module.router)
    for router in pages:
        app.include_router(router)
    renderer = Renderer(hub.catalog.messages, problem_page)
    problems.install(app, renderer)
    describe_access(app, hub.public_url)
    return Frame(app, renderer, {(one.method, one.path): one for one in (verifications.PLAIN,)}, allowance, framing)


def bare(lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]]) -> FastAPI:
    """The application without its routes."""
    # FastAPI's documentation pages load scripts from elsewhere, which the content security policy forbids: the document alone.
    return FastAPI(
        title="免证通 API",
        version="1",
        description=DESCRIPTION,
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        responses=problems.DOCUMENTED,
    )


def describe_access(app: FastAPI, public_url: str) -> None:
    """Puts the way to a token into the OpenAPI document; each scoped route names its scope (`access.needs`)."""
    made = app.openapi()
    flow = {"tokenUrl": f"{public_url}/oauth/token", "scopes": SCOPES}
    made["components"]["securitySchemes"] = {"oauth2": {"type": "oauth2", "flows": {"clientCredentials": flow}}}
