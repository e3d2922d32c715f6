"""/me: my licenses, one of them with its 用证码, and who looked at me. Plain forms, a phone's width, no script needed."""

from __future__ import annotations

import json
from collections.abc import Mapping

from fastapi import APIRouter, Request
from fastapi.responses import Response

from license_hub.api.problem import Problem
from license_hub.api.serving import request_id
from license_hub.domain.license import FACE
from license_hub.errors import ConsentRefused
from license_hub.service import holder_consent
from license_hub.service.access_log import MOST, looks, prove_look
from license_hub.service.hub import Hub
from license_hub.service.my_licenses import my_licenses, show
from license_hub.service.use_code import make_code
from license_hub.web.holder_door import HolderPages
from license_hub.web.me_words import Words
from license_hub.web.pages import titled

ISSUER_NAME = "ZZBFJG"


def router(hub: Hub, pages: HolderPages) -> APIRouter:
    made = APIRouter()
    words = Words(hub)

    @made.get("/me")
    def licenses(request: Request) -> Response:
        number = request.state.holder.person.number
        waiting = [one for one in holder_consent.mine(hub, number) if one.state == "asked"]
        return pages.render(request, "me_licenses.html", licenses=my_licenses(hub, number), waiting=len(waiting), words=words)

    @made.get("/me/licenses/{identifier}")
    def license(request: Request, identifier: str) -> Response:
        return _license(hub, pages, request, identifier, words)

    @made.post("/me/licenses/{identifier}/use-code")
    def use_code(request: Request, identifier: str) -> Response:
        try:
            code, until = make_code(hub, request.state.holder.person.number, identifier, request_id(request))
        except ConsentRefused:
            raise Problem("NO_SUCH_RESOURCE") from None
        return _license(hub, pages, request, identifier, words, code=f"{code[:4]}-{code[4:]}", until=until)

    @made.get("/me/looks")
    def seen(request: Request, before: int | None = None) -> Response:
        found = looks(hub, request.state.holder.person.number, before=before)
        more = found[-1].seq if len(found) == MOST else None
        return pages.render(request, "me_looks.html", looks=found, more=more, words=words)

    @made.get("/me/looks/{seq}/proof")
    def proof(request: Request, seq: int) -> Response:
        found = prove_look(hub, request.state.holder.person.number, seq)
        if found is None:
            raise Problem("NO_SUCH_RESOURCE")
        named = {"Content-Disposition": f'attachment; filename="access-{seq}.proof.json"'}
        return Response(json.dumps(found, ensure_ascii=False, indent=1), media_type="application/json", headers=named)

    return made


def _license(hub: Hub, pages: HolderPages, request: Request, identifier: str, words: Words, code: str = "", until: str = "") -> Response:
    found = show(hub, request.state.holder.person.number, identifier, request_id(request))
    if found is None:
        raise Problem("NO_SUCH_RESOURCE")
    face: Mapping[str, str] = {titled(name): value for name, value in found.fields.items() if name.startswith(FACE)}
    rest = {titled(name): value for name, value in found.fields.items() if not name.startswith(FACE)}
    issuer = words.issuer(found.issuer) if words.known(found.issuer) else found.fields.get(ISSUER_NAME, found.issuer)
    told = {"made": found, "message": hub.catalog.messages[found.verdict.code], "face": face, "rest": rest, "issuer": issuer}
    return pages.render(request, "me_license.html", code=code, until=until, words=words, **told)
