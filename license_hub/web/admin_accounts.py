"""`/admin/accounts`: who signs in to the staff pages. Disabled here by whoever runs the hub; made and given roles by `hub accounts`.

Nobody shuts out who limits or audits him: accounts of security and of audit are disabled at the command line alone.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from fastapi import Form as Field
from fastapi.responses import RedirectResponse, Response

from license_hub.api.problem import Problem
from license_hub.api.serving import refused
from license_hub.errors import AccessError
from license_hub.service import keep_accounts
from license_hub.service.hub import Hub
from license_hub.service.keep_accounts import APART, Account
from license_hub.web.admin_words import Words, acting
from license_hub.web.pages import msgid
from license_hub.web.staff import Pages

PATH = "/admin/accounts"
WRONG = msgid("请填写理由，不超过 500 字，不要换行。")


def router(hub: Hub, pages: Pages) -> APIRouter:
    made, words = APIRouter(), Words(hub)

    def drawn(request: Request, said: str = "", wrong: str = "") -> Response:
        found = [(one, may_shut_out(one)) for one in keep_accounts.accounts(hub)]
        given = {"found": found, "words": words, "said": said, "wrong": wrong, "body": words.issuer}
        return pages.render(request, "admin_accounts.html", status=422 if wrong else 200, **given)

    @made.get(PATH)
    def accounts(request: Request, said: str = "") -> Response:
        return drawn(request, said)

    @made.post(PATH)
    async def shut_out(request: Request, account: Annotated[str, Field()] = "", reason: Annotated[str, Field()] = "") -> Response:
        known = next((one for one in keep_accounts.accounts(hub) if one.account == account), None)
        if known is None:
            raise Problem("NO_SUCH_RESOURCE")
        by = acting(request, reason)
        if not may_shut_out(known):
            await refused(request, "account", "FORBIDDEN", actor=by.actor, purpose=account)
            raise Problem("FORBIDDEN")
        try:
            keep_accounts.disable(hub, account, operator=by.checked(needed=True).actor, by=by)
        except AccessError:
            return drawn(request, wrong=WRONG)
        return RedirectResponse(f"{PATH}?said=disabled", status_code=303)

    return made


def may_shut_out(account: Account) -> bool:
    """On a page: none of the three, the visitor's own among them."""
    return account.disabled_at is None and not account.roles & APART
