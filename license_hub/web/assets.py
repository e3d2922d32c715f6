"""Files the pages load: ours, and libraries that npm brought at set-up. Read and compressed once; named by content, so kept for good.

Without `node_modules` the libraries are not there: pages ask `has` and work as plain forms and tables.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import brotli
from fastapi import APIRouter, Request
from fastapi.responses import Response

from license_hub.api.compressing import encoding

HERE = Path(__file__).parent / "static"
LIBRARIES = Path(__file__).resolve().parents[2] / "node_modules"
VENDOR = {"vendor/htmx.min.js": "htmx.org/dist/htmx.min.js", "vendor/echarts.simple.min.js": "echarts/dist/echarts.simple.min.js"}
"""Name below /static → file below node_modules."""
TYPES = {".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".js": "text/javascript; charset=utf-8"}
BROTLI = 9
"""Of 11: the charts' library takes 0.1 s at start instead of 1.4, for 12 KB more."""
SHORT, FOR_GOOD = "public, max-age=300", "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class Asset:
    """One file in the forms it is sent in: content encoding ('' = as it is) → bytes."""

    kind: str
    mark: str
    """Of its content, 16 hex digits."""
    forms: Mapping[str, bytes]

    def answer(self, request: Request) -> Response:
        wanted = encoding(request.headers.get("accept-encoding", ""), self.forms)
        tag = f'"{self.mark}{wanted and "-"}{wanted}"'
        age = FOR_GOOD if request.query_params.get("v") == self.mark else SHORT
        headers = {"ETag": tag, "Cache-Control": age, "Vary": "Accept-Encoding"} | ({"Content-Encoding": wanted} if wanted else {})
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(self.forms[wanted], media_type=self.kind, headers=headers)


class Assets:
    def __init__(self, found: Mapping[str, Asset]):
        self._found = found

    @property
    def names(self) -> list[str]:
        return list(self._found)

    def has(self, name: str) -> bool:
        return name in self._found

    def url(self, name: str) -> str:
        """Address of a file, changing with its content. Raises KeyError for a file that is not there."""
        return f"/static/{name}?v={self._found[name].mark}"

    def router(self) -> APIRouter:
        """A route for each file: there is no path a caller could choose."""
        made = APIRouter(include_in_schema=False)
        for name, one in self._found.items():
            made.add_api_route(f"/static/{name}", _answering(one), methods=["GET", "HEAD"])
        return made


@cache
def assets() -> Assets:
    """Of this process."""
    ours = ((one.name, one) for one in sorted(HERE.iterdir()) if one.suffix in TYPES)
    brought = ((name, LIBRARIES / path) for name, path in VENDOR.items())
    return Assets({name: read(path) for name, path in (*ours, *brought) if path.is_file()})


def read(path: Path) -> Asset:
    data = path.read_bytes()
    small = {"br": brotli.compress(data, quality=BROTLI), "gzip": gzip.compress(data, 9, mtime=0)}
    forms = {"": data, **{name: one for name, one in small.items() if len(one) < len(data)}}
    return Asset(TYPES[path.suffix], hashlib.sha256(data).hexdigest()[:16], forms)


def _answering(asset: Asset):
    async def file(request: Request) -> Response:
        return asset.answer(request)

    return file
