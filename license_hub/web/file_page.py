"""`POST /verify/file`: the same page for a file: a PDF, a picture with a code, a license's JSON. A verdict, never a license's content.

The file stays in memory, is looked at once and kept nowhere. No CSRF token, for the reasons `pages` gives.
"""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Template
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartParser

from license_hub.api.files import looked_at
from license_hub.api.frame import MAX_FILE_BODY_BYTES
from license_hub.api.problem import Problem
from license_hub.api.serving import request_id, serving
from license_hub.api.verifications import instant
from license_hub.service.check_file import FileAnswer, FileRequest
from license_hub.web import care, pages
from license_hub.web.address import Network

FIELD = "file"


def router(template: Template, proxies: Sequence[Network]) -> APIRouter:
    """The route; `template` is the verification page's, `proxies` are whose word about a visitor's address is believed."""
    # A file of persons is not spooled to a plain disk.
    MultiPartParser.spool_max_size = max(MultiPartParser.spool_max_size, MAX_FILE_BODY_BYTES)
    made = APIRouter()

    @made.post("/verify/file")
    async def answer(request: Request) -> Response:
        data = await filled_in(request)
        if not data:
            form = pages.Form(errors={FIELD: pages.msgid("请选择要核验的文件")})
            return HTMLResponse(template.render(form=form, result=None, **care.words(request)), status_code=422)
        found = await looked_at(
            request, FileRequest(data, pages.ACTOR, request_id=request_id(request), payer=pages.payer(request, proxies))
        )
        return HTMLResponse(template.render(form=pages.Form(), result=result(request, found), **care.words(request)))

    return made


async def filled_in(request: Request) -> bytes:
    """The file's bytes; none where no file was chosen. Raises Problem for anything but a form with one file."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise Problem("UNSUPPORTED_MEDIA_TYPE")
    async with request.form(max_files=1, max_fields=1, max_part_size=MAX_FILE_BODY_BYTES) as form:
        given = form.get(FIELD)
        return await given.read() if isinstance(given, UploadFile) else b""


def result(request: Request, found: FileAnswer) -> pages.Result:
    hub = serving(request)
    answer, now = found.answer, hub.hub.now()
    message = hub.messages[answer.verdict.code]
    kind = hub.hub.catalog.license_types.get(answer.type_id or "")
    return pages.Result(
        kind=answer.verdict.status.value.lower(),
        reason=message.sentence,
        next_step=message.next_step,
        identifier="",
        type_name=kind.name if kind else "",
        as_of=pages.shown(answer.verdict.as_of),
        as_of_iso=instant(answer.verdict.as_of),
        at=pages.shown(now),
        at_iso=instant(now),
        request_id=request_id(request),
        checks=pages.outcome(answer),
        document=found.document or "",
        by_code=answer.verdict.evidence.get("found_by") == "code",
        until=pages.shown(found.valid_to) if found.valid_to else "",
    )
