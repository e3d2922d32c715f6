"""异议: the holder says what is wrong on a license; the body that registered its row looks and answers (校核申请)."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from license_hub.api import logs
from license_hub.api.patience import in_time
from license_hub.api.problem import Problem
from license_hub.api.serving import request_id
from license_hub.domain.license import FACE
from license_hub.errors import BundleErased, DoubtRefused
from license_hub.service.content import subject_index
from license_hub.service.hub import Hub
from license_hub.service.my_licenses import Shown, show
from license_hub.service.raise_correction import STATUS, Asked, raise_correction
from license_hub.web.holder_door import HolderPages
from license_hub.web.me_words import Words
from license_hub.web.pages import msgid, titled

PATH = "/me/licenses/{identifier}/object"
LONGEST = 2_000


def router(hub: Hub, pages: HolderPages) -> APIRouter:
    made = APIRouter()
    form = Form(hub, pages)
    made.add_api_route(PATH, form.show, methods=["GET"])
    made.add_api_route(PATH, form.send, methods=["POST"])
    return made


class Form:
    def __init__(self, hub: Hub, pages: HolderPages):
        self._hub = hub
        self._pages = pages
        self._words = Words(hub)

    def show(self, request: Request, identifier: str) -> Response:
        return self._drawn(request, self._own(request, identifier))

    async def send(self, request: Request, identifier: str) -> Response:
        filled = await request.form(max_files=0, max_fields=100)
        words = {name: str(filled.get(name, "")).strip() for name in ("reason", "comment")}
        return await in_time(self._raise, request, identifier, {"fields": filled.getlist("fields"), **words})

    def _raise(self, request: Request, identifier: str, given: dict) -> Response:
        found, hub = self._own(request, identifier), self._hub
        if not given["fields"] or given["reason"] not in hub.catalog.tickets.doubts or not usable(given["comment"]):
            return self._drawn(request, found, msgid("请选择有误的项目和原因，并说明哪里不对。"), given=given, status=422)
        about = subject_index(hub.crypt, request.state.holder.person.number).hex()[:18]
        asked = Asked(tuple(given["fields"]), given["reason"], given["comment"], identifier)
        try:
            told, _again = raise_correction(hub, asked, asked_by=f"holder:{about}", request_id=request_id(request))
        except (DoubtRefused, BundleErased):
            return self._drawn(request, found, msgid("现在不能受理这项异议，请联系发证机关。"), given=given, status=409)
        return self._drawn(request, found, told=told)

    def _drawn(self, request: Request, found: Shown, wrong: str = "", *, status: int = 200, **more: object) -> Response:
        """`given`: what was filled in; `told`: how the request stands."""
        # What is printed on the license first, then what it is filed under.
        named = sorted(found.fields, key=lambda one: not one.startswith(FACE))
        fields = {name: titled(name) for name in (*named, STATUS)}
        context = {"made": found, "fields": fields, "reasons": self._hub.catalog.tickets.doubts, "words": self._words, "wrong": wrong}
        return self._pages.render(request, "me_object.html", status=status, **{"given": {}, "told": None} | context | more)

    def _own(self, request: Request, identifier: str) -> Shown:
        found = show(self._hub, request.state.holder.person.number, identifier, request_id(request))
        if found is None:
            raise Problem("NO_SUCH_RESOURCE")
        return found


def usable(comment: str) -> bool:
    return 0 < len(comment) <= LONGEST and not logs.UNSAFE.search(comment.replace("\r", "").replace("\n", ""))
