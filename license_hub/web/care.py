"""关怀版: the same pages in larger text, in three steps, kept in a cookie of this browser; links in the header switch, without a script."""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from license_hub.web.ways import back, target

COOKIE = "hub-care"
STEPS = ("标准", "大字", "特大字")
"""Root text of 18, 24 and 30 px (`style.css`). Source: MIIT 适老化通用设计规范, ui.md §2."""
PATH = "/care"
YEAR_S = 365 * 86_400


def step(cookies: str) -> int:
    """Which step a Cookie header asks for; 0 for none and for nonsense."""
    try:
        found = SimpleCookie(cookies).get(COOKIE)
    except CookieError:
        return 0
    return int(found.value) if found is not None and found.value in ("1", "2") else 0


def words(request: Request) -> dict[str, object]:
    """What the frame's template needs: the step, and where the switch leads back to."""
    here = target(request) if request.method == "GET" else request.url.path
    return {"care": step(request.headers.get("cookie", "")), "here": quote(here, safe="")}


def router() -> APIRouter:
    made = APIRouter(include_in_schema=False)

    @made.get(PATH)
    async def switch(step: str = "0", next: str = "") -> Response:
        answer = RedirectResponse(back(next, "/"), status_code=303)
        value = step if step in ("0", "1", "2") else "0"
        answer.set_cookie(COOKIE, value, max_age=YEAR_S, httponly=True, samesite="lax", path="/")
        return answer

    return made
