"""`/desk/verify`: what somebody presents at the counter, checked by number, by scan, by file. A verdict, never data: no case is needed."""

from __future__ import annotations

from dataclasses import replace

from fastapi import APIRouter, Request
from fastapi.responses import Response

from license_hub.api import metrics
from license_hub.api.files import looked_at
from license_hub.api.patience import in_time
from license_hub.api.problem import Problem
from license_hub.api.serving import refused, request_id
from license_hub.api.verifications import instant
from license_hub.errors import CodeRefused, NotAuthorized
from license_hub.service import redeem
from license_hub.service.authenticate import Principal
from license_hub.service.check_file import FileRequest
from license_hub.service.note_act import note
from license_hub.service.verify import Answer
from license_hub.web import file_page, pages
from license_hub.web.desk import Desk, operator
from license_hub.web.desk_consent import MOST, SHOWN

PATH, FILE = "/desk/verify", "/desk/verify/file"
SCOPE = "license:verify"
BLANK = pages.Form()


def router(desk: Desk) -> APIRouter:
    made = APIRouter()

    @made.get(PATH)
    def form(request: Request) -> Response:
        desk.acting(request, SCOPE)
        return _page(desk, request)

    @made.post(PATH)
    async def answer(request: Request) -> Response:
        principal = await desk.paying(request, SCOPE)
        filled = await request.form(max_files=0, max_fields=8)
        text = str(filled.get("identifier", "")).strip("\r\n")
        await _noted(desk, request, "number")
        if text.strip().upper().startswith(SHOWN):
            return await _scanned(desk, request, principal, text)
        catalog = desk.hub.catalog
        given = {"identifier": pages.tidy(text), "holder_number": pages.tidy(str(filled.get("holder_number", "")))}
        wrong = pages.complaints(given, catalog)
        if wrong.errors:
            return _page(desk, request, form=wrong, status=422)
        kind = catalog.type_named(given["identifier"])
        if kind is not None and kind.id not in principal.types:
            await refused(request, "verify", "FORBIDDEN", actor=principal.client_id)
            raise Problem("FORBIDDEN")
        result = await pages.ask(request, given, catalog, principal.client_id, principal.client_id)
        return _page(desk, request, result=result)

    @made.post(FILE)
    async def file(request: Request) -> Response:
        principal = await desk.paying(request, SCOPE)
        data = await file_page.filled_in(request)
        if not data:
            return _page(desk, request, form=pages.Form(errors={file_page.FIELD: pages.msgid("请选择要核验的文件")}), status=422)
        await _noted(desk, request, "file")
        found = await looked_at(request, FileRequest(data, principal.client_id, request_id=request_id(request), payer=principal.client_id))
        return _page(desk, request, result=file_page.result(request, found))

    return made


async def _noted(desk: Desk, request: Request, how: str) -> None:
    """Who of the body's staff it was: the look itself is recorded as its desk client's."""
    await in_time(note, desk.hub, request_id(request), operator(request), "desk", {"purpose": f"verify {how}"})


async def _scanned(desk: Desk, request: Request, principal: Principal, text: str) -> Response:
    """A code that its holder shows, taken without a case: the verdict alone."""
    try:
        found = await in_time(redeem.redeem, desk.hub, redeem.Scan(principal, text[:MOST], request_id=request_id(request)))
    except (CodeRefused, NotAuthorized) as fault:
        code = fault.problem if isinstance(fault, CodeRefused) else "FORBIDDEN"
        await refused(request, "scan", code, actor=principal.client_id)
        message = desk.hub.catalog.messages[code]
        return _page(desk, request, form=pages.Form(errors={"identifier": f"{message.sentence}{message.next_step}"}), status=409)
    metrics.verdicts("page", found.verdict.status, found.verdict.code).inc()
    return _page(desk, request, result=_result(desk, request, found))


def _result(desk: Desk, request: Request, found: redeem.Scanned) -> pages.Result:
    message, now = desk.hub.catalog.messages[found.verdict.code], desk.hub.now()
    answer = Answer(replace(found.verdict, evidence={}), found.type_id, provisional=found.provisional)
    return pages.Result(
        kind=found.verdict.status.value.lower(),
        reason=message.sentence,
        next_step=message.next_step,
        identifier=found.identifier,
        type_name=desk.hub.catalog.license_types[found.type_id].name,
        as_of=pages.shown(found.verdict.as_of),
        as_of_iso=instant(found.verdict.as_of),
        at=pages.shown(now),
        at_iso=instant(now),
        request_id=request_id(request),
        checks=pages.outcome(answer),
        provisional=tuple((pages.titled(one.field), one.until) for one in found.provisional),
    )


def _page(
    desk: Desk, request: Request, *, form: pages.Form | None = None, result: pages.Result | None = None, status: int = 200
) -> Response:
    return desk.render(request, "desk_verify.html", status=status, form=form or pages.Form(), result=result)
