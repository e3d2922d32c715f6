"""`/v1/cases`: a case 办件 is opened by the acceptance platform, what need not be handed in is decided on it, and it is closed.

A case is its client's own: to every other it is as unknown as one that never was. Numbers and names travel in bodies alone.
"""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import JSONResponse, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from license_hub.errors import CaseNotOpen, CaseRefused, CaseTaken, KeyReused, NoSuchCase, NotProvable, OverBudget
from license_hub.service.authenticate import Principal
from license_hub.service.close_case import close_case
from license_hub.service.open_case import SCOPE, Applicant, Opening, open_case, read_case, tell

from .access import needs, on_record, scope
from .idempotency import REPLAY, KeyHeader, call
from .patience import in_time
from .problem import Problem
from .serving import request_id, serving
from .verifications import plain

router = APIRouter(prefix="/v1", tags=["cases"])

May = Annotated[Principal, Depends(scope(SCOPE))]
CaseId = Annotated[int, Path(ge=1, le=2**53)]
Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64), AfterValidator(plain)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(plain)]
Division = Annotated[str, StringConstraints(pattern="^[0-9]{6}$|^[0-9]{9}$|^[0-9]{12}$")]

OPENING = {
    "case_no": "990101-2026-000123",
    "matter": "food_permit_new",
    "applicants": [
        {"party": "applicant", "name": "样例第1号贸易有限公司", "number": "91990101MA0000001X"},
        {"party": "legal_rep", "name": "样例甲", "number": "990101198001010011"},
    ],
    "operator": "窗口07-样例员",
    "window": "7",
    "received_in": "990101",
    "handled_in": "990101",
}


class ApplicantIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    party: Word = Field(description="Part in the matter, e.g. applicant")
    name: Name
    number: Name
    code_type: str | None = Field(default=None, pattern="^[0-9]{3}$", description="Holder-code type; by the number's shape without it")


class CaseIn(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [OPENING]})

    case_no: Word = Field(description="The platform's number 办件编号; once for each client")
    matter: Word
    applicants: list[ApplicantIn] = Field(min_length=1, max_length=20)
    operator: Word = Field(description="Who works on it")
    window: Word
    received_in: Division = Field(description="Division where it was received 收件地")
    handled_in: Division = Field(description="Division where it is handled 办理地")


class CaseOut(BaseModel):
    case_id: int = Field(examples=[17])
    case_no: str
    matter: str
    matter_version: str
    state: Literal["open", "closed"]
    operator: str
    window: str
    received_in: str
    handled_in: str
    opened_at: str
    closed_at: str | None
    result: Literal["done", "returned"] | None
    parties: list[str] = Field(description="Parts that somebody was named for", examples=[["applicant", "legal_rep"]])
    request_id: str


class ClosingIn(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"result": "done"}]})

    result: Literal["done", "returned"] = Field(description="办结 or 退件")


@router.post("/cases", response_model=CaseOut, status_code=201, openapi_extra=needs(SCOPE))
async def opened(request: Request, asked: CaseIn, principal: May, key: KeyHeader = "") -> Response:
    """Open a case. Needs the scope `case:work`; its number must be new to this client (409 CASE_TAKEN)."""
    made = Opening(
        asked.case_no, asked.matter, [Applicant(**one.model_dump()) for one in asked.applicants], asked.operator, asked.window,
        asked.received_in, asked.handled_in,
    )  # fmt: skip
    async with on_case(request, principal, asked.case_no):
        once = await call(request, serving(request).hub, principal, key)
        who = {"principal": principal, "request_id": request_id(request)}
        told, again = await in_time(refusing(open_case), serving(request).hub, made, once=once, **who)
    headers = {"Location": f"/v1/cases/{told['case_id']}"} | (REPLAY if again else {})
    return JSONResponse(dict(told) | {"request_id": request_id(request)}, status_code=201, headers=headers)


@router.get("/cases/{case_id}", response_model=CaseOut, openapi_extra=needs(SCOPE))
async def state(request: Request, case_id: CaseId, principal: May) -> Response:
    """An own case as it stands."""
    async with on_case(request, principal):
        found = await in_time(refusing(read_case), serving(request).hub, case_id, principal=principal)
    return JSONResponse(tell(found) | {"request_id": request_id(request)})


@router.post("/cases/{case_id}/close", response_model=CaseOut, openapi_extra=needs(SCOPE))
async def closed(request: Request, case_id: CaseId, asked: ClosingIn, principal: May, key: KeyHeader = "") -> Response:
    """Close an own case: nothing is looked at for it any more, what was handed out stays provable."""
    async with on_case(request, principal):
        once = await call(request, serving(request).hub, principal, key)
        who = {"principal": principal, "request_id": request_id(request)}
        told, again = await in_time(refusing(close_case), serving(request).hub, case_id, asked.result, once=once, **who)
    return JSONResponse(dict(told) | {"request_id": request_id(request)}, headers=REPLAY if again else None)


def on_case(request: Request, principal: Principal, case_no: str = ""):
    """`on_record` of what is done on cases."""
    return on_record(request, "case", actor=principal.client_id, case_no=case_no)


def refusing(act):
    """`act` with its refusals as problems."""

    def refused(*given, **named):
        try:
            return act(*given, **named)
        except CaseRefused as refusal:
            raise Problem("INVALID_REQUEST", errors=[{"pointer": refusal.pointer, "rule": refusal.rule}]) from None
        except NoSuchCase:
            raise Problem("NO_SUCH_RESOURCE") from None
        except CaseTaken:
            raise Problem("CASE_TAKEN") from None
        except CaseNotOpen:
            raise Problem("CASE_NOT_OPEN") from None
        except OverBudget as refusal:
            raise Problem("RATE_LIMITED", headers={"Retry-After": str(refusal.seconds)}) from None
        except NotProvable:
            raise Problem("NOT_PROVABLE", headers={"Retry-After": "5"}) from None
        except KeyReused:
            raise Problem("KEY_REUSED") from None

    return refused
