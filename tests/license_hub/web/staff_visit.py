"""People for the tests of staff pages: a browser that keeps cookies, signs in through the real form, and posts forms with their token."""

from __future__ import annotations

import re
from html import unescape

import httpx

from license_hub.service import keep_accounts
from license_hub.service.hub import Hub
from tests.license_hub.sample_hub import credit_code
from tests.support import loops

PASSWORD = "a long sample password"
BODY = credit_code(2, "11")
"""The registering organ of the sample hub's companies."""
OTHER_BODY = credit_code(3, "11")
ROLES = ("quality", "body", "handler", "supervisor", "auditor", "system", "security")


def add_staff(hub: Hub) -> None:
    """One account a role, named like it, and `other`, staff of another body; those a hub of several test modules has stay."""
    with hub.engine.connect() as connection:
        if keep_accounts.find(connection, "other") is not None:
            return
    for role in ROLES:
        keep_accounts.add(hub, role, f"样例{role}", [role], BODY if role in ("body", "handler") else None, PASSWORD, operator="test")
    keep_accounts.add(hub, "other", "样例other", ["body"], OTHER_BODY, PASSWORD, operator="test")


class Browser:
    """Cookies and forms, straight into the application, no scripts."""

    def __init__(self, app, base_url: str = "http://hub"):
        self.app = app
        self.base_url = base_url
        self.cookies = httpx.Cookies()

    def send(self, method: str, path: str, **rest) -> httpx.Response:
        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url=self.base_url, cookies=self.cookies) as client:
                answer = await client.request(method, path, **rest)
                self.cookies = client.cookies
                return answer

        return loops.run(go())

    def get(self, path: str, **rest) -> httpx.Response:
        return self.send("GET", path, **rest)

    def post(self, path: str, page: str = "", **form) -> httpx.Response:
        """The form with the token of `page` (default: the page it posts to)."""
        return self.send("POST", path, data={"csrf": self.token(page or path)} | form)

    def token(self, page: str) -> str:
        return token_of(self.get(page).text)

    def sign_in(self, account: str, password: str = PASSWORD, **more) -> httpx.Response:
        return self.post("/sign-in", account=account, password=password, **more)


def token_of(page: str) -> str:
    return unescape(re.search(r'name="csrf" value="([^"]*)"', page)[1])
