"""The real witness as a process on a free port, started by the command line and stopped, or killed, by its own pid."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.support.processes import free_port, running


@dataclass(frozen=True)
class Running:
    url: str
    process: subprocess.Popen

    def add(self, body: bytes) -> httpx.Response:
        return httpx.post(f"{self.url}/add-checkpoint", content=body, timeout=10, verify=False)

    def kill(self) -> None:
        """SIGKILL to the whole group: server and worker die between any two instructions."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextmanager
def serving(directory: Path, port: int | None = None) -> Iterator[Running]:
    port = port or free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
    command = [sys.executable, "-m", "license_hub.cli", "witness", "serve", str(directory), "--port", str(port)]
    with running(command, env=environment, log=directory.parent / f"witness-{port}.log", ready=lambda: healthy(url)) as process:
        yield Running(url, process)


def healthy(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", timeout=2, verify=False).status_code == 200
    except httpx.TransportError:
        return False
