"""What is done on an own, open case: `/decision`, `/prefill`; and what is handed out of it: receipts, 一次性告知单, the archive.

A decision takes no Idempotency-Key: it says how things stand now, and asked again it is made again, with receipts of its own.
"""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from license_hub.errors import HubError
from license_hub.service.archive_case import MEDIA_TYPE, archive_case
from license_hub.service.decide_case import Asked, last_decision
from license_hub.service.open_case import SCOPE
from license_hub.service.prefill import prefill
from license_hub.service.receipts import hand_out

from .access import needs
from .cases import CaseId, May, Word, on_case, refusing
from .patience import in_time
from .problem import Problem
from .serving import request_id, serving

router = APIRouter(prefix="/v1", tags=["cases"])

ReceiptId = Annotated[str, Path(pattern="^[0-9a-f]{32}$")]
EVIDENCE = {
    "kind": "license", "type": "business_license",
    "identifier": "1.2.156.3005.2.11990000000000002K001.11990100000000003H.0K3J9Z0Q2W4E6R8T0Y1U3I5O7.001.X", "fields": ["名称", "住所"],
    "grade": "A", "as_of": "2026-11-21T08:00:00Z", "fresh": True, "valid_to": None, "others": [], "basis": {"kind": "duty", "id": "12"},
}  # fmt: skip


class DecisionIn(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"operator": "窗口07-样例员"}, {}]})

    operator: Word | None = Field(default=None, description="Who asks; without it, the case's operator")


class ReceiptRef(BaseModel):
    id: str = Field(description="Its leaf's id in the log")
    token: str = Field(description="The signed receipt (JWS, typ exempt-receipt+jwt)", examples=["eyJhbGciOiJFZERTQSJ9.….…"])
    leaf_hash: str


class MaterialOut(BaseModel):
    material: str = Field(examples=["C0201"])
    title: str = Field(examples=["营业执照"])
    channel: str = Field(description="10 自备, 20 政府部门核发, 99 其他")
    necessity: str = Field(description="1 必要, 2 非必要, 3 容缺后补")
    party: str
    outcome: Literal["EXEMPT", "NEEDS_AUTHORIZATION", "DEPARTMENT_CHECK", "PROMISE", "DEFERRED", "CANCELLED", "SUBMIT"]
    reason: str = Field(examples=["IN_FORCE"], description="A code of /v1/problems' list")
    sentence: str
    next_step: str
    due_on: str | None = Field(description="Until when an answer, or what was promised, is due", examples=[None])
    evidence: dict[str, object] | None = Field(description="What is relied on", examples=[EVIDENCE])
    terms: dict[str, object] | None = Field(description="Text, liability and days of a promise or deferral; basis of a cancellation")
    contact: dict[str, str] | None = Field(description="Of the issuing body")
    tried: list[dict[str, str]] = Field(description="What did not count, and why, in order")
    alternatives: list[str] = Field(description="Kinds of ways that would do instead of the holder's consent", examples=[["promise"]])
    reported: bool = Field(description="Handed in although a government body issued it: in the report of such materials")
    receipt: ReceiptRef | None = Field(description="For EXEMPT 免提交核验回执, for SUBMIT 未满足免提交条件说明")


class DecisionOut(BaseModel):
    decision_id: str
    case_id: int
    case_no: str
    matter: str
    matter_title: str
    rule_version: str = Field(examples=["food_permit_new/1@0f8fad5bd9cb469f"])
    decided_at: str
    summary: dict[str, int] = Field(examples=[{"EXEMPT": 2, "SUBMIT": 1}])
    materials: list[MaterialOut]
    request_id: str


class ReceiptOut(BaseModel):
    id: str
    entry: int = Field(description="Its place in the log")
    token: str
    proof: str | None = Field(description="The .tlog-proof; null until a checkpoint covers it")
    request_id: str


class FilledOut(BaseModel):
    field: str = Field(examples=["operator_name"])
    title: str
    value: str
    source: Literal["license", "share", "case"]
    of: str = Field(description="The license's identifier, or the resource")
    as_of: str
    confidence: Literal["high", "medium", "low"]


