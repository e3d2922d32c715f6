"""Files that leave the hub and come back: copies 加注件, downloads, checks of a file.

- `POST /v1/licenses/{identifier}/copies` makes a file and gives an address for one download within ten minutes. Each call makes one, with
  its own trail; no Idempotency-Key applies.
- `GET /v1/downloads/{secret}`: the secret is 256 random bits and all the address says; whoever has it may fetch the file, once.
- `POST /v1/verifications/file`: the file itself as the body. A verdict, not data.
"""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import JSONResponse, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from license_hub.errors import (
    BundleDamaged,
    BundleErased,
    BundleUnavailable,
    CaseNotOpen,
    CopyFault,
    CopyRefused,
    DownloadGone,
    NotAuthorized,
)
from license_hub.service.authenticate import Principal
from license_hub.service.check_file import FileAnswer, FileRequest, check_file
from license_hub.service.copies import File, fetch
from license_hub.service.make_copy import MOST_DAYS, SCOPE, CopyRequest, Made, make_copy

from . import metrics
from .access import needs, on_record, scope
from .budget import limited
from .licenses import MAX_CASE_CHARS, MAX_PURPOSE_CHARS, CaseNumber, Purpose, not_usable
from .licenses import plain as plain_header
from .patience import seated
from .problem import Problem
from .serving import Serving, request_id, serving
from .verifications import VerificationOut, body, instant, plain

router = APIRouter(prefix="/v1", tags=["files"])

EXAMPLE = {"purpose": "公租房申请", "case_no": "990101-2026-000123", "days": 30}
FILE_TYPES = ("application/pdf", "image/png", "image/jpeg", "application/json", "application/octet-stream")
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1), AfterValidator(plain)]


class CopyIn(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXAMPLE]})

    purpose: Annotated[Text, StringConstraints(max_length=MAX_PURPOSE_CHARS)] = Field(description="Printed on every page")
    case_no: Annotated[Text, StringConstraints(max_length=MAX_CASE_CHARS)] = Field(description="The open case")
    days: int = Field(default=30, ge=1, le=MOST_DAYS, description="How long the copy counts")
    form: Literal["annotated", "collected"] = Field(
        default="annotated", description="`collected`: the department's own file as it came, where there is one"
    )


class SignatureOut(BaseModel):
    alg: str = Field(examples=["SM2"])
    kid: str = Field(examples=["8d1b3a6c0f2e4d5a"])
    value: str = Field(description="Base64 of r and s, over the file's bytes")


class CopyOut(BaseModel):
    url: str = Field(description="For one download", examples=["https://hub.example/v1/downloads/Vb3…"])
    url_expires_at: str
    sha256: str = Field(description="Of the file, hex")
    media_type: str = Field(examples=["application/pdf"])
    copy_id: str | None = Field(description="Printed on the copy; null for a department's own file")
    valid_to: str | None = Field(description="The copy's own end")
    signature: SignatureOut | None = Field(description="SM2, detached; the file itself is signed by PAdES with ES256")
    request_id: str


class FileOut(VerificationOut):
    document: Literal["copy", "collected", "bundle", "license"] | None = Field(
        description="What the file is: a copy, a department's own file, a bundle, a picture of an identifier; null: unknown"
    )
    valid_to: str | None = Field(description="A copy's own end")


@router.post("/licenses/{identifier}/copies", response_model=CopyOut, status_code=201, openapi_extra=needs(SCOPE))
async def copies(
    request: Request,
    identifier: Annotated[str, Path(max_length=200)],
    asked: CopyIn,
    principal: Annotated[Principal, Depends(scope(SCOPE))],
) -> Response:
    """Make a copy for one purpose on an open case. Needs the scope `license:copy`, the type granted and a license in force."""
    hub = serving(request)
    wanted = CopyRequest(
        principal, identifier, asked.purpose, asked.case_no, asked.days, asked.form == "collected", request_id(request)
    )  # fmt: skip
    async with on_record(request, "copy", actor=principal.client_id, purpose=asked.purpose, case_no=asked.case_no):
        made = await _made(hub, wanted)
    return JSONResponse(_told(hub.hub.public_url, made) | {"request_id": request_id(request)}, status_code=201)


