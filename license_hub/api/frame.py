"""The frame around every request: id, limits, security headers, one log line, one count.

- `X-Request-ID` is taken over if it looks like one (`REQUEST_ID`), else made; it goes into the answer, the log and the audit.
- The body is read here, whole, with a cap on bytes and seconds, and JSON is refused if it is deep or names something twice:
  nothing behind this line ever sees more (T29, finding 3).
- Answers are `no-store` unless a route says otherwise, and may load nothing from elsewhere nor be framed (T32), but for the pages below
  FRAMED, which the one configured origin may frame.
- The log line and the metrics carry the route's template, never the path: an identifier is not for logs (T30).
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from random import getrandbits
from typing import Any

from fastapi import Request

from license_hub.errors import JoseRefused
from license_hub.signing.jose import unique_names

from . import logs, metrics, problems
from .compressing import Page
from .plain_calls import PlainCall
from .problem import Problem, Renderer

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Allowance = Callable[[Request], Awaitable[int | None]]
"""How large this request's body may be, where its route and whoever sends it may send a large one; else None."""

REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
MAX_BODY_BYTES = 64 * 1024
MAX_FILE_BODY_BYTES = 2 * 1024 * 1024
FILE_ROUTES = ("/v1/intake/", "/v1/verifications/file", "/verify/file", "/elicense/v1/verifyFile")
"""Routes whose body may carry a file, or be one."""
CHECKED_FILE = "/v1/verifications/file"
"""Here JSON is a file somebody shows, which answers a verdict however it is written."""
UPLOADS_BELOW = "/quality/"
UPLOADS_AT_ONCE = 2
"""Bodies larger than those are held in memory, so that nothing of them touches the disk: no more than this many."""
MAX_JSON_DEPTH = 8
BODY_SECONDS, UPLOAD_SECONDS = 10.0, 120.0
BODYLESS = frozenset({"GET", "HEAD"})
"""Methods whose body, if a caller sends one, nobody reads."""

CONTENT_SECURITY_POLICY = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors {}; object-src 'none'"
FRAMED = "/quality/framed/"
"""Pages that only show something, for Airflow's frame."""