class EmptyOut(BaseModel):
    field: str
    title: str
    required: bool
    reason: str = Field(examples=["NO_SOURCE"])
    sentence: str


class PrefillOut(BaseModel):
    case_id: int
    matter: str
    filled_at: str
    values: list[FilledOut]
    empty: list[EmptyOut] = Field(description="Left empty, and why")
    request_id: str


@router.post("/cases/{case_id}/decision", response_model=DecisionOut, openapi_extra=needs(SCOPE))
async def decided(request: Request, case_id: CaseId, principal: May, asked: DecisionIn | None = None) -> Response:
    """What need not be handed in, per material, with the reason, the evidence and the next step; signed receipts at once."""
    operator = (asked.operator if asked else None) or ""
    async with on_case(request, principal):
        made = await serving(request).decisions.call(Asked(case_id, principal, request_id(request), operator))
        if isinstance(made, HubError):
            refusing(_raise)(made)
    serving(request).integrating.nudge()
    return JSONResponse(dict(made.told) | {"request_id": request_id(request)})


def _raise(refused: HubError) -> None:
    raise refused


@router.get("/cases/{case_id}/notice", response_model=DecisionOut, openapi_extra=needs(SCOPE))
async def notice(request: Request, case_id: CaseId, principal: May) -> Response:
    """一次性告知单: the last decision as it was answered, to print or to look at again. 404 before the first."""
    async with on_case(request, principal):
        found = await in_time(refusing(last_decision), serving(request).hub, case_id, principal=principal)
        if found is None:
            raise Problem("NO_SUCH_RESOURCE")
    return JSONResponse(dict(found) | {"request_id": request_id(request)})


@router.get("/cases/{case_id}/receipts/{receipt_id}", response_model=ReceiptOut, openapi_extra=needs(SCOPE))
async def receipt(
    request: Request,
    case_id: CaseId,
    receipt_id: ReceiptId,
    principal: May,
    wait: Annotated[Literal["proof"] | None, Query(description="`proof`: answer once a signed checkpoint covers it")] = None,
) -> Response:
    """A receipt with the log's proof; both together can be checked without this hub (docs/verify-us.md)."""
    async with on_case(request, principal):
        found = await in_time(refusing(hand_out), serving(request).hub, case_id, receipt_id, principal=principal)
        if found.proof is None and wait and await serving(request).proofs.state(found.entry, wait=True) == "logged":
            found = await in_time(refusing(hand_out), serving(request).hub, case_id, receipt_id, principal=principal)
    told = {"id": found.receipt_id, "entry": found.entry, "token": found.token, "proof": found.proof}
    return JSONResponse(told | {"request_id": request_id(request)})


@router.post("/cases/{case_id}/prefill", response_model=PrefillOut, openapi_extra=needs(SCOPE))
async def prefilled(request: Request, case_id: CaseId, principal: May, asked: DecisionIn | None = None) -> Response:
    """Values for the matter's form, each with its source, date and confidence; fields left empty say why."""
    operator = (asked.operator if asked else None) or ""
    who = {"principal": principal, "request_id": request_id(request), "operator": operator}
    async with on_case(request, principal):
        found = await in_time(refusing(prefill), serving(request).hub, case_id, **who)
    return JSONResponse(found | {"request_id": request_id(request)})


ARCHIVE = {200: {"content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}, "description": "The signed package"}}


@router.get("/cases/{case_id}/archive", openapi_extra=needs(SCOPE), responses=ARCHIVE)
async def archive(request: Request, case_id: CaseId, principal: May) -> Response:
    """单套归档 of a closed case: receipts with proofs, licenses relied on, audit entries, in one signed package."""
    async with on_case(request, principal):
        who = {"principal": principal, "request_id": request_id(request)}
        made = await in_time(refusing(archive_case), serving(request).hub, case_id, **who)
    return Response(made, media_type=MEDIA_TYPE, headers={"Content-Disposition": f'attachment; filename="case-{case_id}.zip"'})
