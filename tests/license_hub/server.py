"""The real server as a process on a free port: `hub serve` under granian, its settings by environment, stopped by its own pid."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from license_hub.settings import Settings

START_S = 180


@dataclass(frozen=True)
class Server:
    url: str
    metrics_url: str
    pid: int
    log: Path
    """What the process wrote to stderr."""


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on at this moment, one after the other: workers count theirs up from the first they are given."""
    while True:
        with ExitStack() as opened:
            first = opened.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
            with suppress(OSError, OverflowError):
                for port in range(first + 1, first + count):
                    opened.enter_context(socket.create_server(("127.0.0.1", port)))
                return list(range(first, first + count))


def environment(settings: Settings, port: int, metrics_port: int, **more: str) -> dict[str, str]:
    """The process's environment: this one's without any HUB_ variable, the given settings, and more variables."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
    return kept | {
        "HUB_LAKE": str(settings.lake),
        "HUB_DATABASE_URL": settings.database_url,
        "HUB_KEYS": str(settings.keys),
        "HUB_PORT": str(port),
        "HUB_METRICS_PORT": str(metrics_port),
        # One client stands for many here; tests of budgets give their own.
        **dict.fromkeys(("HUB_BUDGET_CALLS", "HUB_BUDGET_MISSES", "HUB_BUDGET_SUBJECT"), "1000000000"),
        **more,
    }


@contextmanager
def running(settings: Settings, folder: Path, workers: int = 1, **more: str) -> Iterator[Server]:
    """A server over a hub that is there already, `more` in its environment (`{url}` there is its own address).

    Raises RuntimeError if it does not come up.
    """
    port, metrics_port, *_ = free_ports(1 + workers)
    more = {name: value.replace("{url}", f"http://127.0.0.1:{port}") for name, value in more.items()}
    log = folder / "server.log"
    command = [sys.executable, "-m", "license_hub.cli", "serve", "--workers", str(workers)]
    with log.open("wb") as stderr:
        process = subprocess.Popen(command, env=environment(settings, port, metrics_port, **more), stdout=subprocess.DEVNULL, stderr=stderr)
    server = Server(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{metrics_port}/metrics", process.pid, log)
    try:
        wait_ready(server, process)
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_ready(server: Server, process: subprocess.Popen) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(f"{server.url}/readyz", timeout=2, verify=False).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError("the server did not come up:\n" + "\n".join(server.log.read_text().splitlines()[-20:]))
