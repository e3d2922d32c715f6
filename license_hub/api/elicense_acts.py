"""What several services of the facade do: look, copy, compare, each in the hub's own verb, and refuse what is missing or out of place."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from license_hub.domain.holder import CODE_TYPES, well_formed
from license_hub.domain.lifecycle import SHANGHAI
from license_hub.domain.verdict import Status, Verdict
from license_hub.service import copies, search_held
from license_hub.service.make_copy import MOST_DAYS, CopyRequest, Made, make_copy
from license_hub.service.read import MaskedLicense, ReadRequest, read

from . import elicense_asked as asked
from . import metrics
from .elicense_call import PRINTED_CAUSE, Call, Refused
from .patience import in_time, seated

if TYPE_CHECKING:
    from catalogs.license_type import LicenseType

DAYS = 30
"""How long a copy counts where the caller says nothing."""


async def searched(call: Call, given: asked.Held) -> list[search_held.Row]:
    """At least one row. Raises Refused."""
    if not given.holderCode:
        raise Refused("INVALID_REQUEST", 110)
    if given.holderTypeCode not in CODE_TYPES or not well_formed(given.holderCode, given.holderTypeCode):
        raise Refused("INVALID_REQUEST", 103)
    kind = call.known(given.certTypeCode)
    call.reach(None, given.holderCode)
    wanted = search_held.Search(
        call.principal, given.holderCode, given.holderTypeCode, kind.id, call.cause, call.case_no, given.certNo, call.request_id
    )  # fmt: skip
    rows = await in_time(search_held.search, call.hub.hub, wanted)
    if not rows:
        raise Refused("NO_SUCH_RESOURCE", recorded=True)
    return rows


def named(call: Call, identifier: str) -> str:
    """Raises Refused."""
    if not identifier:
        raise Refused("INVALID_REQUEST", about="certIdentifier")
    call.reach(identifier)
    return identifier


async def in_force(call: Call, identifier: str) -> MaskedLicense:
    """A license in force. Raises Refused."""
    wanted = ReadRequest(call.principal, named(call, identifier), call.cause, call.case_no, call.request_id)
    found = await in_time(read, call.hub.hub, wanted)
    if found.epoch:
        await call.hub.access.still(call.principal, found.epoch)
    metrics.verdicts("elicense", found.verdict.status, found.verdict.code).inc()
    if found.verdict.status is not Status.VALID:
        raise Refused(found.verdict.code, recorded=True)
    return found


async def copied(call: Call, identifier: str, ends: str = "", field: str = "", purpose: str = "") -> Made:
    days = _days(call, ends, field) if ends else DAYS
    printed = (purpose or call.purpose)[:PRINTED_CAUSE]
    wanted = CopyRequest(call.principal, identifier, printed, call.case_no, days, request_id=call.request_id)
    return await seated(call.hub.seats, make_copy, call.hub.hub, wanted)


def _days(call: Call, ends: str, field: str) -> int:
    """Days until `yyyyMMddHHmmss` in Shanghai. Raises Refused."""
    try:
        until = datetime.strptime(ends, "%Y%m%d%H%M%S").replace(tzinfo=SHANGHAI)
    except ValueError:
        raise Refused("INVALID_REQUEST", about=field) from None
    days = (until - call.hub.hub.now()) // timedelta(days=1)
    if not 1 <= days <= MOST_DAYS:
        raise Refused("INVALID_REQUEST", about=field)
    return days


def address(call: Call, identifier: str, made: Made) -> dict[str, object]:
    return {
        "certIdentifier": identifier,
        "contentType": made.media_type,
        "content": f"{call.hub.hub.public_url}/v1/downloads/{made.secret}",
    }


def file_of(identifier: str | None, file: copies.File) -> dict[str, object]:
    content = base64.b64encode(file.data).decode()
    return {"certIdentifier": identifier, "contentType": file.media_type, "encoding": "base64", "content": content}


def complete(call: Call, given: asked.Information) -> LicenseType:
    """The type, where nothing is missing. Raises Refused with result 6."""
    for name, status in (("certNo", 109), ("holderCode", 110), ("holder", 111)):
        if given.certTypeCode and not given.text(name):
            raise Refused("INVALID_REQUEST", status, data=told(call, 6))
    if not given.certTypeCode:
        raise Refused("INVALID_REQUEST", about="certTypeCode", data=told(call, 6))
    return call.known(given.certTypeCode)


def result(call: Call, verdict: Verdict) -> dict[str, object]:
    metrics.verdicts("elicense", verdict.status, verdict.code).inc()
    return told(call, call.hub.hub.catalog.elicense.verdicts[verdict.code].result)


def told(call: Call, result: int) -> dict[str, object]:
    return {"result": result, "message": call.hub.hub.catalog.elicense.results[result]}