def security_headers(framing: str = "") -> tuple[tuple[bytes, bytes], ...]:
    """Of every answer; `framing` is the origin that may frame it, '' = none."""
    return (
        (b"content-security-policy", CONTENT_SECURITY_POLICY.format(framing or "'none'").encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
        (b"cross-origin-opener-policy", b"same-origin"),
        (b"cross-origin-resource-policy", b"same-origin"),
        (b"server", b"hub"),
        (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    )


SECURITY_HEADERS = security_headers()

ANSWER_HEADERS = "answer_headers"
"""Of a request's state: headers its answer gets, whatever it will be."""

CLIENT_GONE = 499
"""Counted and logged where a caller left before the answer."""

logger = logging.getLogger("hub.http")


class ClientGone(Exception):
    """The caller left in the middle of its request: half a body is not looked at."""


class Frame:
    """ASGI wrapper; see the module's rules. One instance a process."""

    def __init__(
        self,
        app: Callable[[Scope, Receive, Send], Awaitable[None]],
        renderer: Renderer,
        plain: Mapping[tuple[str, str], PlainCall] | None = None,
        allowance: Allowance | None = None,
        framing: str = "",
    ):
        self._app = app
        self._renderer = renderer
        self._plain = plain or {}
        """(method, path) → how its plain calls are answered."""
        self._allowance = allowance
        self._framed = security_headers(framing)
        self._uploads = asyncio.Semaphore(UPLOADS_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        headers = self._framed if scope["path"].startswith(FRAMED) else SECURITY_HEADERS
        answer = Answering(send, request_id_of(scope), self._renderer, scope, headers)
        token = logs.request_id.set(answer.request_id)
        scope.setdefault("state", {})["request_id"] = answer.request_id
        try:
            await self._serve(scope, receive, answer)
        finally:
            seconds = time.perf_counter() - started
            route = getattr(scope.get("route"), "path", "-")
            metrics.observe(route, scope["method"], answer.status or CLIENT_GONE, seconds)
            logger.info("request", extra=answer.described(route, scope["method"], seconds))
            logs.request_id.reset(token)

    async def _serve(self, scope: Scope, receive: Receive, answer: Answering) -> None:
        try:
            if scope["method"] in BODYLESS:
                await self._app(scope, receive, answer.send)
                return
            large = self._allowance is not None and scope["path"].startswith(UPLOADS_BELOW)
            most = await self._allowance(Request(scope)) if large else None
            if most is None:
                await self._answer(scope, await read_body(scope, receive, most_bytes(scope)), receive, answer)
                return
            async with self._uploads:
                await self._answer(scope, await read_body(scope, receive, most, UPLOAD_SECONDS), receive, answer)
        except ClientGone:
            return
        except Problem as refusal:
            await answer.problem(refusal)
        except Exception as fault:
            # Whatever it was, the caller gets a problem with the id that finds this line, and no trace of our inside.
            if not answer.started and (refusal := problems.known(fault)) is not None:
                await answer.problem(refusal)
            else:
                logger.exception("fault")
        if not answer.started:
            await answer.problem(Problem("INTERNAL"))

    async def _answer(self, scope: Scope, body: bytes, receive: Receive, answer: Answering) -> None:
        if not await self._answered_plainly(scope, body, receive, answer):
            await self._app(scope, replay(body, receive), answer.send)

    async def _answered_plainly(self, scope: Scope, body: bytes, receive: Receive, answer: Answering) -> bool:
        call = self._plain.get((scope["method"], scope["path"]))
        if call is None:
            return False
        scope |= {"app": self._app, "route": call}
        try:
            response = await call.response(Request(scope), body)
        except Problem:
            raise
        except Exception as fault:
            if (refusal := problems.known(fault)) is None:
                raise
            raise refusal from fault
        if response is not None:
            await response(scope, receive, answer.send)
        return response is not None


class Answering:
    """The answer on its way out: adds the headers every answer has, compresses pages, and remembers its status."""

    def __init__(self, send: Send, request_id: str, renderer: Renderer, scope: Scope, headers: tuple[tuple[bytes, bytes], ...]):
        self._send = send
        self._renderer = renderer
        self._accept, self._cookies = header(scope, b"accept"), header(scope, b"cookie")
        self._encodings = header(scope, b"accept-encoding")
        self._headers = headers
        self._scope = scope
        self._page: Page | None = None
        self.request_id = request_id
        self.status = 0
        self.started = False

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            self.status = message["status"]
            headers = list(message.get("headers", ()))
            if not any(name.lower() == b"cache-control" for name, _ in headers):
                headers.append((b"cache-control", b"no-store"))
            headers += self._scope.get("state", {}).get(ANSWER_HEADERS, ())
            message["headers"] = [*headers, *self._headers, (b"x-request-id", self.request_id.encode()), worker()]
            if Page.is_one(message):
                self._page = Page(message, self._encodings)
                return
        elif self._page is not None:
            head, message = self._page.finished(message)
            self._page = None
            await self._send(head)
        await self._send(message)

    def described(self, route: str, method: str, seconds: float) -> dict[str, object]:
        return {"route": route, "method": method, "status": self.status or CLIENT_GONE, "ms": round(seconds * 1e3, 1)}

    async def problem(self, refusal: Problem) -> None:
        status, kind, body = self._renderer.render(refusal, self.request_id, self._accept, self._cookies)
        headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
        headers += [(name.lower().encode(), value.encode()) for name, value in refusal.headers.items()]
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})


def worker() -> tuple[bytes, bytes]:
    """Which process answered: what an operator asks first when two workers differ."""
    return b"hub-worker", str(os.getpid()).encode()


def request_id_of(scope: Scope) -> str:
    """The caller's `X-Request-ID` if it is well formed, else a fresh one."""
    given = header(scope, b"x-request-id")
    # Names a request and guards nothing: the system's own randomness would give up the interpreter's lock for each.
    return given if REQUEST_ID.fullmatch(given) else f"{getrandbits(128):032x}"


def header(scope: Scope, name: bytes) -> str:
    """First header of that name (lower case), or ''."""
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


async def read_body(scope: Scope, receive: Receive, most: int, seconds: float | None = None) -> bytes:
    """The whole body. Raises Problem if it is too large, too slow, or JSON nobody should parse; ClientGone."""
    declared = header(scope, b"content-length")
    if declared.isdigit() and int(declared) > most:
        raise Problem("TOO_LARGE", headers={"Connection": "close"})
    try:
        async with asyncio.timeout(BODY_SECONDS if seconds is None else seconds):
            body = await _collect(receive, most)
    except TimeoutError:
        raise Problem("INVALID_REQUEST", status=408, headers={"Connection": "close"}) from None
    if body and "json" in header(scope, b"content-type").lower() and scope["path"] != CHECKED_FILE:
        check_json(body)
    return body


def most_bytes(scope: Scope) -> int:
    """What the route's body may take."""
    return MAX_FILE_BODY_BYTES if str(scope["path"]).startswith(FILE_ROUTES) else MAX_BODY_BYTES


async def _collect(receive: Receive, most: int) -> bytes:
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > most:
            raise Problem("TOO_LARGE", headers={"Connection": "close"})
        if not message.get("more_body", False):
            return b"".join(parts)


def check_json(body: bytes) -> None:
    """Raises Problem if `body` is not JSON, nests deeper than MAX_JSON_DEPTH or gives a name twice in one object."""
    try:
        value = json.loads(body, object_pairs_hook=unique_names)
    except JoseRefused:
        raise Problem("INVALID_REQUEST", errors=[{"pointer": "", "rule": "duplicate_name"}]) from None
    except (ValueError, RecursionError):
        raise Problem("INVALID_REQUEST", errors=[{"pointer": "", "rule": "not_json"}]) from None
    if _deeper(value, MAX_JSON_DEPTH):
        raise Problem("INVALID_REQUEST", errors=[{"pointer": "", "rule": "too_deep"}])


def _deeper(value: object, most: int) -> bool:
    if not isinstance(value, (dict, list)):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return most == 0 or any(_deeper(one, most - 1) for one in inner)


def replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body once, then what the server says (a disconnect)."""
    given = False

    async def again() -> MutableMapping[str, Any]:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
