"""`POST /v1/verifications`: a verdict, not data. By identifier, or by type + certificate number + holder number, with claimed fields.

A POST so that numbers stay out of URLs; it creates nothing the caller could create twice, so no Idempotency-Key applies: every call
is one more look and one more audit entry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from catalogs.model import Catalog, Message
from license_hub.service.as_of import Moment, as_of
from license_hub.service.authenticate import Principal
from license_hub.service.provisional import Provisional
from license_hub.service.sample_data import reaches
from license_hub.service.verify import Answer, VerifyRequest

from . import logs, metrics
from .access import needs, on_record, scope
from .budget import limited
from .checks import checked
from .patience import in_time
from .plain_calls import PlainCall
from .problem import Problem
from .serving import request_id, serving

router = APIRouter(prefix="/v1", tags=["verification"])
may_verify = scope("license:verify")


def plain(text: str) -> str:
    """What goes into the audit log is one line of visible text (T31). Raises ValueError."""
    if logs.UNSAFE.search(text):
        raise ValueError("control or direction characters are not accepted")
    return text


Number = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]

EXAMPLES = [
    {
        "identifier": "1.2.156.3005.2.11990000000000002K001.11990100000000003H.0K3J9Z0Q2W4E6R8T0Y1U3I5O7.001.X",
        "claims": {"ZZMC": "营业执照"},
        "purpose": "设立登记核验",
        "case_no": "990101-2026-000123",
    },
    {"type": "business_license", "number": "91990101MA0000001X", "holder_number": "91990101MA0000001X", "purpose": "设立登记核验"},
]


class VerificationIn(BaseModel):
    """What is asked. Either `identifier`, or `type` with `number` and `holder_number`: a certificate number alone finds nothing."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": EXAMPLES})

    identifier: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)] | None = None
    type: Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9_]{0,63}$")] | None = None
    number: Number | None = None
    holder_number: Number | None = None
    claims: dict[Annotated[str, StringConstraints(max_length=64)], Annotated[str, StringConstraints(max_length=1000)]] = Field(
        default_factory=dict, max_length=64, description="Fields as the paper shows them (short name or KZ_ + title); each is compared"
    )
    purpose: Annotated[str, StringConstraints(max_length=100), AfterValidator(plain)] = Field(default="", description="For the audit log")
    case_no: Annotated[str, StringConstraints(max_length=64), AfterValidator(plain)] = ""

    @model_validator(mode="after")
    def one_way(self) -> VerificationIn:
        if (self.identifier is None) == (self.type is None):
            raise ValueError("give either identifier, or type with number and holder_number")
        if self.type is not None and not (self.number and self.holder_number):
            raise ValueError("type needs number and holder_number: a certificate number alone finds nothing")
        if self.identifier is not None and self.number is not None:
            raise ValueError("number belongs to type, not to identifier")
        return self


class Checks(BaseModel):
    """What was compared, each `passed`, `failed` or `unknown`."""

    content: Literal["passed", "failed", "unknown"]
    seal: Literal["passed", "failed", "unknown"]
    log: Literal["passed", "failed", "unknown"]
    status: Literal["passed", "failed", "unknown"]


class ProvisionalOut(BaseModel):
    """The responsible body works on this field: it gave a value for the time being (暂行更正), which is no part of the license."""

    field: str = Field(examples=["KZ_住所"], description="Short name, or `status`")
    until: str = Field(examples=["2026-12-04"], description="The last day it is provisional")


class VerificationOut(BaseModel):
    status: Literal["VALID", "INVALID", "UNDETERMINED"] = Field(examples=["VALID"])
    code: str = Field(examples=["IN_FORCE"], description="Stable; sentences may change")
    reason: str = Field(examples=["证照有效。"])
    next_step: str = Field(examples=["可以免提交纸质证照。"])
    as_of: str = Field(examples=["2026-11-21T08:00:00Z"], description="Up to when the source vouches for what is said")
    grade: str | None = Field(examples=["A"], description="Trust grade A–D; null without a license")
    checked: Checks
    log: Literal["witnessed", "unwitnessed", "pending"] | None = Field(
        examples=["witnessed"], description="How far the log vouches: cosigned by witnesses, signed by the log alone, or signed in a moment"
    )
    mismatched: list[str] = Field(examples=[[]], description="Names of the claimed fields that differ")
    provisional: list[ProvisionalOut] = Field(
        default=[], examples=[[]], description="Fields that are being corrected, where there are any; changes no verdict and no grade"
    )
    request_id: str = Field(examples=["0f8fad5bd9cb469fa165708677289501"])
    change_held: bool = Field(
        default=False, description="A correction of this license waits for its issuing organ to confirm it; until then it stands as it is"
    )
    valid_at: str | None = Field(default=None, description="The moment asked about, where it is a past one")
    known_at: str | None = Field(default=None, description="The moment whose knowledge answers")


