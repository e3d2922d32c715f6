"""How holders get to /me: off to the identity provider of their region, and back. Without one the page says how to be served offline."""

from __future__ import annotations

import secrets
from urllib.parse import quote, unquote

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from license_hub.api.patience import in_time
from license_hub.api.problem import Problem
from license_hub.api.serving import request_id
from license_hub.errors import ProviderRefused
from license_hub.service.ask_provider import Attempt, Provider
from license_hub.service.holder_sign_in import sign_in, sign_out
from license_hub.web.holder_door import HOME, SIGN_IN, HolderDoor, HolderPages
from license_hub.web.ways import back

BACK = f"{SIGN_IN}/back"
UNDER_WAY_S = 600


def router(door: HolderDoor, pages: HolderPages, provider: Provider | None, number_claim: str) -> APIRouter:
    made = APIRouter()
    way = Way(door, pages, provider, number_claim)
    made.add_api_route(SIGN_IN, way.show, methods=["GET"])
    made.add_api_route(f"{SIGN_IN}/start", way.start, methods=["GET"])
    made.add_api_route(BACK, way.returned, methods=["GET"])
    made.add_api_route("/me/sign-out", way.leave, methods=["POST"])
    return made


class Way:
    """The way in and out. `provider` None: there is none, and the page says so."""

    def __init__(self, door: HolderDoor, pages: HolderPages, provider: Provider | None, number_claim: str):
        self._door = door
        self._pages = pages
        self._provider = provider
        self._number_claim = number_claim
        self._cookie = f"{door.cookie}-provider"

    def show(self, request: Request, next: str = "") -> Response:
        if request.state.holder.person is not None:
            return RedirectResponse(back(next, HOME), status_code=303)
        return self._shown(request, next)

    async def start(self, request: Request, next: str = "") -> Response:
        if self._provider is None:
            raise Problem("NO_SUCH_RESOURCE")
        attempt = Attempt(secrets.token_urlsafe(32))
        try:
            answer = RedirectResponse(await in_time(self._provider.start, attempt), status_code=303)
        except ProviderRefused:
            return self._shown(request, next, wrong=True, status=502)
        self._door.set_cookie(answer, self._cookie, f"{attempt.secret}.{quote(back(next, HOME), safe='')}", max_age=UNDER_WAY_S)
        return answer

    async def returned(self, request: Request) -> Response:
        secret, _, wanted = request.cookies.get(self._cookie, "").partition(".")
        if self._provider is None or not secret:
            return self._shown(request, "", wrong=True, status=403)
        former = request.state.holder.cookie
        given = (Attempt(secret), dict(request.query_params), request_id(request), former, self._door.limits)
        try:
            session = await in_time(sign_in, self._door.hub, self._provider, self._number_claim, *given)
        except ProviderRefused:
            answer = self._shown(request, unquote(wanted), wrong=True, status=403)
        else:
            answer = RedirectResponse(back(unquote(wanted), HOME), status_code=303)
            self._door.set_cookie(answer, self._door.cookie, session)
        self._door.drop_cookie(answer, self._cookie)
        return answer

    def leave(self, request: Request) -> Response:
        visit = request.state.holder
        sign_out(self._door.hub, visit.cookie, visit.person, request_id(request))
        answer = RedirectResponse(SIGN_IN, status_code=303)
        self._door.drop_cookie(answer, self._door.cookie)
        return answer

    def _shown(self, request: Request, next: str, *, wrong: bool = False, status: int = 200) -> Response:
        given = {"next": back(next, HOME), "provider": self._provider is not None, "wrong": wrong}
        return self._pages.render(request, "me_sign_in.html", status=status, **given)
