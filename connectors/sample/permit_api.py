"""The market regulator's permit service: a small paged HTTP API in a process of its own.

`python -m connectors.sample.permit_api DATA --port P --token T` serves `DATA/food_permit.jsonl` on 127.0.0.1 only:

- `GET /permits?page=1&size=500` with `Authorization: Bearer T` → `{"total", "page", "size", "items": [...]}`; page ≥ 1, 1 ≤ size ≤ 5000;
  a page past the end has no items
- 401 without the token, 400 for a page or size that is no such number, 404 elsewhere; `GET /healthz` needs no token
- prints one JSON line with the address once it listens (port 0 = any free port)
"""

from __future__ import annotations

import argparse
import hmac
import json
import mmap
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

FILE = "food_permit.jsonl"
HOST = "127.0.0.1"
DEFAULT_SIZE, MAX_SIZE = 500, 5000


class Pages:
    """The permits as raw lines of their file, found by number without parsing them."""

    def __init__(self, path: Path):
        content = path.read_bytes()
        self._starts = [0]
        at = content.find(b"\n")
        while at >= 0:
            self._starts.append(at + 1)
            at = content.find(b"\n", at + 1)
        if not content.endswith(b"\n"):
            raise ValueError(f"{path.name}: the last line has no end: the file is not complete")
        with path.open("rb") as file:
            self._lines = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def __len__(self) -> int:
        return len(self._starts) - 1

    def page(self, number: int, size: int) -> bytes:
        """The JSON answer for a page."""
        first = min((number - 1) * size, len(self))
        last = min(first + size, len(self))
        items = self._lines[self._starts[first] : max(self._starts[last] - 1, 0)].replace(b"\n", b",") if last > first else b""
        return b'{"total":%d,"page":%d,"size":%d,"items":[%s]}' % (len(self), number, size, items)


class Handler(BaseHTTPRequestHandler):
    """Answers from the server's pages. Logs nothing: paths and answers stay out of every log."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path == "/healthz":
            return self._answer(200, b'{"status":"ok"}')
        if url.path != "/permits":
            return self._problem(404, "no such path")
        if not hmac.compare_digest(self.headers.get("Authorization", "").encode(), f"Bearer {self.server.token}".encode()):
            return self._problem(401, "a bearer token is needed")
        try:
            number, size = _numbers(url.query)
        except ValueError as error:
            return self._problem(400, str(error))
        return self._answer(200, self.server.pages.page(number, size))

    def _problem(self, status: int, title: str) -> None:
        self._answer(status, json.dumps({"status": status, "title": title}).encode())

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        if status == 401:
            self.send_header("WWW-Authenticate", "Bearer")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is logged."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, data: Path, port: int, token: str):
        self.pages = Pages(data / FILE)
        self.token = token
        super().__init__((HOST, port), Handler)


def _numbers(query: str) -> tuple[int, int]:
    given = parse_qs(query, max_num_fields=10)
    number, size = (given.get(name, [default])[-1] for name, default in (("page", "1"), ("size", str(DEFAULT_SIZE))))
    if not (number.isascii() and number.isdigit() and int(number) >= 1):
        raise ValueError("page is a number from 1")
    if not (size.isascii() and size.isdigit() and 1 <= int(size) <= MAX_SIZE):
        raise ValueError(f"size is a number from 1 to {MAX_SIZE}")
    return int(number), int(size)


def serve(data: Path, port: int, token: str) -> None:
    """Serve until interrupted."""
    with Server(data, port, token) as server:
        print(json.dumps({"listening": f"http://{HOST}:{server.server_port}", "permits": len(server.pages)}), flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m connectors.sample.permit_api", description="Serve the sample permits.")
    parser.add_argument("data", type=Path, help="folder of a generated delivery")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--token", required=True)
    options = parser.parse_args(arguments)
    serve(options.data, options.port, options.token)
    return 0


if __name__ == "__main__":
    sys.exit(main())
