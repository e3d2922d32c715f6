"""Two small pages beside a case's own: the form's values with where they are from, and what the counter says of the page itself."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from fastapi import Form as Field
from fastapi.responses import Response

from license_hub.api.patience import in_time
from license_hub.api.problem import Problem
from license_hub.api.serving import request_id
from license_hub.errors import CaseNotOpen, CaseRefused, NoSuchCase, OverBudget
from license_hub.service.note_act import note
from license_hub.service.prefill import prefill
from license_hub.service.rate_page import rate
from license_hub.web.desk import Desk, number_of, operator, to_case
from license_hub.web.desk_case import CASE, drawn, matter_of, view
from license_hub.web.pages import msgid

UNRATED = msgid("请选择 1 到 5 分；文字不超过 200 字，不要写姓名和号码。")


def router(desk: Desk) -> APIRouter:
    made = APIRouter()

    @made.post(CASE + "/prefill")
    async def values(request: Request, case: str) -> Response:
        """By POST: each look at a source is on record."""
        principal, case_id = await desk.paying(request), number_of(case)
        about = await in_time(view, desk, principal, case_id)
        who = {"principal": principal, "request_id": request_id(request), "operator": operator(request)}
        told = {"purpose": f"prefill {case_id}", "case_no": about.case.case_no}
        await in_time(note, desk.hub, request_id(request), operator(request), "desk", told)
        try:
            found = await in_time(prefill, desk.hub, case_id, **who)
        except NoSuchCase:
            raise Problem("NO_SUCH_RESOURCE") from None
        except OverBudget as fault:
            raise await desk.spent(request, principal, fault) from None
        except CaseNotOpen:
            raise Problem("CASE_NOT_OPEN") from None
        return desk.render(request, "desk_prefill.html", case=about.case, matter=matter_of(desk, about.case), filled=found)

    @made.post("/desk/ratings")
    async def rated(
        request: Request, case: Annotated[str, Field()] = "", score: Annotated[str, Field()] = "", words: Annotated[str, Field()] = ""
    ) -> Response:
        principal, case_id = await desk.paying(request), number_of(case)
        about = await in_time(view, desk, principal, case_id)
        try:
            given = int(score) if score.isascii() and score.isdigit() and len(score) == 1 else 0
            await in_time(rate, desk.hub, request.state.visit.account.body, "desk-case", given, words.strip().replace("\r\n", "　"))
        except CaseRefused:
            return await in_time(drawn, desk, request, about, wrong=UNRATED, status=422)
        return to_case(case_id, "rated")

    return made
