"""`/v1/checks` 部门核验: what counters ask the client's organ about a material, and its answer, which returns to the case."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import JSONResponse, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from license_hub.service.answer_task import SCOPE, Said, answer_task, list_tasks
from license_hub.service.authenticate import Principal

from .access import needs, scope
from .cases import on_case, refusing
from .idempotency import REPLAY, KeyHeader, call
from .patience import in_time
from .serving import request_id, serving
from .verifications import plain

router = APIRouter(prefix="/v1", tags=["cases"])

May = Annotated[Principal, Depends(scope(SCOPE))]
EXAMPLE = {"answer": "CONFIRMED", "note": "经查，登记在册。"}


class CheckOut(BaseModel):
    task: str
    matter: str
    material: str
    material_title: str
    name: str = Field(examples=["样例甲"])
    number: str
    code_type: str = Field(examples=["111"])
    asked_by: str = Field(description="Client of the counter")
    case_no: str
    opened_at: str
    due_on: str
    overdue: bool


class ChecksOut(BaseModel):
    checks: list[CheckOut]
    request_id: str


class AnswerIn(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXAMPLE]})

    answer: Literal["CONFIRMED", "DENIED", "UNKNOWN"] = Field(description="属实, 不能证明, 没有记录")
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500), AfterValidator(plain)] = ""


class AnsweredOut(BaseModel):
    task: str
    answer: str
    answered_at: str
    request_id: str


@router.get("/checks", response_model=ChecksOut, openapi_extra=needs(SCOPE))
async def checks(request: Request, principal: May) -> Response:
    """What the client's organ is asked on open cases and has not answered, the most urgent first."""
    async with on_case(request, principal):
        found = await in_time(refusing(list_tasks), serving(request).hub, principal=principal, request_id=request_id(request))
    return JSONResponse({"checks": found, "request_id": request_id(request)})


@router.post("/checks/{task_id}/answer", response_model=AnsweredOut, openapi_extra=needs(SCOPE))
async def answered(
    request: Request, task_id: Annotated[str, Path(pattern="^[0-9a-f]{32}$")], asked: AnswerIn, principal: May, key: KeyHeader = ""
) -> Response:
    """Answer one. The first answer stands (409 CASE_NOT_OPEN afterwards, or once the case is closed)."""
    async with on_case(request, principal):
        once = await call(request, serving(request).hub, principal, key)
        who = {"principal": principal, "request_id": request_id(request), "once": once}
        told, again = await in_time(refusing(answer_task), serving(request).hub, task_id, Said(asked.answer, asked.note), **who)
    return JSONResponse(dict(told) | {"request_id": request_id(request)}, headers=REPLAY if again else None)
