"""`POST /v1/intake/{type}` 同步签发: the row of a finished case, its license's identifier in the answer.

The row has the headers of the resource's deliveries. File and seal, if sent, are kept encrypted beside the license.
"""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from license_hub.errors import InProgress, KeyReused, LintRefused, NoSuchSource
from license_hub.service.answer_call import STATUSES
from license_hub.service.authenticate import Principal
from license_hub.service.receive import Attached, Push, receive

from .access import needs, on_record, scope
from .idempotency import REPLAY, KeyHeader, call
from .patience import seated
from .problem import Problem
from .serving import request_id, serving

router = APIRouter(prefix="/v1", tags=["intake"])

Cell = Annotated[str, StringConstraints(max_length=4000)]
MAX_COLUMNS = 200
SEATS = 4
"""Pushes a process works at, the others wait: each keeps a connection for its key's lock and takes up to two more (pool: 15)."""
MAGIC = {"application/pdf": b"%PDF-", "application/ofd": b"PK\x03\x04"}
"""Media type of a license's file → how it begins."""
SEAL_TYPES = ("application/pkcs7-signature", "application/vnd.ses-v4")
EXAMPLE = {"row": {"许可证编号": "JY99010100000001", "经营者名称": "样例一号食品店", "…": "every column of the resource"}}


class AttachedIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    media_type: Annotated[str, StringConstraints(max_length=100)]
    content: Annotated[str, StringConstraints(min_length=1)] = Field(description="Base64")


class RowIn(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXAMPLE]})

    row: dict[Annotated[str, StringConstraints(max_length=100)], Cell | None] = Field(min_length=1, max_length=MAX_COLUMNS)
    resource: Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9_]{0,63}$")] | None = Field(
        default=None, description="Where the type is made of rows of several resources; default the first"
    )
    file: AttachedIn | None = Field(default=None, description="The license's file: PDF or OFD")
    seal: AttachedIn | None = Field(default=None, description="The organ's detached seal over the file")


class ReceivedOut(BaseModel):
    outcome: Literal["issued", "changed", "status_changed", "unchanged", "held"]
    identifier: str | None
    entry: int | None = Field(description="Its place in the log")
    reason: str | None = Field(
        default=None,
        description="Why the row is held: its holder, its issuer, or TICKET: its issuing organ has to confirm",
        examples=["HOLDER_NOT_TRUSTED"],
    )
    batch: str = Field(description="Of the landing zone")
    publication: int
    proof: Literal["pending", "logged"] | None
    request_id: str


@router.post("/intake/{type}", response_model=ReceivedOut, status_code=201, openapi_extra=needs("license:intake"))
async def intake(
    request: Request,
    type: Annotated[str, Path(pattern="^[a-z][a-z0-9_]{0,63}$")],
    sent: RowIn,
    principal: Annotated[Principal, Depends(scope("license:intake"))],
    key: KeyHeader = "",
    wait: Annotated[Literal["proof"] | None, Query(description="`proof`: answer once a signed checkpoint covers the license")] = None,
) -> Response:
    """Send a finished case's row; 201 issued, 200 changed or unchanged, 202 held, 422 refused by the rules named."""
    async with on_record(request, "intake", actor=principal.client_id):
        return await _intake(request, type, sent, principal, key, wait)


async def _intake(request: Request, type: str, sent: RowIn, principal: Principal, key: str, wait: Literal["proof"] | None) -> Response:
    made = serving(request)
    if not principal.organ or type not in principal.types or type not in made.hub.catalog.license_types:
        raise Problem("FORBIDDEN")
    attached = [one for one in (_attached("file", sent.file), _attached("seal", sent.seal)) if one]
    known = await call(request, made.hub, principal, key)
    push = Push(principal, type, sent.resource, sent.row, attached, known, request_id(request))
    try:
        answer, again = await seated(made.seats, receive, made.hub, push)
    except LintRefused as refused:
        raise Problem("ROW_REJECTED", errors=[{"pointer": at, "rule": rule} for at, rule in refused.errors]) from None
    except KeyReused:
        raise Problem("KEY_REUSED") from None
    except InProgress:
        raise Problem("IN_PROGRESS", headers={"Retry-After": "1"}) from None
    except NoSuchSource:
        raise Problem("INVALID_REQUEST", errors=[{"pointer": "/resource", "rule": "not_of_this_type"}]) from None
    if answer["outcome"] == "rejected":
        raise Problem("ROW_REJECTED", errors=[{"pointer": "/row", "rule": rule} for rule in answer["rules"]])
    entry = answer["entry"]
    proof = None if entry is None else await made.proofs.state(int(entry), wait=wait == "proof")
    shown = {name: answer.get(name) for name in ("outcome", "identifier", "entry", "reason", "batch", "publication")}
    body = shown | {"proof": proof, "request_id": request_id(request)}
    return JSONResponse(body, status_code=STATUSES[answer["outcome"]], headers=REPLAY if again else None)


def _attached(kind: str, sent: AttachedIn | None) -> Attached | None:
    """Raises Problem for content that is not base64, or not what its media type says."""
    if sent is None:
        return None
    try:
        data = base64.b64decode(sent.content, validate=True)
    except (binascii.Error, ValueError):
        raise Problem("INVALID_REQUEST", errors=[{"pointer": f"/{kind}/content", "rule": "base64"}]) from None
    fits = data.startswith(MAGIC[sent.media_type]) if kind == "file" and sent.media_type in MAGIC else kind == "seal"
    if not fits or (kind == "seal" and sent.media_type not in SEAL_TYPES):
        raise Problem("UNSUPPORTED_MEDIA_TYPE", errors=[{"pointer": f"/{kind}/media_type", "rule": "content_of_type"}])
    return Attached(kind, sent.media_type, data)
