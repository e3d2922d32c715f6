"""What the counter says and does at a case's end: rely on an exemption or not, close the case."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi import Form as Field
from fastapi.responses import Response

from license_hub.api.patience import in_time
from license_hub.api.problem import Problem
from license_hub.api.serving import request_id
from license_hub.errors import BundleErased, CaseNotOpen, DoubtRefused, KeyReused, NoSuchCase, NotAuthorized, NoticeRefused
from license_hub.service.authenticate import Principal
from license_hub.service.close_case import RESULTS, close_case
from license_hub.service.say_word import ACCEPTED, REFUSED, Doubt, accept, refuse
from license_hub.web.desk import Desk, number_of, operator, to_case
from license_hub.web.desk_case import CASE, drawn, view
from license_hub.web.me_object import usable
from license_hub.web.pages import msgid

UNSAID = msgid("请选择不采信的原因和有误的项目，并说明哪里不对。")
STUCK = msgid("登记单位现在不能受理这项校核，或本单位对这份证照的校核申请还没有答复。请按所列方式联系登记单位。")
SAID = ("/reason", "/comment", "/fields")
"""What the form asks for."""
CLOSED = msgid("办件已经关闭，不能再办理。")


def router(desk: Desk) -> APIRouter:
    made = APIRouter()

    @made.post(CASE + "/materials/{material}")
    async def word(request: Request, case: str, material: str) -> Response:
        principal, case_id = await desk.paying(request), number_of(case)
        filled = await request.form(max_files=0, max_fields=60)
        given = {name: str(filled.get(name, "")).strip() for name in ("word", "reason", "comment", "once")}
        why = Doubt(tuple(str(one) for one in filled.getlist("fields")), given["reason"], given["comment"])
        try:
            done = await in_time(_say, desk, request, principal, (case_id, material[:64]), given, why)
        except NoSuchCase:
            raise Problem("NO_SUCH_RESOURCE") from None
        except (NoticeRefused, KeyReused) as fault:
            said = isinstance(fault, NoticeRefused) and fault.pointer not in SAID
            return await in_time(_again, desk, request, case_id, STUCK if said else UNSAID, 422)
        except (CaseNotOpen, BundleErased, NotAuthorized):
            return await in_time(_again, desk, request, case_id, msgid("现在不能办理：办件已经关闭，或证照内容已经删除。"), 409)
        return to_case(case_id, done)

    @made.post(CASE + "/close")
    async def close(request: Request, case: str, result: Annotated[str, Field()] = "") -> Response:
        principal, case_id = await desk.paying(request), number_of(case)
        if result not in RESULTS:
            raise Problem("INVALID_REQUEST")
        once = desk.once(principal, f"POST /desk/cases/{case_id}/close", "")
        try:
            await in_time(close_case, desk.hub, case_id, result, principal=principal, request_id=request_id(request), once=once)
        except NoSuchCase:
            raise Problem("NO_SUCH_RESOURCE") from None
        except CaseNotOpen:
            return await in_time(_again, desk, request, case_id, CLOSED, 409)
        return to_case(case_id, "closed")

    return made


def _say(desk: Desk, request: Request, principal: Principal, of: tuple[int, str], given: Mapping[str, str], why: Doubt) -> str:
    """What was done, for the page. `of`: case and material. Raises HubError."""
    about, who = (desk.hub, principal, *of), (operator(request), request_id(request))
    if given["word"] == ACCEPTED:
        accept(*about, *who)
        return ACCEPTED
    if not usable(why.comment):
        raise DoubtRefused("/comment", "required", "in words")
    once = desk.once(principal, f"POST /desk/cases/{of[0]}/materials/{of[1]}", given["once"], repr(why))
    return "corrected" if refuse(*about, why, *who, once) else REFUSED


def _again(desk: Desk, request: Request, case_id: int, wrong: str, status: int) -> Response:
    return drawn(desk, request, view(desk, desk.acting(request), case_id), wrong=wrong, status=status)
