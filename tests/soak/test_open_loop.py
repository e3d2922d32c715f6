"""The load generator itself: latency counts from when a request was due, so a stall is seen by all who came during it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.bench import open_loop
from tests.bench.open_loop import Plan

STALL_S = 0.6


class Stalling(BaseHTTPRequestHandler):
    """Answers at once, but for a while after the 20th request nobody at all; body `bad` is refused."""

    protocol_version = "HTTP/1.1"
    count, lock = 0, threading.Lock()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with Stalling.lock:
            Stalling.count += 1
            if Stalling.count == 20:
                time.sleep(STALL_S)
        self.send_response(500 if body == b"bad" else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def url() -> Iterator[str]:
    Stalling.count = 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), Stalling)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


def test_stall_counts_for_every_request_that_was_due_in_it(tmp_path, url):
    bodies = tmp_path / "bodies"
    bodies.write_text("one\ntwo\n")
    made = open_loop.run(Plan(url, str(bodies), "token", rate=100, seconds=1.0, connections=2))
    assert (made.requests, made.errors, len(made.ms)) == (100, 0, 100)
    # A closed loop over two connections would have seen two slow answers; some 50 were due while nobody answered.
    assert sum(one > STALL_S * 1e3 / 2 for one in made.ms) >= 25
    assert made.percentile(0.99) >= STALL_S * 1e3 * 0.8


def test_refusal_is_an_error(tmp_path, url):
    bodies = tmp_path / "bodies"
    bodies.write_text("bad\ngood\n")
    made = open_loop.run(Plan(url, str(bodies), "token", rate=50, seconds=0.4, connections=2))
    assert (made.requests, made.errors, len(made.ms)) == (20, 10, 10)
