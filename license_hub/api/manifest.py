"""The key manifest, signed by the offline root: where a verifier that pins the root finds every other key."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse

from license_hub.service.publish_manifest import newest

from .patience import in_time
from .problem import Problem
from .serving import serving

router = APIRouter(tags=["log"])

EXAMPLE = """{"expires_at":"2027-02-20T08:00:00Z","issued_at":"2026-11-22T08:00:00Z","keys":[{"alg":"Ed25519","kid":"8d1b3a6c0f2e4d5a",…

— log.example/root 4EBdsr0e…
"""


@router.get(
    "/.well-known/hub-manifest", response_class=PlainTextResponse, responses={200: {"content": {"text/plain": {"example": EXAMPLE}}}}
)
async def manifest(request: Request) -> PlainTextResponse:
    """Keys, their states and the witness policy: one line of canonical JSON as a signed note (C2SP signed-note).

    Verify it with the pinned root, refuse one that expired or has a lower sequence number than one seen before. A signature by a
    key it does not list: fetch it once more.
    """
    note = await in_time(newest, serving(request).hub)
    if note is None:
        raise Problem("NO_SUCH_RESOURCE")
    return PlainTextResponse(note, headers={"Cache-Control": "public, max-age=60"})
