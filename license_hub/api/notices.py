"""`GET /v1/notices`: a client's recall notices, each signed, each made once; `…/ack` and the answers behind one. No scope: every
registered client may learn that it was told something wrong, and only of itself."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, Field

from license_hub.service import list_notices
from license_hub.service.authenticate import Principal

from .access import on_record, signed_in
from .patience import in_time
from .problem import Problem
from .serving import serving

router = APIRouter(prefix="/v1/notices", tags=["notices"])

Caller = Annotated[Principal, Depends(signed_in)]
NoticeId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", examples=["8f14e45fceea167a5a36dedd4bea2543"])]
NO_SCOPE = {"security": [{"oauth2": []}]}


class NoticeOut(BaseModel):
    notice_id: str = Field(examples=["8f14e45fceea167a5a36dedd4bea2543"])
    token: str = Field(
        description="JWS of the type recall-notice+jwt by the hub's status key: iss, sub (this client), jti, iat, "
        "recall {id, kind, source, reason, document_no?}, answers {count, licenses, first_at, last_at}",
        examples=["eyJhbGciOiJFZERTQSIsImtpZCI6Iu….eyJhbnN3ZXJzIjp7….…"],
    )
    created_at: str = Field(examples=["2026-11-22T02:00:00Z"])
    acknowledged_at: str | None = Field(examples=[None])


class NoticesOut(BaseModel):
    notices: list[NoticeOut]


class AnswerOut(BaseModel):
    """One answer this client got about a recalled license."""

    seq: int = Field(description="Give the last one as `after` for the next page", examples=[4711])
    at: str = Field(examples=["2026-11-21T08:00:00Z"])
    request_id: str
    action: str = Field(examples=["verify"])
    status: str | None = Field(examples=["VALID"])
    code: str = Field(examples=["IN_FORCE"])
    purpose: str | None
    case_no: str | None = Field(examples=["990101-2026-000123"])
    identifier: str


class AnswersOut(BaseModel):
    answers: list[AnswerOut]


def _recorded(request: Request, caller: Principal) -> AbstractAsyncContextManager[None]:
    return on_record(request, "notices", actor=caller.client_id)


@router.get("", response_model=NoticesOut, openapi_extra=NO_SCOPE)
async def notices(
    request: Request,
    caller: Caller,
    acknowledged: Annotated[bool, Query(description="Also those acknowledged already")] = False,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> NoticesOut:
    """Notices that wait for this client, oldest first. Ask once a day; a notice waits until it is acknowledged."""
    async with _recorded(request, caller):
        found = await in_time(
            list_notices.waiting, serving(request).hub, caller.client_id, acknowledged=acknowledged, limit=limit, principal=caller
        )
    return NoticesOut(notices=[NoticeOut(**asdict(one)) for one in found])


@router.post("/{notice_id}/ack", response_model=NoticeOut, openapi_extra=NO_SCOPE)
async def acknowledge(request: Request, caller: Caller, notice_id: NoticeId) -> NoticeOut:
    """The notice was received and is acted on. Repeating it changes nothing: the first time stays."""
    async with _recorded(request, caller):
        found = await in_time(list_notices.acknowledge, serving(request).hub, caller.client_id, notice_id, principal=caller)
        if found is None:
            raise Problem("NO_SUCH_RESOURCE")
    return NoticeOut(**asdict(found))


@router.get("/{notice_id}/answers", response_model=AnswersOut, openapi_extra=NO_SCOPE)
async def answers(
    request: Request,
    caller: Caller,
    notice_id: NoticeId,
    after: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=list_notices.MOST)] = 100,
) -> AnswersOut:
    """Which of this client's own requests and cases the notice is about."""
    async with _recorded(request, caller):
        found = await in_time(
            list_notices.answers, serving(request).hub, caller.client_id, notice_id, after=after, limit=limit, principal=caller
        )
        if found is None:
            raise Problem("NO_SUCH_RESOURCE")
    return AnswersOut(answers=[AnswerOut(**asdict(one)) for one in found])
