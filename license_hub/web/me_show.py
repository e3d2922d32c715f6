"""扫码亮证 on the holder's page: a code for a minute. Only its drawing goes onto the page, which leaves by itself when it is over."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter, Request
from fastapi.responses import Response
from markupsafe import Markup

from license_hub.api.problem import Problem
from license_hub.api.serving import request_id, serving
from license_hub.paper import qr
from license_hub.service.hub import Hub
from license_hub.service.present import Show
from license_hub.web.holder_door import HolderPages
from license_hub.web.me_words import Words

ACTOR = "holder"


def router(hub: Hub, pages: HolderPages) -> APIRouter:
    made = APIRouter()
    words = Words(hub)

    @made.post("/me/licenses/{identifier}/show")
    async def show(request: Request, identifier: str) -> Response:
        number = request.state.holder.person.number
        shown = await serving(request).presentations.call(Show(identifier, number, ACTOR, request_id(request)))
        if shown is None:
            raise Problem("NO_SUCH_RESOURCE")
        until = datetime.fromtimestamp(shown.expires_at, UTC)
        left = max(0, shown.expires_at - int(hub.now().timestamp()))
        # What `qr.svg` draws is ours: one path, no script, no style.
        context = {"code": Markup(qr.svg(shown.text)), "until": until.isoformat(), "left": left, "identifier": identifier.upper()}  # noqa: S704
        page = pages.render(request, "me_show.html", words=words, **context)
        # By header: the page itself stays without a timed redirect, and nobody sees a code that is over.
        page.headers["Refresh"] = f"{left}; url=/me/licenses/{identifier.upper()}"
        return page

    return made
