"""Pages go out compressed. Only HTML: what else we answer may hold a secret beside what the caller sent, and length would tell (BREACH).

A page's one secret is its form token, which is masked anew in each answer.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, MutableMapping
from typing import Any

import brotli

WORTH_IT = 860
"""Bytes; below, an answer fits its packet anyhow."""
BROTLI, GZIP = 4, 6
_FORMS = {"br": lambda data: brotli.compress(data, quality=BROTLI), "gzip": lambda data: gzip.compress(data, GZIP, mtime=0)}


def encoding(accepted: str, offered: Iterable[str] = tuple(_FORMS)) -> str:
    """The best of the encodings offered that the caller takes (RFC 9110 §12.5.3), '' = none. A quality of 0 is a refusal."""
    taken = {}
    for one in accepted.lower().split(","):
        name, _, rest = one.partition(";")
        taken[name.strip()] = rest.replace(" ", "").rstrip("0").rstrip(".") != "q="
    return next((name for name in ("br", "gzip") if name in offered and taken.get(name, False)), "")


class Page:
    """A page on its way out: its head waits until its body is known to be whole."""

    def __init__(self, start: MutableMapping[str, Any], accepted: str):
        self._start = start
        self._wanted = encoding(accepted)

    @staticmethod
    def is_one(start: MutableMapping[str, Any]) -> bool:
        headers = dict(start["headers"])
        return headers.get(b"content-type", b"").startswith(b"text/html") and b"content-encoding" not in headers

    def finished(self, message: MutableMapping[str, Any]) -> tuple[MutableMapping[str, Any], MutableMapping[str, Any]]:
        """(head, body) as they are sent."""
        body = message.get("body", b"")
        headers = [*self._start["headers"], (b"vary", b"Accept-Encoding")]
        if self._wanted and len(body) >= WORTH_IT and not message.get("more_body", False):
            body = _FORMS[self._wanted](body)
            kept = [one for one in headers if one[0].lower() != b"content-length"]
            headers = [*kept, (b"content-length", str(len(body)).encode()), (b"content-encoding", self._wanted.encode())]
        return self._start | {"headers": headers}, message | {"body": body}
