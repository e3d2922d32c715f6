"""The pages of an HTTP API, each asked for until it is whole or the attempts are used up.

- Retried with jitter: 408, 429 and 5xx (a `Retry-After` is honoured), timeouts, broken connections, and pages that are cut off:
  a body shorter than its Content-Length, JSON that ends early, fewer or more rows than the declared total leaves.
- Not retried: a redirect (never followed), a refused token, any other 4xx, an answer of another form.
- A declared total that changes between pages means rows moved under the paging: `TotalChanged`, and the caller starts over.
"""

from __future__ import annotations

import email.utils
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import httpx
import tenacity

from connectors.errors import ContractBroken, SourceUnavailable

ATTEMPTS = 6
MAX_WAIT_S = 120
"""The longest a Retry-After is waited for."""
PAGE_SECONDS = 300
"""A page that drips in slower than this is given up, though each byte is in time."""
MAX_PAGE_BYTES = 256 * 1024 * 1024
_RETRIED = {408, 429}


class TotalChanged(Exception):
    """The declared total is not what the first page said."""


class _Transient(Exception):
    def __init__(self, what: str, retry_after_s: float | None = None):
        self.what, self.retry_after_s = what, retry_after_s
        super().__init__(what)


class Digits(float):
    """A number of a JSON text that remembers the digits it was sent with (`12.50`)."""

    def __new__(cls, text: str) -> Digits:
        number = super().__new__(cls, text)
        number.text = text
        return number


@dataclass(frozen=True)
class Layout:
    """How an API pages; dotted paths lead into its answers."""

    items: str = "items"
    total: str | None = "total"
    page_param: str = "page"
    size_param: str = "size"
    page_size: int = 1000
    first_page: int = 1
    cursor: str | None = None
    cursor_param: str = "cursor"

    @classmethod
    def of(cls, options: Mapping[str, object]) -> Layout:
        return cls(**{name: options[name] for name in cls.__dataclass_fields__ if name in options})


@dataclass(frozen=True)
class Page:
    items: list[dict[str, object]]
    total: int | None
    cursor: str | None


