"""The witness over HTTP: `POST /add-checkpoint`, `GET /keys` (its verifier keys, one a line), `GET /healthz`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from license_hub.errors import WitnessFault
from license_hub.witness.keys import Identity
from license_hub.witness.protocol import Answer, Witness

MAX_BODY_BYTES = 300 * 1024
"""A checkpoint with dozens of post-quantum signature lines, and its proof."""
BODY_SECONDS = 10.0

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

logger = logging.getLogger("hub.witness")


class WitnessServer:
    """ASGI application of one process."""

    def __init__(self, witness: Witness, identity: Identity):
        self._witness = witness
        self._keys = "".join(f"{one.text}\n" for one in identity.keys)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        answer = await self._answer(scope["method"], scope["path"], receive)
        headers = [(b"content-type", answer.media_type.encode()), (b"content-length", str(len(answer.body.encode())).encode())]
        await send({"type": "http.response.start", "status": answer.status, "headers": [*headers, (b"cache-control", b"no-store")]})
        await send({"type": "http.response.body", "body": answer.body.encode()})

    async def _answer(self, method: str, path: str, receive: Receive) -> Answer:
        if path == "/add-checkpoint":
            if method != "POST":
                return Answer(405, "POST only\n")
            return await self._add(receive)
        if path in ("/keys", "/healthz") and method in ("GET", "HEAD"):
            return Answer(200, self._keys if path == "/keys" else "ok\n")
        return Answer(404, "POST /add-checkpoint, GET /keys\n")

    async def _add(self, receive: Receive) -> Answer:
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await _read(receive)
        except TimeoutError:
            return Answer(408, "too slow\n")
        if body is None:
            return Answer(413, "too large\n")
        try:
            answer = await asyncio.to_thread(self._witness.add_checkpoint, body)
        except (WitnessFault, OSError) as fault:
            logger.critical("cannot keep state, nothing is cosigned: %s", fault)
            return Answer(500, "the witness cannot keep its state\n")
        logger.info("add-checkpoint %d", answer.status)
        return answer


async def _read(receive: Receive) -> bytes | None:
    """The body, or None if it is too large or the caller went away."""
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MAX_BODY_BYTES:
            return None
        if not message.get("more_body", False):
            return b"".join(parts)
