"""Forms that change something are ours: a token bound to the session, and what the browser says about where the request comes from.

The token is masked anew in each answer, so that its compressed length tells nothing of it (BREACH).
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
from urllib.parse import urlsplit

from fastapi import Request

FIELD, HEADER = "csrf", "X-CSRF-Token"
_BYTES = 32


def masked(secret: bytes) -> str:
    """The token of one answer: a fresh mask, then the secret under it."""
    mask = os.urandom(_BYTES)
    return base64.urlsafe_b64encode(mask + _xor(mask, secret)).decode()


def agrees(given: str, secret: bytes) -> bool:
    try:
        raw = base64.urlsafe_b64decode(given.encode("ascii"))
    except (binascii.Error, ValueError):
        return False
    return len(raw) == 2 * _BYTES and hmac.compare_digest(_xor(raw[:_BYTES], raw[_BYTES:]), secret)


def foreign(request: Request, public_url: str) -> bool:
    """Whether the browser says another site's page sent this. No word from it: the token decides alone.

    `Origin: null` is what our own forms carry, for our pages send no referrer.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin", "null")
    if site is not None and site not in ("same-origin", "none"):
        return True
    if origin == "null":
        return False
    return origin != public_url and urlsplit(origin).netloc != request.headers.get("host", "")


def _xor(a: bytes, b: bytes) -> bytes:
    return bytes(x ^ y for x, y in zip(a, b, strict=True))
