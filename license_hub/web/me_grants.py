"""/me/grants: what the holder authorised, and what waits for an answer: give, decline, limit, withdraw."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from fastapi import Form as Field
from fastapi.responses import RedirectResponse, Response

from license_hub.api.problem import Problem
from license_hub.api.serving import request_id
from license_hub.errors import ConsentRefused
from license_hub.service import holder_consent
from license_hub.service.hub import Hub
from license_hub.web.holder_door import HolderPages
from license_hub.web.me_words import Words
from license_hub.web.pages import msgid

GRANTS = "/me/grants"
DAYS = (7, 30, 180, 365)
"""Ends the page offers."""
ACTS = ("give", "decline", "limit", "withdraw")


def router(hub: Hub, pages: HolderPages) -> APIRouter:
    made = APIRouter()
    words = Words(hub)

    def drawn(request: Request, wrong: str = "", status: int = 200) -> Response:
        found = holder_consent.mine(hub, request.state.holder.person.number)
        return pages.render(request, "me_grants.html", status=status, grants=found, words=words, days=DAYS, wrong=wrong)

    @made.get(GRANTS)
    def grants(request: Request) -> Response:
        return drawn(request)

    @made.post(GRANTS + "/{authorization}")
    def act(
        request: Request, authorization: str, act: Annotated[str, Field()] = "", days: Annotated[int, Field(ge=0, le=366)] = 0
    ) -> Response:
        if act not in ACTS:
            raise Problem("INVALID_REQUEST")
        try:
            done(hub, request, authorization, act, days)
        except ConsentRefused as refused:
            late = refused.pointer == "/days"
            wrong = msgid("新的期限要早于现在的期限。") if late else msgid("这项授权已经变化，请看现在的情况。")
            return drawn(request, wrong, 409)
        return RedirectResponse(GRANTS, status_code=303)

    return made


def done(hub: Hub, request: Request, name: str, act: str, days: int) -> None:
    """Raises ConsentRefused."""
    given, about = (hub, request.state.holder.person.number, name), request_id(request)
    if act in ("give", "decline"):
        holder_consent.answer(*given, yes=act == "give", days=days if act == "give" else 0, request_id=about)
    elif act == "limit":
        holder_consent.limit(*given, days, about)
    else:
        holder_consent.withdraw(*given, about)
