"""How faults and refusals anywhere in the application become problems, and the list of every code."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import psycopg
from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from sqlalchemy.exc import DataError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from license_hub.errors import IntakeError, LogDiverged, NotAuthenticated, SignerUnavailable, Unwitnessed

from .coalesce import Overloaded
from .patience import TooSlow
from .problem import MEDIA_TYPE, Problem, Renderer
from .serving import request_id, serving

router = APIRouter(prefix="/v1", tags=["problems"])
logger = logging.getLogger("hub.http")

SHARED_FAULTS = (DBAPIError, PoolTimeout, psycopg.Error, SignerUnavailable, LogDiverged)
"""Faults of the database: no audit entry can be written, so no answer is given (503). COPY raises the driver's own. And of the places
keys live in, what must be signed waits; and of the log: published history and database disagree, whoever asks."""
UNAVAILABLE = (*SHARED_FAULTS, TooSlow, IntakeError)
BY_STATUS = {404: "NO_SUCH_RESOURCE", 405: "METHOD_NOT_ALLOWED", 413: "TOO_LARGE", 415: "UNSUPPORTED_MEDIA_TYPE"}
RETRY_AFTER = {"Retry-After": "5"}


class ProblemOut(BaseModel):
    """RFC 9457. `code` stays; `title` is a sentence for people and may change."""

    type: str = Field(examples=["/v1/problems#FORBIDDEN"])
    title: str = Field(examples=["没有权限使用这类证照或这个功能。"])
    status: int = Field(examples=[403])
    code: str = Field(examples=["FORBIDDEN"])
    next_step: str = Field(examples=["请向本单位管理员申请授权。"])
    request_id: str = Field(examples=["0f8fad5bd9cb469fa165708677289501"])
    errors: list[dict[str, str]] = Field(default=[], description="Wrong input: JSON pointer and rule", examples=[[]])


DOCUMENTED = {
    "4XX": {"description": "Refused", "content": {MEDIA_TYPE: {"schema": ProblemOut.model_json_schema()}}},
    "503": {"description": "Cannot be answered now: no audit, no answer", "content": {MEDIA_TYPE: {}}},
}
"""Answers every route may give, for the OpenAPI document."""


def install(app: FastAPI, renderer: Renderer) -> None:
    """Handlers for every family. What none of them knows is a fault of ours: the frame answers it."""

    def answer(request: Request, refusal: Problem) -> Response:
        status, kind, body = renderer.render(
            refusal, request_id(request), *(request.headers.get(name, "") for name in ("accept", "cookie"))
        )
        return Response(body, status_code=status, media_type=kind, headers=refusal.headers)

    async def on_problem(request: Request, refusal: Problem) -> Response:
        return answer(request, refusal)

    async def on_validation(request: Request, fault: RequestValidationError) -> Response:
        return answer(request, Problem("INVALID_REQUEST", errors=[rule(one) for one in fault.errors()]))

    async def on_http(request: Request, fault: HTTPException) -> Response:
        code = BY_STATUS.get(fault.status_code, "INVALID_REQUEST")
        return answer(request, Problem(code, status=fault.status_code, headers=fault.headers))

    async def on_known(request: Request, fault: Exception) -> Response:
        return answer(request, known(fault) or Problem("INTERNAL"))

    async def on_fault(request: Request, _fault: Exception) -> Response:
        # Starlette raises the fault again after this answer; the frame logs it.
        return answer(request, Problem("INTERNAL"))

    app.add_exception_handler(Exception, on_fault)
    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(RequestValidationError, on_validation)
    app.add_exception_handler(HTTPException, on_http)
    for family in (Overloaded, Unwitnessed, NotAuthenticated, *UNAVAILABLE):
        app.add_exception_handler(family, on_known)


def known(fault: Exception) -> Problem | None:
    """The problem a fault of those families is; None for a fault of ours."""
    if isinstance(fault, Overloaded):
        return Problem("RATE_LIMITED", headers=RETRY_AFTER)
    if isinstance(fault, NotAuthenticated):
        # What a page's caller was granted changed between two looks at it; calls by token are answered with a challenge before this.
        return Problem("UNAUTHENTICATED")
    if isinstance(fault, Unwitnessed):
        logger.error("nothing is issued: %s", fault)
        return Problem("UNWITNESSED", headers=RETRY_AFTER)
    if isinstance(fault, DataError):
        # A value no database takes, such as one with a NUL: the caller's, not an outage.
        return Problem("INVALID_REQUEST")
    if isinstance(fault, UNAVAILABLE):
        logger.error("unavailable", exc_info=fault)
        return Problem("UNAVAILABLE", headers=RETRY_AFTER)
    return None


def rule(error: Mapping[str, object]) -> dict[str, str]:
    """Where and which rule, never the value: pydantic's own report would repeat the input."""
    steps = (str(one).replace("~", "~0").replace("/", "~1") for one in error["loc"] if one != "body")
    found = {"pointer": "".join(f"/{one}" for one in steps), "rule": str(error["type"])}
    if error["type"] == "value_error":
        found["rule"] = str(error["msg"]).removeprefix("Value error, ")
    return found


@router.get("/problems")
async def problems(request: Request) -> JSONResponse:
    """Every code this API answers with: sentence, next step and HTTP status."""
    known = serving(request).messages.items()
    listed = {code: {"title": one.sentence, "next_step": one.next_step, "status": one.http_status} for code, one in known}
    return JSONResponse(listed, headers={"Cache-Control": "public, max-age=300"})
