"""`POST /v1/corrections` (校核申请): a license seems wrong; the body that registered its row looks, and answers in ten working days.

What is wrong is said in words, in the body of the call: names and numbers stay out of addresses and logs. The same license asked about
again while a request is open joins it.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import JSONResponse, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from license_hub.errors import BundleErased, DoubtRefused, KeyReused, NoSuchLicense
from license_hub.service.authenticate import Principal
from license_hub.service.raise_correction import Asked, raise_correction, read_correction

from . import logs
from .access import needs, on_record, scope
from .idempotency import REPLAY, KeyHeader, call
from .patience import in_time
from .problem import Problem
from .serving import request_id, serving
from .verifications import check_type

router = APIRouter(prefix="/v1", tags=["corrections"])

IDENTIFIER = "1.2.156.3005.2.11990000000000002K001.11990100000000003H.0K3J9Z0Q2W4E6R8T0Y1U3I5O7.001.X"
WORDS = {"fields": ["KZ_住所"], "reason": "OUTDATED", "comment": "企业已于上月迁址，证照仍是原住所。"}
EXAMPLES = [
    {"identifier": IDENTIFIER, **WORDS},
    {"answer": {"request_id": "0f8fad5bd9cb469fa165708677289501", "at": "2026-11-21T08:00:00Z"}, **WORDS},
]


class AnswerIn(BaseModel):
    """An own verification's answer."""

    model_config = ConfigDict(extra="forbid")

    request_id: str = Field(min_length=8, max_length=64)
    at: AwareDatetime = Field(description="About when it came, within two minutes")


class CorrectionIn(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": EXAMPLES})

    identifier: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)] | None = None
    answer: AnswerIn | None = None
    fields: list[Annotated[str, StringConstraints(min_length=1, max_length=64)]] = Field(
        min_length=1, max_length=64, description="Short names of the doubted fields (CZZT, KZ_ + title), or `status`"
    )
    reason: str = Field(pattern="^[A-Z][A-Z_]{0,31}$", description="WRONG, OUTDATED, INCOMPLETE, NOT_THEIRS or STATUS_WRONG")
    comment: str = Field(min_length=1, max_length=2_000, description="What is wrong and how it is known; the responsible body reads it")

    @model_validator(mode="after")
    def one_way(self) -> CorrectionIn:
        if (self.identifier is None) == (self.answer is None):
            raise ValueError("give either identifier or answer")
        if logs.UNSAFE.search(self.comment.replace("\n", "")):
            raise ValueError("control or direction characters are not accepted")
        return self


class AnswerOut(BaseModel):
    act: str = Field(examples=["answer"], description="report, return, object, answer, uphold or overturn")
    reason: str = Field(examples=["VALUE_RIGHT"])
    comment: str
    at: str


class CorrectionOut(BaseModel):
    id: str
    ticket: int = Field(examples=[17], description="Its number, for talking with the responsible body")
    identifier: str = Field(description="Of the version that was asked about")
    fields: list[str]
    reason: str
    raised_at: str
    state: str = Field(examples=["WORKING"], description="ISSUED, ACCEPTED, WORKING, REVIEW, RETURNED, DISPUTED or CLOSED")
    due_on: str = Field(examples=["2026-12-04"])
    outcome: str | None = Field(examples=[None], description="CORRECTED, NOT_CORRECTED or WITHDRAWN; null while it is open")
    answer: AnswerOut | None = Field(description="What the responsible body said last")
    request_id: str


SCOPE = "license:correct"
May = Annotated[Principal, Depends(scope(SCOPE))]


@router.post("/corrections", response_model=CorrectionOut, status_code=201, openapi_extra=needs(SCOPE))
async def ask(request: Request, asked: CorrectionIn, principal: May, key: KeyHeader = "") -> Response:
    """Ask the responsible body to check what a license says. Needs the scope `license:correct` and the license type granted."""
    async with on_record(request, "correct", actor=principal.client_id):
        return await _ask(request, asked, principal, key)


async def _ask(request: Request, asked: CorrectionIn, principal: Principal, key: str) -> Response:
    hub = serving(request).hub
    if asked.identifier is not None:
        check_type(principal, asked.identifier, hub.catalog)
    known = await call(request, hub, principal, key)
    answer = asked.answer
    wanted = Asked(
        tuple(dict.fromkeys(asked.fields)), asked.reason, asked.comment, asked.identifier,
        answer.request_id if answer else None, answer.at if answer else None,
    )  # fmt: skip
    who = {"asked_by": principal.client_id, "principal": principal, "request_id": request_id(request)}
    try:
        told, again = await in_time(raise_correction, hub, wanted, once=known, **who)
    except NoSuchLicense:
        raise Problem("NO_SUCH_RESOURCE") from None
    except BundleErased:
        raise Problem("ERASED", status=410) from None
    except DoubtRefused as refused:
        code = "SOURCE_ROW_GONE" if refused.rule == "source_row" else "INVALID_REQUEST"
        raise Problem(code, errors=[{"pointer": refused.pointer, "rule": refused.rule}]) from None
    except KeyReused:
        raise Problem("KEY_REUSED") from None
    headers = {"Location": f"/v1/corrections/{told['id']}"} | (REPLAY if again else {})
    return JSONResponse(dict(told) | {"request_id": request_id(request)}, status_code=201, headers=headers)


@router.get("/corrections/{correction_id}", response_model=CorrectionOut, openapi_extra=needs(SCOPE))
async def state(
    request: Request, correction_id: Annotated[str, Path(pattern="^[0-9a-f]{32}$")], principal: May
) -> CorrectionOut:  # fmt: skip
    """How an own request stands, and what the responsible body answered."""
    async with on_record(request, "correct", actor=principal.client_id):
        found = await in_time(
            read_correction, serving(request).hub, correction_id, asked_by=principal.client_id, principal=principal
        )  # fmt: skip
        if found is None:
            raise Problem("NO_SUCH_RESOURCE")
    return CorrectionOut(**found, request_id=request_id(request))