Past = Annotated[AwareDatetime | None, Query(description="A past moment, RFC 3339 with its zone", examples=["2026-11-21T08:00:00Z"])]


async def verify(
    request: Request,
    asked: VerificationIn,
    principal: Annotated[Principal, Depends(may_verify)],
    valid_at: Past = None,
    known_at: Past = None,
) -> Response:
    """Is this certificate genuine, unchanged and in force? Every answer is audited in the transaction that made it.

    `valid_at` asks about a past moment (default `known_at`), `known_at` for the answer as it would have been given then (default now).
    """
    hub = serving(request)
    about = {"identifier": asked.identifier or "", "subject": asked.holder_number or ""}
    async with on_record(request, "verify", actor=principal.client_id, purpose=asked.purpose, case_no=asked.case_no, **about):
        check_granted(principal, asked, hub.hub.catalog)
        moment = past_moment(valid_at, known_at, hub.hub.clock())
    wanted = VerifyRequest(
        actor=principal.client_id,
        payer=principal.client_id,
        request_id=request_id(request),
        identifier=asked.identifier,
        type_id=asked.type,
        number=asked.number,
        holder_number=asked.holder_number,
        claims=asked.claims,
        purpose=asked.purpose,
        case_no=asked.case_no,
    )
    if moment is None:
        answer = await hub.verifications.call(wanted)
    else:
        [answer] = await in_time(as_of, hub.hub, [(wanted, moment)])
    await hub.access.still(principal, answer.epoch)
    if answer.wait:
        raise limited(answer.wait, hub.hub.budgets)
    metrics.verdicts("api", answer.verdict.status, answer.verdict.code).inc()
    message = hub.messages[answer.verdict.code]
    said = dict(body(answer, message, request_id(request)))
    if moment is not None:
        said |= {"valid_at": instant(moment.valid_at), "known_at": instant(moment.known_at)}
    return JSONResponse(said, status_code=message.http_status)


router.add_api_route("/verifications", verify, methods=["POST"], response_model=VerificationOut, openapi_extra=needs("license:verify"))
PLAIN = PlainCall("POST", "/v1/verifications", VerificationIn, may_verify, verify)


def past_moment(valid_at: datetime | None, known_at: datetime | None, now: datetime) -> Moment | None:
    """The moment asked about; None: now. Raises Problem for one that is still to come."""
    if valid_at is None and known_at is None:
        return None
    for name, given in (("valid_at", valid_at), ("known_at", known_at)):
        if given is not None and given > now:
            raise Problem("INVALID_REQUEST", errors=[{"pointer": f"/query/{name}", "rule": "past"}])
    return Moment(valid_at or known_at or now, known_at or now)


def check_granted(principal: Principal, asked: VerificationIn, catalog: Catalog) -> None:
    """Before any look-up, so that a refusal says nothing of what exists. Raises Problem."""
    if asked.type is not None and asked.type not in catalog.license_types:
        raise Problem("INVALID_REQUEST", errors=[{"pointer": "/type", "rule": "unknown_type"}])
    kind = catalog.license_types[asked.type] if asked.type else catalog.type_named(asked.identifier or "")
    if kind is not None and kind.id not in principal.types:
        raise Problem("FORBIDDEN")
    if not reaches(principal.client_id, asked.identifier, filter(None, (asked.holder_number,))):
        raise Problem("TEST_KEY")


def check_type(principal: Principal, identifier: str, catalog: Catalog) -> None:
    """The license type an identifier names must be granted, before any look-up. Raises Problem."""
    kind = catalog.type_named(identifier)
    if kind is None or kind.id not in principal.types:
        raise Problem("FORBIDDEN")


def body(answer: Answer, message: Message, request: str) -> Mapping[str, object]:
    """The answer as VerificationOut; also what the command line prints."""
    told = {
        "status": answer.verdict.status,
        "code": answer.verdict.code,
        "reason": message.sentence,
        "next_step": message.next_step,
        "as_of": instant(answer.verdict.as_of),
        "grade": answer.grade,
        "checked": checked(answer),
        "log": answer.log,
        "mismatched": list(answer.mismatched),
        "request_id": request,
    }
    told |= {"change_held": True} if answer.change_held else {}
    return told | named(answer.provisional)


def named(pending: Sequence[Provisional]) -> dict[str, list[dict[str, str]]]:
    """`provisional`, where there is any."""
    return {"provisional": [{"field": one.field, "until": one.until} for one in pending]} if pending else {}


def instant(at: datetime) -> str:
    """RFC 3339 UTC seconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
