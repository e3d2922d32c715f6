"""Sign-in at the identity provider: off to it, and back with a code. Without one configured there are no such pages."""

from __future__ import annotations

import secrets
from urllib.parse import quote, unquote

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from license_hub.api.patience import in_time
from license_hub.api.problem import Problem
from license_hub.api.serving import request_id
from license_hub.errors import ProviderRefused, SignInRefused
from license_hub.service.ask_provider import Attempt, Provider
from license_hub.service.sign_in_by_provider import sign_in
from license_hub.web.door import Door
from license_hub.web.pages import msgid
from license_hub.web.sign_in import Form
from license_hub.web.ways import back

START, BACK = "/sign-in/provider", "/sign-in/provider/back"
UNDER_WAY_S = 600
NOT_NOW = msgid("统一身份认证没有完成，请重新登录。")
NO_ROLE = msgid("您的账号在本系统没有可用的角色，请联系本单位系统管理员。")


def router(door: Door, form: Form, provider: Provider | None) -> APIRouter:
    made = APIRouter()
    cookie = f"{door.cookie}-provider"

    @made.get(START)
    async def start(request: Request, next: str = "") -> Response:
        attempt = Attempt(secrets.token_urlsafe(32))
        try:
            answer = RedirectResponse(await in_time(there(provider).start, attempt), status_code=303)
        except ProviderRefused:
            return form.shown(request, next, NOT_NOW, status=502)
        door.set_cookie(answer, cookie, f"{attempt.secret}.{quote(back(next, ''), safe='')}", max_age=UNDER_WAY_S)
        return answer

    @made.get(BACK)
    async def returned(request: Request) -> Response:
        secret, _, wanted = request.cookies.get(cookie, "").partition(".")
        answer, former = dict(request.query_params), request.state.visit.cookie
        try:
            if not secret:
                raise ProviderRefused("this browser has begun no sign-in")
            given = (door.hub, there(provider), Attempt(secret), answer, request_id(request), former, door.limits)
            session, who = await in_time(sign_in, *given)
        except SignInRefused as refusal:
            wrong = NOT_NOW if isinstance(refusal, ProviderRefused) else NO_ROLE
            refused = form.shown(request, unquote(wanted), wrong, status=403)
            door.drop_cookie(refused, cookie)
            return refused
        going = RedirectResponse(back(unquote(wanted), form.home(who)), status_code=303)
        door.set_cookie(going, door.cookie, session)
        door.drop_cookie(going, cookie)
        door.drop_cookie(going, door.visitor_cookie)
        return going

    return made


def there(provider: Provider | None) -> Provider:
    """Raises Problem where none is configured."""
    if provider is None:
        raise Problem("NO_SUCH_RESOURCE")
    return provider
