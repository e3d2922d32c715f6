"""What the hub refuses, as exceptions: RFC 9457 problems by kind, with the code to act upon and the sentence to show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import httpx


class HubProblem(Exception):
    """`code` stays, `title` and `next_step` are for people and may change; `request_id` is what the hub's staff look for."""

    def __init__(self, status: int, told: Mapping[str, object], retry_after: float | None = None):
        self.status = status
        self.code = str(told.get("code", ""))
        self.title = str(told.get("title", ""))
        self.next_step = str(told.get("next_step", ""))
        self.request_id = str(told.get("request_id", ""))
        errors = told.get("errors", [])
        self.errors: Sequence[Mapping[str, str]] = errors if isinstance(errors, list) else []
        self.retry_after = retry_after
        """Seconds to wait, where the hub says."""
        super().__init__(f"{status} {self.code}: {self.title} {self.next_step}".rstrip())


class InvalidRequest(HubProblem):
    """What was sent is wrong; `errors` names where and which rule."""


class NotAuthenticated(HubProblem):
    """No token counts: the key is not registered, or the client is disabled."""


class TokenRefused(NotAuthenticated):
    """The token endpoint refuses; `code` is OAuth's own (RFC 6749 §5.2)."""


class Forbidden(HubProblem):
    """Scope, license type, use grant or the holder's word is missing; `code` says which."""


class NotFound(HubProblem):
    """Nothing of that id is this client's, or it may not use it on that case."""


class Conflict(HubProblem):
    """As things stand it cannot be done: no open case, a number taken, a license not in force."""


class Gone(HubProblem):
    """It was there: erased, or fetched already."""


class RateLimited(HubProblem):
    """A budget is used up; come back after `retry_after`."""


class Unavailable(HubProblem):
    """The hub cannot answer now, and nothing was done that it would not tell when asked again."""


class Unreachable(Exception):
    """No answer came, however often it was tried. What was asked may have been done: ask again with the same idempotency key."""


KINDS = {400: InvalidRequest, 401: NotAuthenticated, 403: Forbidden, 404: NotFound, 409: Conflict, 410: Gone, 429: RateLimited}


def problem(answer: httpx.Response) -> HubProblem:
    """The refusal an answer is. An answer that is none of the hub's own, such as a proxy's, has no code."""
    try:
        told = answer.json()
    except ValueError:
        told = {}
    told = told if isinstance(told, dict) else {}
    if "error" in told:
        return TokenRefused(answer.status_code, {"code": told["error"], "title": told.get("error_description", "")})
    known = KINDS.get(answer.status_code, Unavailable if answer.status_code >= 500 else InvalidRequest)
    return known(answer.status_code, told, wait_of(answer))


def wait_of(answer: httpx.Response) -> float | None:
    """Seconds of Retry-After."""
    text = answer.headers.get("retry-after", "")
    return float(text) if text.isdigit() else None
