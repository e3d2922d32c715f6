"""`GET /v1/licenses/{identifier}`: one license, its personal fields masked; `…/bundle`: unmasked with its proofs, for the holder to keep.

Purpose and case number are headers (`Hub-Purpose`, `Hub-Case-No`, percent-encoded UTF-8): URLs end up in logs and histories, and a
case number leads to a person. The identifier is the hub's own random name of the license and leads to nobody without this scope.
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote, unquote

from fastapi import APIRouter, Depends, Header, Path, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from license_hub.errors import BundleDamaged, BundleErased, BundleUnavailable, CaseNotOpen, NotAllowed, NotAuthorized, PurposeMissing
from license_hub.service.authenticate import Principal
from license_hub.service.authorize import Denied
from license_hub.service.export_bundle import ExportRequest, export_bundle
from license_hub.service.read import ReadRequest, read

from . import logs, metrics
from .access import needs, scope
from .patience import in_time
from .problem import Problem
from .serving import refused, request_id, serving
from .verifications import ProvisionalOut, instant, named

router = APIRouter(prefix="/v1", tags=["licenses"])

MAX_PURPOSE_CHARS = 100
MAX_CASE_CHARS = 64

Purpose = Annotated[str, Header(alias="Hub-Purpose", description="What for; percent-encoded", examples=["%E8%AE%BE%E7%AB%8B"])]
CaseNumber = Annotated[str, Header(alias="Hub-Case-No", description="The open case; percent-encoded", examples=["990101-2026-000123"])]


class LicenseOut(BaseModel):
    identifier: str
    type: str = Field(examples=["business_license"])
    fields: dict[str, str] = Field(examples=[{"ZZMC": "营业执照", "CZZT": "示例**有限公司", "CZZTDM": "9199**********001X"}])
    status: str = Field(examples=["VALID"])
    code: str = Field(examples=["IN_FORCE"])
    reason: str
    next_step: str
    as_of: str
    grade: str | None = Field(examples=["A"])
    provisional: list[ProvisionalOut] = Field(
        default=[], examples=[[]], description="Fields that are being corrected, where there are any; no part of the license"
    )
    request_id: str


@router.get("/licenses/{identifier}", response_model=LicenseOut, openapi_extra=needs("license:read"))
async def license(
    request: Request,
    identifier: Annotated[str, Path(max_length=200)],
    principal: Annotated[Principal, Depends(scope("license:read"))],
    purpose: Purpose = "",
    case_no: CaseNumber = "",
) -> Response:
    """One license with its verdict. Needs the scope `license:read`, the license type granted, a purpose and an open case of which
    its holder is a party, with a use grant and, where the matter asks for it, the holder's word. What is nobody's of the case is not found.
    """
    hub = serving(request)
    asked = ReadRequest(
        principal=principal,
        identifier=identifier,
        purpose=plain(purpose, MAX_PURPOSE_CHARS),
        case_no=plain(case_no, MAX_CASE_CHARS),
        request_id=request_id(request),
    )
    known = {"actor": principal.client_id, "purpose": asked.purpose, "case_no": asked.case_no, "identifier": identifier}
    try:
        found = await in_time(read, hub.hub, asked)
    except PurposeMissing:
        await refused(request, "read", "INVALID_REQUEST", **known)
        raise _purpose_missing(purpose, case_no) from None
    except (NotAuthorized, CaseNotOpen) as fault:
        problem = not_usable(fault)
        await refused(request, "read", problem.code, **known)
        raise problem from None
    if found.epoch:
        await hub.access.still(principal, found.epoch)
    metrics.verdicts("read", found.verdict.status, found.verdict.code).inc()
    message = hub.messages[found.verdict.code]
    body = {
        "identifier": found.identifier,
        "type": found.type_id,
        "fields": dict(found.fields),
        "status": found.verdict.status,
        "code": found.verdict.code,
        "reason": message.sentence,
        "next_step": message.next_step,
        "as_of": instant(found.verdict.as_of),
        "grade": found.grade,
        "request_id": request_id(request),
        **named(found.provisional),
    }
    return JSONResponse(body, status_code=message.http_status)


UNAVAILABLE = {BundleErased: ("ERASED", 410), BundleDamaged: ("PROOF_BAD", 409)}
"""Why a license that is there cannot be handed out → code and HTTP status of the problem."""
BUNDLE_CONTENT = {
    "application/json": {"schema": {"type": "object"}, "example": {"v": 1, "kind": "license-bundle", "identifier": "1.2.156…"}}
}


@router.get("/licenses/{identifier}/bundle", openapi_extra=needs("license:export"), responses={200: {"content": BUNDLE_CONTENT}})
async def bundle(
    request: Request,
    identifier: Annotated[str, Path(max_length=200)],
    principal: Annotated[Principal, Depends(scope("license:export"))],
    show: Annotated[
        list[str] | None, Query(max_length=64, description="Fields to show, by short name; without it all", examples=["CZZT"])
    ] = None,
    purpose: Purpose = "",
    case_no: CaseNumber = "",
) -> Response:
    """The license bundle (docs/verify-us.md): fields with salts, attestation, log proof. Unmasked: for handing to its holder.

    Needs the scope `license:export` and what `GET /v1/licenses/{identifier}` needs. 404 until it is under a checkpoint,
    410 once its content was erased, 409 where what is stored is not what was sealed and logged. The header `Hub-Provisional` names
    fields that are being corrected (percent-encoded, each with `;until=` its last day); the bundle is as it was sealed.
    """
    asked = ExportRequest(
        principal=principal,
        identifier=identifier,
        purpose=plain(purpose, MAX_PURPOSE_CHARS),
        case_no=plain(case_no, MAX_CASE_CHARS),
        request_id=request_id(request),
        show=show,
    )
    known = {"actor": principal.client_id, "purpose": asked.purpose, "case_no": asked.case_no, "identifier": identifier}
    try:
        exported = await in_time(export_bundle, serving(request).hub, asked)
    except PurposeMissing:
        await refused(request, "export", "INVALID_REQUEST", **known)
        raise _purpose_missing(purpose, case_no) from None
    except (NotAuthorized, CaseNotOpen) as fault:
        problem = not_usable(fault)
        await refused(request, "export", problem.code, **known)
        raise problem from None
    except BundleUnavailable as fault:
        code, status = UNAVAILABLE.get(type(fault), ("NO_SUCH_RESOURCE", None))
        await refused(request, "export", code, **known)
        raise Problem(code, status=status) from None
    except KeyError:
        await refused(request, "export", "INVALID_REQUEST", **known)
        raise Problem("INVALID_REQUEST", errors=[{"pointer": "/query/show", "rule": "known_field"}]) from None
    await serving(request).access.still(principal, exported.epoch)
    pending = ", ".join(f"{quote(one.field)};until={one.until}" for one in exported.provisional)
    return Response(exported.data, media_type="application/json", headers={"Hub-Provisional": pending} if pending else None)


def not_usable(fault: NotAuthorized | CaseNotOpen) -> Problem:
    """Why content is not given out: no open case (409); no use grant, or nobody's word (403)."""
    if isinstance(fault, CaseNotOpen):
        return Problem("CASE_NOT_OPEN")
    if isinstance(fault, NotAllowed):
        return Problem("CONSENT_MISSING" if fault.why == Denied.NEEDS_AUTHORIZATION else fault.why, status=403)
    return Problem("FORBIDDEN")


def _purpose_missing(purpose: str, case_no: str) -> Problem:
    given = {"Hub-Purpose": purpose, "Hub-Case-No": case_no}
    return Problem(
        "INVALID_REQUEST", errors=[{"pointer": f"/headers/{name}", "rule": "required"} for name, value in given.items() if not value]
    )


def plain(header: str, most: int) -> str:
    """A percent-encoded header as text. Raises Problem for one that is too long, not UTF-8, or holds control or bidi characters."""
    try:
        text = unquote(header, errors="strict").strip()
    except UnicodeDecodeError:
        text = "\x00"
    if len(text) > most or logs.UNSAFE.search(text):
        raise Problem("INVALID_REQUEST", errors=[{"pointer": "/headers", "rule": "not_plain_text"}])
    return text
