"""`POST /v1/presentations/scan` (扫码亮证): the code on a holder's phone, scanned once, answers with the license's verdict of the moment.

For a purpose, on an open case that the holder is a party of, it also answers the masked fields; else the verdict alone. A code counts
once, so a repeated call is refused and no Idempotency-Key applies: a lost answer needs a fresh code, which takes the holder a second.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from license_hub.errors import CaseNotOpen, CodeRefused, NotAuthorized
from license_hub.service.authenticate import Principal
from license_hub.service.redeem import SCOPE, Scan, redeem

from . import metrics
from .access import needs, on_record, scope
from .licenses import not_usable
from .patience import in_time
from .problem import Problem
from .serving import request_id, serving
from .verifications import ProvisionalOut, instant, named, plain

router = APIRouter(prefix="/v1", tags=["presentations"])

CODE = "MZT:KZ0X:5QE3%V8*4WCB0 …"
EXAMPLES = [{"code": CODE, "purpose": "食品经营许可", "case_no": "990101-2026-000123"}, {"code": CODE}]


class ScanIn(BaseModel):
    """What the scanner read, as it read it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": EXAMPLES})

    code: str = Field(min_length=1, max_length=300)
    purpose: Annotated[str, StringConstraints(max_length=100, strip_whitespace=True), AfterValidator(plain)] = ""
    case_no: Annotated[str, StringConstraints(max_length=64, strip_whitespace=True), AfterValidator(plain)] = ""

    @model_validator(mode="after")
    def both_or_none(self) -> ScanIn:
        if bool(self.purpose) != bool(self.case_no):
            raise ValueError("purpose and case_no belong together: give both, or neither for the verdict alone")
        return self


class ScannedOut(BaseModel):
    presentation: str = Field(description="Names this scan", examples=["0f8fad5bd9cb469fa165708677289501"])
    identifier: str
    type: str = Field(examples=["business_license"])
    status: str = Field(examples=["VALID"])
    code: str = Field(examples=["IN_FORCE"])
    reason: str
    next_step: str
    as_of: str
    grade: str | None = Field(examples=["A"])
    fields: dict[str, str] = Field(description="Masked; empty without a case", examples=[{"ZZMC": "营业执照", "CZZT": "示例**有限公司"}])
    provisional: list[ProvisionalOut] = Field(default=[], examples=[[]])
    request_id: str


@router.post("/presentations/scan", response_model=ScannedOut, openapi_extra=needs(SCOPE))
async def scan(request: Request, asked: ScanIn, principal: Annotated[Principal, Depends(scope(SCOPE))]) -> Response:
    """Take the code a holder shows. Needs the scope `license:scan` and the license type granted. The first scanner has it, once."""
    wanted = Scan(principal, asked.code, asked.purpose, asked.case_no, request_id(request))
    async with on_record(request, "scan", actor=principal.client_id, purpose=asked.purpose, case_no=asked.case_no):
        try:
            found = await in_time(redeem, serving(request).hub, wanted)
        except CodeRefused as fault:
            raise Problem(fault.problem) from None
        except (NotAuthorized, CaseNotOpen) as fault:
            raise not_usable(fault) from None
    metrics.verdicts("scan", found.verdict.status, found.verdict.code).inc()
    message = serving(request).messages[found.verdict.code]
    body = {
        "presentation": found.presentation_id,
        "identifier": found.identifier,
        "type": found.type_id,
        "status": found.verdict.status,
        "code": found.verdict.code,
        "reason": message.sentence,
        "next_step": message.next_step,
        "as_of": instant(found.verdict.as_of),
        "grade": found.grade,
        "fields": dict(found.fields),
        "request_id": request_id(request),
        **named(found.provisional),
    }
    return JSONResponse(body, status_code=message.http_status)
