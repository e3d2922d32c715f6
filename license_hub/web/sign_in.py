"""Sign-in, sign-out and the visitor's own page. Names and passwords travel in the body only and are never shown again."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from anyio import CapacityLimiter
from fastapi import APIRouter, Request
from fastapi import Form as Field
from fastapi.responses import RedirectResponse, Response

from license_hub.api.patience import TooSlow, seated
from license_hub.api.problem import Problem
from license_hub.api.serving import request_id
from license_hub.errors import SignInRefused, SignInThrottled
from license_hub.service.keep_accounts import Account
from license_hub.service.passwords import AT_ONCE, Crowded
from license_hub.service.sign_in import Attempt, sign_in, sign_out
from license_hub.web.address import Network, address_of
from license_hub.web.door import SIGN_IN, Door, Visit
from license_hub.web.pages import msgid
from license_hub.web.staff import Pages
from license_hub.web.ways import back

ACCOUNT = "/staff"
WRONG = msgid("账号或密码不对。")
CROWDED = msgid("现在登录的人很多，请稍后再试。")


def router(form: Form, pages: Pages) -> APIRouter:
    made = APIRouter()
    made.add_api_route(SIGN_IN, form.show, methods=["GET"])
    made.add_api_route(SIGN_IN, form.enter, methods=["POST"])
    made.add_api_route("/sign-out", form.leave, methods=["POST"])

    @made.get(ACCOUNT)
    def account(request: Request) -> Response:
        return pages.render(request, "account.html")

    return made


class Form:
    """The sign-in form. `local`: with fields for name and password; `provider`: with the way to the identity provider."""

    def __init__(self, door: Door, pages: Pages, *, local: bool, provider: bool, proxies: Sequence[Network] = ()):
        self._door = door
        self._pages = pages
        self._shows = {"local": local, "provider": provider}
        self._proxies = proxies
        # Who waits for a password to be looked at holds no thread: those who are in need them.
        self._seats = CapacityLimiter(AT_ONCE)

    def show(self, request: Request, next: str = "") -> Response:
        if request.state.visit.account is not None:
            return RedirectResponse(back(next, self.home(request.state.visit.account)), status_code=303)
        return self.shown(request, next, "")

    async def enter(self, request: Request, account: str = Field(""), password: str = Field(""), next: str = Field("")) -> Response:
        if not self._shows["local"]:
            raise Problem("FORBIDDEN")
        address = address_of(request, self._proxies)
        former = request.state.visit.cookie
        attempt = Attempt(account.strip().lower()[:64], password, address, request_id(request), former)
        try:
            cookie, who = await seated(self._seats, sign_in, self._door.hub, attempt, self._door.limits)
        except SignInThrottled as refusal:
            minutes = -(-refusal.seconds // 60)
            return self.shown(request, next, msgid("失败次数过多，请在 %(minutes)s 分钟后再试。"), status=429, minutes=minutes)
        except SignInRefused:
            return self.shown(request, next, WRONG, status=403)
        except (Crowded, TooSlow):
            return self.shown(request, next, CROWDED, status=503)
        answer = RedirectResponse(back(next, self.home(who)), status_code=303)
        self._door.set_cookie(answer, self._door.cookie, cookie)
        self._door.drop_cookie(answer, self._door.visitor_cookie)
        return answer

    def home(self, account: Account) -> str:
        """The first page of the bar, for this person."""
        listed = self._pages.listed(account)
        return listed[0][0] if listed else ACCOUNT

    def leave(self, request: Request) -> Response:
        visit: Visit = request.state.visit
        sign_out(self._door.hub, visit.cookie, visit.account.account, request_id(request))
        answer = RedirectResponse(SIGN_IN, status_code=303)
        self._door.drop_cookie(answer, self._door.cookie)
        return answer

    def shown(self, request: Request, next: str, wrong: str, status: int = 200, **words: object) -> Response:
        """The form; its token hangs on a cookie of this browser, which is made with the first form."""
        fresh = "" if request.cookies.get(self._door.visitor_cookie) else secrets.token_urlsafe(24)
        if fresh:
            request.cookies[self._door.visitor_cookie] = fresh
        answer = self._pages.render(request, "sign_in.html", status=status, wrong=wrong, words=words, next=back(next, ""), **self._shows)
        if fresh:
            self._door.set_cookie(answer, self._door.visitor_cookie, fresh)
        return answer
