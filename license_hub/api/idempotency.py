"""`Idempotency-Key`: required by every route that has an effect; scoped to the client and the route, kept 72 hours.

The same call again gets the same answer (header `Idempotent-Replay: true`); another body under the key is refused with 422; a call
that is still at work is waited for, then refused with 409.
"""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Header, Request

from license_hub.service.authenticate import Principal
from license_hub.service.hub import Hub
from license_hub.storage.idempotency import Call, call_of

from .problem import Problem

KEY = re.compile(r"[\x21-\x7e]{8,255}")
REPLAY = {"Idempotent-Replay": "true"}

KeyHeader = Annotated[
    str, Header(alias="Idempotency-Key", description="8 to 255 visible characters, fresh for each new request; repeat it to retry")
]


async def call(request: Request, hub: Hub, principal: Principal, key: str) -> Call:
    """The call as its repeat would look. Raises Problem for a missing or malformed key."""
    if not KEY.fullmatch(key):
        raise Problem("INVALID_REQUEST", errors=[{"pointer": "/headers/Idempotency-Key", "rule": "required"}])
    return call_of(hub.crypt, principal.client_id, f"{request.method} {request.url.path}", key, await request.body())
