"""Sign-in, sign-out and the visitor's own page. Names and passwords travel in the body only and are never shown again."""

from __future__ import annotations

import secrets

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from license_hub.api.patience import in_time
from license_hub.api.serving import request_id
from license_hub.errors import SignInRefused, SignInThrottled
from license_hub.service.passwords import Crowded
from license_hub.service.sign_in import Attempt, sign_in, sign_out
from license_hub.web.door import SIGN_IN, Door, Visit, back
from license_hub.web.pages import msgid
from license_hub.web.staff import Pages

HOME = "/me"
WRONG = msgid("账号或密码不对。")
CROWDED = msgid("现在登录的人很多，请稍后再试。")


def router(door: Door, pages: Pages) -> APIRouter:
    """Templates read once; the account's page stands for a home until there are others."""
    form = _Form(door, pages)
    made = APIRouter()
    made.add_api_route(SIGN_IN, form.show, methods=["GET"])
    made.add_api_route(SIGN_IN, form.enter, methods=["POST"])
    made.add_api_route("/sign-out", form.leave, methods=["POST"])

    @made.get(HOME)
    def me(request: Request) -> Response:
        return pages.render(request, "me.html")

    return made


class _Form:
    def __init__(self, door: Door, pages: Pages):
        self._door = door
        self._pages = pages

    def show(self, request: Request, next: str = "") -> Response:
        if request.state.visit.account is not None:
            return RedirectResponse(back(next, HOME), status_code=303)
        return self._shown(request, next, "")

    async def enter(self, request: Request, account: str = Form(""), password: str = Form(""), next: str = Form("")) -> Response:
        address = request.client.host if request.client else ""
        former = request.state.visit.cookie
        attempt = Attempt(account.strip().lower()[:64], password, address, request_id(request), former)
        try:
            cookie, _who = await in_time(sign_in, self._door.hub, attempt, self._door.limits)
        except SignInThrottled as refusal:
            minutes = -(-refusal.seconds // 60)
            return self._shown(request, next, msgid("失败次数过多，请在 %(minutes)s 分钟后再试。"), status=429, minutes=minutes)
        except SignInRefused:
            return self._shown(request, next, WRONG, status=403)
        except Crowded:
            return self._shown(request, next, CROWDED, status=503)
        answer = RedirectResponse(back(next, HOME), status_code=303)
        self._door.set_cookie(answer, self._door.cookie, cookie)
        self._door.drop_cookie(answer, self._door.visitor_cookie)
        return answer

    def leave(self, request: Request) -> Response:
        visit: Visit = request.state.visit
        sign_out(self._door.hub, visit.cookie, visit.account.account, request_id(request))
        answer = RedirectResponse(SIGN_IN, status_code=303)
        self._door.drop_cookie(answer, self._door.cookie)
        return answer

    def _shown(self, request: Request, next: str, wrong: str, status: int = 200, **words: object) -> Response:
        """The form; its token hangs on a cookie of this browser, which is made with the first form."""
        fresh = "" if request.cookies.get(self._door.visitor_cookie) else secrets.token_urlsafe(24)
        if fresh:
            request.cookies[self._door.visitor_cookie] = fresh
        answer = self._pages.render(request, "sign_in.html", status=status, wrong=wrong, words=words, next=back(next, ""))
        if fresh:
            self._door.set_cookie(answer, self._door.visitor_cookie, fresh)
        return answer
