"""Open-loop load: verifications at a constant rate over keep-alive connections, latency counted from when each was *due*.

A closed loop (wrk) sends the next request when the last was answered, so a server that stalls is asked less and its stall is seen once.
Here request n is due at start + n / rate whatever the server does; if every connection is busy it waits its turn, and that counts.

A process of its own: `python -m tests.bench.open_loop`, one JSON object on standard input (`Plan`), one on standard output (`Result`).
Plain sockets and epoll: some 30 µs of CPU a request, so that at half load the generator takes little of the cores it shares.
"""

from __future__ import annotations

import gc
import json
import selectors
import socket
import subprocess
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from urllib.parse import urlsplit

PATIENCE_S = 15.0
"""How long after the last request was due an answer may still come; what is missing then is an error."""


@dataclass(frozen=True)
class Plan:
    url: str
    bodies: str
    """File with one request body a line, used in turn."""
    token: str = field(repr=False)
    rate: float
    """Requests a second."""
    seconds: float
    connections: int
    start: int = 0
    """First line to use."""


@dataclass
class Result:
    requests: int
    """Due within the time."""
    errors: int
    """Not answered with 200, or not at all."""
    ms: list[float]
    """Latency of each answer from when it was due, in the order of the answers."""

    def percentile(self, share: float) -> float:
        """Milliseconds that `share` (0–1) of the answers did not exceed."""
        ordered = sorted(self.ms)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def run(plan: Plan) -> Result:
    """The load by a process of its own. Raises CalledProcessError."""
    command = [sys.executable, "-m", "tests.bench.open_loop"]
    made = subprocess.run(command, input=json.dumps(asdict(plan)), capture_output=True, text=True, check=True)
    return Result(**json.loads(made.stdout))


class Connection:
    """One keep-alive connection: at most one request under way."""

    def __init__(self, address: tuple[str, int]):
        self.socket = socket.create_connection(address, timeout=PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.due = 0.0
        self._received = b""

    def send(self, request: bytes, due: float) -> None:
        self.due, self._received = due, b""
        self.socket.sendall(request)

    def read(self) -> int | None:
        """The answer's status once it is whole, None before. Raises ConnectionError."""
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("closed by the server")
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return None
        return int(head[9:12])


def _length(head: bytes) -> int:
    place = head.lower().index(b"content-length:") + len(b"content-length:")
    return int(head[place:].split(b"\r\n", 1)[0])


class Load:
    def __init__(self, plan: Plan):
        place = urlsplit(plan.url)
        self._plan = plan
        self._address = (place.hostname or "", place.port or 80)
        self._requests = _requests(plan, place.netloc, place.path)
        self._selector = selectors.DefaultSelector()
        self._idle = deque(self._connect() for _ in range(plan.connections))
        self._result = Result(int(plan.rate * plan.seconds), 0, [])

    def run(self) -> Result:
        plan, sent, result = self._plan, 0, self._result
        start = time.perf_counter()
        until = start + plan.seconds + PATIENCE_S
        while len(result.ms) + result.errors < result.requests and time.perf_counter() < until:
            now = time.perf_counter()
            while sent < result.requests and self._idle and start + sent / plan.rate <= now:
                self._idle.popleft().send(self._requests[(plan.start + sent) % len(self._requests)], start + sent / plan.rate)
                sent += 1
            waits = start + sent / plan.rate - now if sent < result.requests and self._idle else 0.5
            for key, _ in self._selector.select(max(0.0, waits)):
                self._take(key.data)
        result.errors += result.requests - len(result.ms) - result.errors
        return result

    def _take(self, one: Connection) -> None:
        try:
            status = one.read()
        except ConnectionError:
            self._result.errors += 1
            self._selector.unregister(one.socket)
            one.socket.close()
            self._idle.append(self._connect())
            return
        if status is None:
            return
        if status == 200:
            self._result.ms.append(round((time.perf_counter() - one.due) * 1e3, 3))
        else:
            self._result.errors += 1
        self._idle.append(one)

    def _connect(self) -> Connection:
        made = Connection(self._address)
        self._selector.register(made.socket, selectors.EVENT_READ, made)
        return made


def _requests(plan: Plan, host: str, path: str) -> list[bytes]:
    """Every request as it goes over the wire, made before the clock runs."""
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {plan.token}\r\nContent-Type: application/json\r\n".encode()
    with open(plan.bodies, "rb") as file:
        bodies = file.read().splitlines()
    return [head + b"Content-Length: %d\r\n\r\n%b" % (len(body), body) for body in bodies]


if __name__ == "__main__":
    gc.disable()
    print(json.dumps(asdict(Load(Plan(**json.load(sys.stdin))).run())))