async def _made(hub: Serving, wanted: CopyRequest) -> Made:
    """Raises Problem."""
    try:
        return await seated(hub.seats, make_copy, hub.hub, wanted)
    except (NotAuthorized, CaseNotOpen) as fault:
        raise not_usable(fault) from None
    except CopyRefused as fault:
        raise Problem(fault.verdict, status=409) from None
    except CopyFault:
        raise Problem("COPY_UNAVAILABLE") from None
    except BundleErased:
        raise Problem("ERASED", status=410) from None
    except BundleDamaged:
        raise Problem("PROOF_BAD", status=409) from None
    except BundleUnavailable:
        raise Problem("NO_SUCH_RESOURCE") from None


def _told(public_url: str, made: Made) -> dict[str, object]:
    return {
        "url": f"{public_url}/v1/downloads/{made.secret}",
        "url_expires_at": instant(made.expires_at),
        "sha256": made.sha256,
        "media_type": made.media_type,
        "copy_id": made.copy_id,
        "valid_to": instant(made.valid_to) if made.valid_to else None,
        "signature": vars(made.signature) if made.signature else None,
    }


FILE_CONTENT = {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}


@router.get("/downloads/{secret}", response_class=Response, responses={200: {"content": FILE_CONTENT}})
async def downloads(request: Request, secret: Annotated[str, Path(max_length=100)]) -> Response:
    """The file, once, within ten minutes. 410 afterwards, and for every address that never was."""
    hub = serving(request)
    async with on_record(request, "download"):
        try:
            file: File = await seated(hub.seats, fetch, hub.hub, secret, request_id(request))
        except DownloadGone:
            raise Problem("DOWNLOAD_GONE") from None
    ending = {"application/pdf": "pdf", "application/ofd": "ofd"}.get(file.media_type, "bin")
    # Always saved, never shown in the hub's own origin; named after nobody.
    headers = {"Content-Disposition": f'attachment; filename="copy.{ending}"', "Content-Security-Policy": "sandbox"}
    return Response(file.data, media_type=file.media_type, headers=headers)


BODY = {"content": {one: {"schema": {"type": "string", "format": "binary"}} for one in FILE_TYPES}, "required": True}


@router.post("/verifications/file", response_model=FileOut, openapi_extra=needs("license:verify") | {"requestBody": BODY})
async def verify_file(
    request: Request,
    principal: Annotated[Principal, Depends(scope("license:verify"))],
    purpose: Purpose = "",
    case_no: CaseNumber = "",
) -> Response:
    """Is this file one of the hub's, unchanged, and what does its license say now? PDF, PNG, JPEG, a bundle's JSON; at most 2 MiB."""
    async with on_record(request, "check-file", actor=principal.client_id):
        given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if given not in FILE_TYPES:
            raise Problem("UNSUPPORTED_MEDIA_TYPE")
        said = (plain_header(purpose, MAX_PURPOSE_CHARS), plain_header(case_no, MAX_CASE_CHARS))
    found = await looked_at(
        request, FileRequest(await request.body(), principal.client_id, None, *said, request_id(request), principal.client_id)
    )
    message = serving(request).messages[found.answer.verdict.code]
    told = dict(body(found.answer, message, request_id(request)))
    told |= {"document": found.document, "valid_to": instant(found.valid_to) if found.valid_to else None}
    return JSONResponse(told, status_code=message.http_status)


async def looked_at(request: Request, asked: FileRequest) -> FileAnswer:
    """The check of a file at one of the few seats for large bodies; for pages too. Raises Problem 429."""
    hub = serving(request)
    found = await seated(hub.seats, check_file, hub.hub, asked)
    if found.answer.wait:
        raise limited(found.answer.wait, hub.hub.budgets)
    metrics.verdicts("file", found.answer.verdict.status, found.answer.verdict.code).inc()
    return found
