"""Refusals and faults as RFC 9457 problems: `type, title, status, code, next_step, request_id` and, for input, `errors`.

The sentence and the next step come from the catalogue's messages by code; a problem never repeats what the caller sent.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from catalogs.model import Message

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """A refusal with a code of the catalogue's messages. `errors` lists (JSON pointer, rule) of a wrong input."""

    def __init__(self, code: str, *, status: int | None = None, headers: Mapping[str, str] | None = None, errors: Sequence[dict] = ()):
        super().__init__(code)
        self.code = code
        self.status = status
        self.headers = dict(headers or {})
        self.errors = list(errors)


Page = Callable[[Message, str, str], str]
"""(message, request id, Cookie header) → the page for a person with a browser."""


class Renderer:
    """Problems as bodies: a page for a browser where there is one, else RFC 9457 JSON."""

    def __init__(self, messages: Mapping[str, Message], page: Page | None = None):
        self._messages = messages
        self._page = page

    def render(self, problem: Problem, request_id: str, accept: str, cookies: str = "") -> tuple[int, str, bytes]:
        """(status, media type, body). `accept` and `cookies` are the request's headers: only browsers ask for text/html."""
        message = self._messages[problem.code]
        status = problem.status or message.http_status
        if self._page is not None and "text/html" in accept:
            return status, "text/html; charset=utf-8", self._page(message, request_id, cookies).encode()
        body: dict[str, object] = {
            "type": f"/v1/problems#{problem.code}",
            "title": message.sentence,
            "status": status,
            "code": problem.code,
            "next_step": message.next_step,
            "request_id": request_id,
        }
        if problem.errors:
            body["errors"] = problem.errors
        # A pointer may hold a name the caller made up of half a character: it must not become a fault of ours.
        return status, MEDIA_TYPE, json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(errors="backslashreplace")
