"""`POST /v1/licenses/{identifier}/status`: an organ's notice of an act on one of its licenses. There is no bare revoke.

The organ is the one the client is registered for; the body cannot name another. Beyond `HUB_MASS_ACTS` acts of an organ in 24 hours
the answer is 409 APPROVAL_NEEDED, and two named people have to stand behind the list (`hub status propose`).
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from license_hub.domain.lifecycle import REASONS, Act, ActRefused, Reason
from license_hub.errors import ApprovalNeeded, KeyReused, NoSuchLicense, NotAuthorized, NoticeRefused
from license_hub.service.authenticate import Principal
from license_hub.service.change_status import DOCUMENT_CHARS, Notice
from license_hub.service.give_notice import give_notice

from .access import needs, on_record, scope
from .idempotency import REPLAY, KeyHeader, call
from .patience import in_time
from .problem import Problem
from .serving import request_id, serving
from .verifications import check_type, plain

router = APIRouter(prefix="/v1", tags=["licenses"])

NOTICEABLE = sorted(act.value for act, reasons in REASONS.items() if reasons)
EXAMPLE = {"act": "REVOKE", "document_no": "样市监罚〔2026〕7号", "date": "2026-11-20", "reason": "PENALTY"}


class NoticeIn(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXAMPLE]})

    act: Act = Field(description="One of " + ", ".join(NOTICEABLE))
    document_no: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=DOCUMENT_CHARS), AfterValidator(plain)
    ] = Field(description="Number of the decision")
    date: date
    reason: Reason


class NoticeOut(BaseModel):
    identifier: str = Field(description="Of the license's newest version, which the act is about")
    state: str = Field(examples=["REVOKED"])
    entry: int = Field(examples=[123], description="Its place in the log")
    leaf_hash: str
    recorded_at: str
    proof: Literal["pending", "logged"] = Field(description="`logged`: a signed checkpoint covers it")
    request_id: str


@router.post("/licenses/{identifier}/status", response_model=NoticeOut, openapi_extra=needs("license:status"))
async def status(
    request: Request,
    identifier: Annotated[str, Path(max_length=200)],
    notice: NoticeIn,
    principal: Annotated[Principal, Depends(scope("license:status"))],
    key: KeyHeader = "",
    wait: Annotated[Literal["proof"] | None, Query(description="`proof`: answer once a signed checkpoint covers the act")] = None,
) -> Response:
    """Give notice of an act: activation, suspension, cancellation, withdrawal, revocation, moving out, or its undoing."""
    async with on_record(request, "status", actor=principal.client_id):
        return await _status(request, identifier, notice, principal, key, wait)


async def _status(
    request: Request, identifier: str, notice: NoticeIn, principal: Principal, key: str, wait: Literal["proof"] | None
) -> Response:
    made = serving(request)
    if not principal.organ:
        raise Problem("FORBIDDEN")
    check_type(principal, identifier, made.hub.catalog)
    known = await call(request, made.hub, principal, key)
    said = Notice(identifier.strip().upper(), notice.act, notice.document_no, notice.date, principal.organ, notice.reason)
    try:
        answer, again = await in_time(give_notice, made.hub, said, known, principal=principal, request_id=request_id(request))
    except ActRefused:
        raise Problem("ACT_REFUSED") from None
    except NoSuchLicense:
        raise Problem("NO_SUCH_RESOURCE") from None
    except NoticeRefused as refused:
        raise Problem("INVALID_REQUEST", errors=[{"pointer": refused.pointer, "rule": refused.rule}]) from None
    except NotAuthorized:
        raise Problem("FORBIDDEN") from None
    except ApprovalNeeded:
        raise Problem("APPROVAL_NEEDED") from None
    except KeyReused:
        raise Problem("KEY_REUSED") from None
    proof = await made.proofs.state(int(answer["entry"]), wait=wait == "proof")
    return JSONResponse(dict(answer) | {"proof": proof, "request_id": request_id(request)}, headers=REPLAY if again else None)