class Pages:
    """One resource of one API."""

    def __init__(self, client: httpx.Client, url: str, layout: Layout, *, source: str, sleep: Callable[[float], None]):
        self._client, self._url, self._layout, self._source = client, url, layout, source
        self._retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(ATTEMPTS),
            wait=_wait,
            retry=tenacity.retry_if_exception_type(_Transient),
            sleep=sleep,
            reraise=True,
        )

    def read(self, parameters: Mapping[str, str]) -> Iterator[list[dict[str, object]]]:
        """The items of every page, in order. Raises TotalChanged, SourceUnavailable or ContractBroken."""
        return self._by_cursor(parameters) if self._layout.cursor else self._by_number(parameters)

    def _by_number(self, parameters: Mapping[str, str]) -> Iterator[list[dict[str, object]]]:
        layout, seen, number, total = self._layout, 0, self._layout.first_page, None
        while True:
            asked = {**parameters, layout.page_param: str(number), layout.size_param: str(layout.page_size)}
            page = self._fetch(asked, number, lambda found: _whole(found, total, seen, layout.page_size))  # noqa: B023 called at once
            total = page.total
            seen += len(page.items)
            yield page.items
            if seen == total or (total is None and len(page.items) < layout.page_size):
                return
            number += 1

    def _by_cursor(self, parameters: Mapping[str, str]) -> Iterator[list[dict[str, object]]]:
        layout, seen, number, cursors = self._layout, 0, 1, set[str]()
        asked = {**parameters, layout.size_param: str(layout.page_size)}
        while True:
            page = self._fetch(asked, number, lambda found: None)
            seen += len(page.items)
            yield page.items
            if page.cursor is None:
                if page.total is not None and page.total != seen:
                    raise TotalChanged
                return
            if page.cursor in cursors:
                raise ContractBroken("the API gives the same cursor twice", source=self._source, row=number, hint="tell the provider")
            cursors.add(page.cursor)
            asked[layout.cursor_param] = page.cursor
            number += 1

    def _fetch(self, parameters: Mapping[str, str], number: int, check: Callable[[Page], None]) -> Page:
        def attempt() -> Page:
            page = self._page(self._body(parameters, number), number)
            check(page)
            return page

        try:
            return self._retrying(attempt)
        except _Transient as fault:
            raise SourceUnavailable(
                f"page {number}: {fault.what}, after up to {ATTEMPTS} attempts",
                source=self._source,
                hint="try again later, or ask the provider",
            ) from None

    def _body(self, parameters: Mapping[str, str], number: int) -> bytes:
        try:
            with self._client.stream("GET", self._url, params=dict(parameters)) as answer:
                self._check_status(answer, number)
                body = bytearray()
                until = time.monotonic() + PAGE_SECONDS
                for chunk in answer.iter_bytes():
                    body += chunk
                    if time.monotonic() > until:
                        raise _Transient(f"the page takes longer than {PAGE_SECONDS} s")
                    if len(body) > MAX_PAGE_BYTES:
                        raise ContractBroken(
                            f"page {number} is longer than {MAX_PAGE_BYTES} bytes", source=self._source, hint="lower page_size"
                        )
                return bytes(body)
        except (httpx.TransportError, httpx.DecodingError) as fault:
            # Timeouts, resets, and bodies shorter than their Content-Length. The text may carry the address: left out.
            raise _Transient(type(fault).__name__) from None

    def _check_status(self, answer: httpx.Response, number: int) -> None:
        status = answer.status_code
        if status == 200:
            return
        if status in _RETRIED or status >= 500:
            raise _Transient(f"the API answers {status}", _retry_after(answer))
        hints = {401: "renew the token of the connection", 403: "the token lacks the right", 404: "correct the path in the catalogue"}
        moved = "redirects are not followed: correct the connection or the path" if 300 <= status < 400 else "ask the provider"
        raise ContractBroken(f"page {number}: the API answers {status}", source=self._source, hint=hints.get(status, moved))

    def _page(self, body: bytes, number: int) -> Page:
        try:
            answer = json.loads(body, parse_float=Digits)
        except ValueError:
            raise _Transient("the page is cut off (its JSON does not end)") from None
        items = _at(answer, self._layout.items)
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise ContractBroken(
                f"page {number}: no list of objects at {self._layout.items!r}", source=self._source, hint="set `items` in the catalogue"
            )
        total = _at(answer, self._layout.total) if self._layout.total else None
        if total is not None and not str(total).isdigit():
            raise ContractBroken(f"page {number}: {self._layout.total!r} is not a number", source=self._source)
        cursor = _at(answer, self._layout.cursor) if self._layout.cursor else None
        return Page(items, None if total is None else int(total), str(cursor) if cursor else None)


def _whole(page: Page, total: int | None, seen: int, size: int) -> None:
    """Raises _Transient where the page has not the rows the total leaves, TotalChanged where the total moved."""
    if total is not None and page.total != total:
        raise TotalChanged
    if page.total is None:
        return
    expected = min(size, page.total - seen)
    if len(page.items) != expected:
        raise _Transient(f"the page is cut off ({len(page.items)} rows, {expected} expected by the declared total)")


def _at(answer: object, path: str) -> object:
    for step in path.split("."):
        if not isinstance(answer, dict):
            return None
        answer = answer.get(step)
    return answer


_BACKOFF = tenacity.wait_random_exponential(multiplier=0.5, max=30)


def _wait(state: tenacity.RetryCallState) -> float:
    """What the server asks for, plus jitter; else exponential with full jitter. Seconds."""
    fault = state.outcome.exception() if state.outcome else None
    asked = getattr(fault, "retry_after_s", None)
    jitter = tenacity.wait_random(0, 0.5)(state)
    return _BACKOFF(state) if asked is None else asked + jitter


def _retry_after(answer: httpx.Response) -> float | None:
    """Seconds; a date counts from the server's own Date header, so clocks need not agree."""
    said = answer.headers.get("Retry-After", "").strip()
    if said.isdigit():
        return min(float(said), MAX_WAIT_S)
    try:
        until, since = (email.utils.parsedate_to_datetime(text) for text in (said, answer.headers.get("Date", "")))
        return min(max((until - since).total_seconds(), 0.0), MAX_WAIT_S)
    except (ValueError, TypeError):
        return None
