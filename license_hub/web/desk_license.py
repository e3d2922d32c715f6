"""照面: a license on an open case, masked, under a watermark that names who looks, for which case, when.

By POST: each look is on record, and a link from elsewhere causes none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import Response

from license_hub.api.licenses import not_usable
from license_hub.api.patience import in_time
from license_hub.api.problem import Problem
from license_hub.api.serving import refused, request_id
from license_hub.domain.verdict import Verdict
from license_hub.errors import CaseNotOpen, NotAuthorized
from license_hub.service.authenticate import Principal
from license_hub.service.hub import Hub
from license_hub.service.note_act import note
from license_hub.service.read import SCOPE, ReadRequest, read
from license_hub.service.say_word import relied_on
from license_hub.storage.cases import Case
from license_hub.web.desk import Desk, number_of, operator
from license_hub.web.desk_case import CASE, View, drawn, view
from license_hub.web.pages import shown as at
from license_hub.web.pages import titled

MARKS = 300
"""How often the watermark repeats: enough for the longest face in the largest text; the rest is cut off."""
CODES = frozenset({"ZZLXDM", "ZZBFJGDM", "CZZTDMLXDM", "SSGXQH", "ZZMC"})
"""What machines need of a license: of no use at a counter."""


@dataclass(frozen=True)
class Face:
    identifier: str
    type_id: str | None
    fields: Mapping[str, str]
    """By short name, masked."""
    verdict: Verdict
    grade: str | None
    scanned: bool = False
    """Shown by its holder just now."""


def router(desk: Desk) -> APIRouter:
    made = APIRouter()

    @made.post(CASE + "/licenses/{identifier}")
    async def look(request: Request, case: str, identifier: str) -> Response:
        principal, case_id = await desk.paying(request, SCOPE), number_of(case)
        found = await in_time(view, desk, principal, case_id)
        if identifier not in candidates(found):
            raise Problem("NO_SUCH_RESOURCE")
        about = (desk.hub, request_id(request), operator(request))
        try:
            await in_time(note, *about, "desk", {"purpose": f"face {case_id}", "case_no": found.case.case_no})
            face = await in_time(content, desk.hub, principal, found.case, identifier, operator(request), request_id(request))
        except (NotAuthorized, CaseNotOpen) as fault:
            code = not_usable(fault).code
            await refused(request, "read", code, actor=principal.client_id, case_no=found.case.case_no, identifier=identifier)
            return await in_time(_refused, desk, request, found, code)
        return await in_time(shown, desk, request, found, face)

    return made


def candidates(found: View) -> set[str]:
    """Licenses the last decision relied on, or could have."""
    told = [one for one in (found.told or {"materials": ()})["materials"] if relied_on(one)]
    return {relied_on(one) for one in told} | {other for one in told for other in one["evidence"]["others"]}


def content(hub: Hub, principal: Principal, case: Case, identifier: str, who: str, request_no: str) -> Face:
    """The one place where these pages read a license's content. Raises NotAuthorized, CaseNotOpen."""
    found = read(hub, ReadRequest(principal, identifier, case.matter, case.case_no, request_no, who))
    return Face(found.identifier, found.type_id, found.fields, found.verdict, found.grade)


def shown(desk: Desk, request: Request, found: View, face: Face) -> Response:
    """The case's page with the face on it."""
    now = at(desk.hub.now())
    fields = [(titled(name), value) for name, value in face.fields.items() if name not in CODES]
    mark = f"{request.state.visit.account.name} {operator(request)} {found.case.case_no} {now}　　" * MARKS
    told = {"face": face, "fields": fields, "mark": mark, "message": desk.hub.catalog.messages[face.verdict.code], "at": now}
    return drawn(desk, request, found, looked=told)


def _refused(desk: Desk, request: Request, found: View, code: str) -> Response:
    message = desk.hub.catalog.messages[code]
    return drawn(desk, request, found, wrong=f"{message.sentence}{message.next_step}", status=409)
