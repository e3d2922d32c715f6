"""The status lists over HTTP, for anybody to keep and pass on (IETF Token Status List §8.2, 9.3). Public: a place names nobody."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Request
from fastapi.responses import JSONResponse, Response

from license_hub.service.check_status import serve, uris
from license_hub.service.publish_status import TTL_S
from license_hub.signing.statuslist import MEDIA_TYPE

from .patience import in_time
from .problem import Problem
from .serving import serving

router = APIRouter(prefix="/status", tags=["status"])

ANYWHERE = {"Access-Control-Allow-Origin": "*"}
"""Browsers of other sites may read what everybody may read."""
LISTS_EXAMPLE = {"status_lists": ["https://hub.example/status/0", "https://hub.example/status/1"]}
TOKEN = {MEDIA_TYPE: {"schema": {"type": "string"}, "example": "eyJhbGciOiJFZERTQSIsImtpZCI6Iu….eyJleHAiOjE3….…"}}


@router.get("", responses={200: {"content": {"application/json": {"example": LISTS_EXAMPLE}}}})
async def lists(request: Request) -> JSONResponse:
    """The addresses of all lists, for who wants to work offline with every one of them."""
    found = await in_time(uris, serving(request).hub)
    return JSONResponse({"status_lists": found}, headers=ANYWHERE | {"Cache-Control": "public, max-age=60"})


@router.get("/{shard}", response_class=Response, responses={200: {"content": TOKEN}, 304: {"description": "Not changed"}})
async def status_list(
    request: Request,
    shard: Annotated[int, Path(ge=0, lt=2**31, examples=[0])],
    if_none_match: Annotated[str, Header(max_length=1000)] = "",
    time: Annotated[str | None, Query(description="Not offered: lists of the past are not kept")] = None,
) -> Response:
    """One list: a signed token (`statuslist+jwt`, 2 bits a place). How long it may be kept and when it stops counting are its claims."""
    if time is not None:
        raise Problem("INVALID_REQUEST", status=501, errors=[{"pointer": "/query/time", "rule": "not_implemented"}])
    hub = serving(request).hub
    found = await in_time(serve, hub, shard)
    if found is None:
        raise Problem("NO_SUCH_RESOURCE")
    left = int((found.expires_at - hub.now()).total_seconds())
    tag = f'"{found.digest[:32]}"'
    headers = ANYWHERE | {"ETag": tag, "Cache-Control": f"public, max-age={max(0, min(TTL_S, left))}"}
    if if_none_match.strip() == "*" or tag in [one.strip().removeprefix("W/") for one in if_none_match.split(",")]:
        return Response(status_code=304, headers=headers)
    return Response(found.token, media_type=MEDIA_TYPE, headers=headers)
