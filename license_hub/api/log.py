"""The transparency log over HTTP: checkpoint, tiles and proofs in the C2SP formats. Public: it holds no personal data."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import PlainTextResponse, Response

from license_hub.service.logs import Log, audit, licenses
from license_hub.service.prove import prove
from license_hub.service.witnessing import served

from .patience import in_time
from .problem import Problem
from .serving import serving

router = APIRouter(prefix="/log", tags=["log"])

FOREVER = {"Cache-Control": "public, max-age=31536000, immutable"}
"""A tile of a given path never changes: wider ones have other paths."""


STANDING = "Hub-Log"
"""Header of a checkpoint: `witnessed` or `unwitnessed`, by the hub's own policy. Who relies on it checks the lines by his own."""


@router.get("/checkpoint", response_class=PlainTextResponse)
async def checkpoint(request: Request) -> PlainTextResponse:
    """The newest checkpoint, a signed note with its cosignatures (C2SP tlog-checkpoint, tlog-cosignature).

    The header `Hub-Log` says `unwitnessed` while a quorum of witnesses lacks; after the grace the newest witnessed one is given instead.
    """
    return await _served(request, licenses(serving(request).hub))


@router.get("/audit/checkpoint", response_class=PlainTextResponse)
async def audit_checkpoint(request: Request) -> PlainTextResponse:
    """The newest checkpoint of the log of audit entries: who keeps it can show later that entries were changed. Its tiles stay inside."""
    return await _served(request, audit(serving(request).hub))


async def _served(request: Request, log: Log) -> PlainTextResponse:
    note, witnessed = await in_time(served, serving(request).hub, log)
    if note is None:
        raise Problem("NO_SUCH_RESOURCE")
    standing = "witnessed" if witnessed else "unwitnessed"
    return PlainTextResponse(note, headers={"Cache-Control": "public, max-age=1", STANDING: standing})


@router.get("/tile/{path:path}", response_class=Response, responses={200: {"content": {"application/octet-stream": {}}}})
async def tile(request: Request, path: Annotated[str, Path(max_length=100, examples=["0/x001/234.p/5"])]) -> Response:
    """A tile of hashes or a bundle of entries (C2SP tlog-tiles)."""
    data = await in_time(serving(request).hub.tiles.serve, f"tile/{path}")
    if data is None:
        raise Problem("NO_SUCH_RESOURCE")
    return Response(data, media_type="application/octet-stream", headers=FOREVER)


@router.get("/proof/{leaf_hash}", response_class=PlainTextResponse)
async def proof(request: Request, leaf_hash: Annotated[str, Path(pattern="^[0-9a-f]{64}$", examples=["9f86d0…"])]) -> PlainTextResponse:
    """The leaf's `.tlog-proof`: its index, inclusion path and the checkpoint they lead to. 404 until the leaf is under a checkpoint."""
    text = await in_time(prove, serving(request).hub, bytes.fromhex(leaf_hash))
    if text is None:
        raise Problem("NO_SUCH_RESOURCE")
    return PlainTextResponse(text, headers={"Cache-Control": "public, max-age=60"})
