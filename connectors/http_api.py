"""A paged JSON API as a feed.

- All pages are fetched before the first row is handed on, into an unnamed temporary file: paging may have to start over,
  and only the last page tells every column.
- The host is the connection's alone: the catalogue gives a path below it, redirects and proxies are not used.
- Numbers keep their digits, null is NULL, nested values are JSON text. If the declared total moves, paging starts over once.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO
from urllib.parse import urlsplit

import httpx
import pyarrow as pa

from catalogs.model import Resource
from connectors import contract
from connectors.errors import ContractBroken, SourceUnavailable
from connectors.paging import Digits, Layout, Pages, TotalChanged
from connectors.protocol import Feed, Origin, well_formed
from connectors.settings import Connection
from connectors.watermark import Highest, cut

_PATH = re.compile(r"(/(?!\.\.?(/|$))[^/\\?#]+)+/?")
"""Plain steps below the base: no empty one, no dots, no query."""


@contextmanager
def feed(
    resource: Resource, connection: Connection, *, now: dt.datetime, since: str | None = None, sleep: Callable[[float], None] = time.sleep
) -> Iterator[Feed]:
    """The API's rows as a feed; `since` goes out as `since_param`, less the declared lag. Fetches everything before it yields."""
    options = resource.connector.options
    headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {connection.token}"} if connection.token else {})
    timeout = httpx.Timeout(float(options.get("timeout_s", 60)), connect=10)
    with httpx.Client(headers=headers, timeout=timeout, follow_redirects=False, trust_env=False) as client:
        pages = Pages(client, _url(resource, connection), Layout.of(options), source=resource.id, sleep=sleep)
        with tempfile.TemporaryFile() as spool:
            yield _ApiFeed(resource, pages, spool, now, since)


class _ApiFeed:
    def __init__(self, resource: Resource, pages: Pages, spool: IO[bytes], now: dt.datetime, since: str | None):
        options = resource.connector.options
        self.source = str(options["path"])
        self._now, self._spool, self._keys = now, spool, {}
        parameter = options.get("since_param")
        self._watermark = contract.watermark_column(resource) if parameter and resource.delivery.mode == "increment" else None
        self._highest = Highest(since, now)
        asked: dict[str, str] = {}
        if self._watermark and since is not None:
            asked[str(parameter)] = cut(since, dt.timedelta(minutes=resource.delivery.lag_minutes), source=resource.id).text
        self._fetch(resource, pages, asked)
        # No row tells no column: then the catalogue's word stands.
        self.columns = list(self._keys) or contract.declared(resource)

    def batches(self) -> Iterator[pa.RecordBatch]:
        self._spool.seek(0)
        line = 1
        while size := int.from_bytes(self._spool.read(8), "big"):
            page = pa.ipc.open_stream(self._spool.read(size)).read_next_batch()
            missing = pa.nulls(page.num_rows, pa.string())
            found = dict(zip(page.schema.names, page.columns, strict=True))
            batch = well_formed(self.columns, [found.get(name, missing) for name in self.columns], line)
            line += batch.num_rows
            if self._watermark in found:
                self._highest.see(found[self._watermark])
            yield batch

    def origin(self) -> Origin:
        return Origin(connector="http_api", as_of=self._now, watermark=self._highest.watermark() if self._watermark else None)

    def _fetch(self, resource: Resource, pages: Pages, asked: dict[str, str]) -> None:
        for _ in range(2):
            self._spool.seek(0)
            self._spool.truncate()
            self._keys.clear()
            try:
                for items in pages.read(asked):
                    self._keep(items)
                return
            except TotalChanged:
                continue
        raise SourceUnavailable(
            "the declared total changed while paging, twice", source=resource.id, file=self.source, hint="pull when the source is at rest"
        )

    def _keep(self, items: list[dict[str, object]]) -> None:
        """One page into the spool: length, then an Arrow stream of the columns it has."""
        if not items:
            return
        keys = dict.fromkeys(key for item in items for key in item)
        self._keys.update(keys)
        batch = pa.record_batch([_column([item.get(key) for item in items]) for key in keys], names=list(keys))
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
        stream = sink.getvalue()
        self._spool.write(stream.size.to_bytes(8, "big"))
        self._spool.write(stream)


def _column(values: list[object]) -> pa.Array:
    texts = [value if value is None or isinstance(value, str) else _text(value) for value in values]
    try:
        return pa.array(texts, pa.string())
    except UnicodeEncodeError:
        # JSON can spell half a surrogate pair; it becomes U+FFFD, which the quality rules find.
        return pa.array([None if text is None else _repaired(text) for text in texts], pa.string())


def _text(value: object) -> str:
    if isinstance(value, Digits):
        return value.text
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _repaired(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _url(resource: Resource, connection: Connection) -> str:
    """The path below the connection's base. Raises ContractBroken if it would lead elsewhere."""
    path = str(resource.connector.options["path"])
    base = urlsplit(connection.url)
    url = connection.url.rstrip("/") + path
    if base.scheme not in ("http", "https") or not base.netloc:
        raise ContractBroken("the connection is not an http(s) address", source=resource.id, hint="give https://:TOKEN@host/base")
    if not _PATH.fullmatch(path) or urlsplit(url).netloc != base.netloc:
        raise ContractBroken(
            "the path leads away from the connection's address", source=resource.id, hint="give a plain path that begins with /"
        )
    return url
