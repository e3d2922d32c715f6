"""A call of the GB/T 36906-style facade from its head to its answer: who calls, on which case, and every refusal as a status code.

- `{head: {accessId, accessToken}, data: {…, useCause}}` in, `{head: {status, message}, data}` out, always HTTP 200. What the interface has
  no code for (too many calls, an outage, a body that is no such JSON) is a problem (RFC 9457) with its HTTP status, as everywhere.
- `useCause` begins with the number of an open case of the caller, then a space and what more there is to say. The two verify services
  take any cause.
- The codes and texts are `catalogs/elicense.yaml`. Nothing of a caller's input is repeated but the names of fields.

Source: standards.md §1.6 (a); DECISIONS 64.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from license_hub.errors import (
    AccessError,
    BundleDamaged,
    BundleErased,
    BundleUnavailable,
    CaseNotOpen,
    CodeRefused,
    CopyFault,
    CopyRefused,
    DownloadGone,
    NotAuthenticated,
    NotAuthorized,
    OverBudget,
)
from license_hub.service.sample_data import reaches
from license_hub.service.search_held import named_case

from . import logs
from .access import ACTIONS, within_budget
from .budget import limited
from .licenses import not_usable
from .patience import in_time
from .problem import Problem
from .serving import Serving, refused, request_id, serving

if TYPE_CHECKING:
    from catalogs.license_type import LicenseType
    from license_hub.service.authenticate import Principal

MOST_CAUSE = 200
"""Characters of useCause."""
PRINTED_CAUSE = 100
"""Characters of it that a copy shows."""


class Head(BaseModel):
    accessId: str = Field(default="", examples=["3f2b8c1e-5d0a-4c5e-9a57-0f8e2d7b6a11"], description="Client id")
    accessToken: str = Field(default="", examples=["eyJhbGciOiJFZERTQSIs…"], description="From `token`, ten minutes")


class Data(BaseModel):
    """What every service but `token` is told."""

    model_config = ConfigDict(extra="ignore")

    useCause: str = Field(
        default="", examples=["990101-2026-000123 公租房申请"], description="The open case's number, a space, the purpose; ≤ 200 characters"
    )


class Said(BaseModel):
    status: int = Field(examples=[0])
    message: str = Field(examples=["成功"])


class Refused(Exception):
    """A refusal of the call. `code` is that of the record and of `catalogs/elicense.yaml`; `status` where the code alone does not say;
    `about` the field it is about; `recorded`: the service that found it has it on record.
    """

    def __init__(self, code: str, status: int | None = None, about: str = "", data: object = None, recorded: bool = False):
        super().__init__(code)
        self.code, self.status, self.about, self.data, self.recorded = code, status, about, data, recorded


@dataclass(frozen=True)
class Call:
    """A caller who may, and what for."""

    hub: Serving
    principal: Principal
    request_id: str
    cause: str
    case_no: str = ""
    purpose: str = ""
    """The cause without the case's number; without words the matter's title."""

    def known(self, type_code: str) -> LicenseType:
        """The type of that code, granted to the caller. Raises Refused."""
        if not type_code:
            raise Refused("INVALID_REQUEST", about="certTypeCode")
        kind = next((one for one in self.hub.hub.catalog.license_types.values() if one.type_code == type_code), None)
        if kind is None:
            raise Refused("INVALID_REQUEST", 13)
        if kind.id not in self.principal.types:
            raise Refused("FORBIDDEN")
        return kind

    def reach(self, identifier: str | None = None, *numbers: str) -> None:
        """Test clients ask about sample data alone. Raises Refused."""
        if not reaches(self.principal.client_id, identifier, numbers):
            raise Refused("TEST_KEY")


Act = Callable[[Call], Awaitable[object]]


async def answered(request: Request, head: Head, data: Data, act: Act, scope: str, *, on_case: bool = True, action: str = "") -> Response:
    """The answer of `act`, or why there is none. `scope`: what the caller's registration must allow; `on_case`: whether useCause must name
    an open case.
    """
    hub, action = serving(request), action or ACTIONS[scope]
    known: dict[str, str] = {}
    try:
        principal = await _caller(hub, head)
        known["actor"] = principal.client_id
        await within_budget(request, principal)
        told = await _on_case(request, principal, data, act, scope, on_case, known)
    except Refused as found:
        refusal = found
    except OverBudget as fault:
        raise limited(fault.seconds, hub.hub.budgets) from None
    except (AccessError, BundleUnavailable, CaseNotOpen) as fault:
        refusal = Refused(code_of(fault))
    else:
        return said(hub, 0, "", told)
    if not refusal.recorded:
        await refused(request, action, refusal.code, **known)
    if refusal.code == UNPRINTABLE:
        raise Problem(UNPRINTABLE)
    return said(hub, refusal.status, refusal.code, refusal.data, refusal.about)


UNPRINTABLE = "COPY_UNAVAILABLE"
"""No copy can be made now: an outage, for which the interface has no code."""
_WHY = {BundleErased: "ERASED", BundleDamaged: "PROOF_BAD", DownloadGone: "DOWNLOAD_GONE", CopyFault: UNPRINTABLE,
        NotAuthenticated: "UNAUTHENTICATED"}  # fmt: skip


def code_of(fault: AccessError | BundleUnavailable | CaseNotOpen) -> str:
    """Why what was asked for is not given, as a code of the record. Raises the fault itself where it is none of a caller's."""
    if isinstance(fault, CopyRefused):
        return fault.verdict
    if isinstance(fault, CodeRefused):
        return fault.problem
    if isinstance(fault, (NotAuthorized, CaseNotOpen)):
        return not_usable(fault).code
    found = next((code for kind, code in _WHY.items() if isinstance(fault, kind)), None)
    if found is None and not isinstance(fault, BundleUnavailable):
        raise fault
    return found or "NO_SUCH_RESOURCE"


async def _caller(hub: Serving, head: Head) -> Principal:
    """Raises Refused: 11 for whatever is wrong with the two."""
    try:
        principal = await hub.plain_access.known_or_checked(head.accessToken)
    except Problem as refusal:
        raise Refused(refusal.code) from None
    if principal.client_id != head.accessId:
        raise Refused("UNAUTHENTICATED")
    return principal


async def _on_case(
    request: Request, principal: Principal, data: Data, act: Act, scope: str, on_case: bool, known: dict[str, str]
) -> object:
    if scope not in principal.scopes:
        raise Refused("FORBIDDEN", 2)
    cause = data.useCause.strip()
    if not cause or len(cause) > MOST_CAUSE or logs.UNSAFE.search(cause):
        raise Refused("INVALID_REQUEST", about="useCause")
    known["purpose"] = cause
    hub = serving(request)
    if not on_case:
        return await act(Call(hub, principal, request_id(request), cause))
    case_no, *words = cause.split(maxsplit=1)
    known["case_no"] = case_no
    case = await in_time(named_case, hub.hub, principal, case_no)
    purpose = (words[0] if words else hub.hub.catalog.matters[case.matter].title)[:PRINTED_CAUSE]
    return await act(Call(hub, principal, request_id(request), cause, case_no, purpose))


def said(hub: Serving, status: int | None, code: str, data: object, about: str = "") -> Response:
    """The envelope. The same status and code give the same bytes, whatever there is (T10)."""
    words = hub.hub.catalog.elicense
    outcome = words.outcome(code) if code else None
    if status is None:
        status = outcome.status
    message = words.statuses[status]
    message += f"：{about}" if about else ""
    if outcome is not None and outcome.tell:
        message += f"。{hub.messages[code].sentence}"
    return JSONResponse({"head": {"status": status, "message": message}, "data": data})
