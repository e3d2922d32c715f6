"""Start a program, wait until it answers, stop it by its pid: nothing outlives a test."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path


def free_port() -> int:
    """A TCP port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running(
    command: Sequence[str], *, env: Mapping[str, str], log: Path, ready: Callable[[], bool], seconds: float = 90, cwd: Path | None = None
) -> Iterator[subprocess.Popen]:
    """The process, once `ready()` holds. Its output goes to `log`; its whole process group is stopped at the end."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=dict(env), stdout=output, stderr=subprocess.STDOUT, cwd=cwd, start_new_session=True)
        try:
            wait_for(ready, seconds, process, log)
            yield process
        finally:
            stop(process)


def wait_for(ready: Callable[[], bool], seconds: float, process: subprocess.Popen, log: Path) -> None:
    """Returns once `ready()` holds. Raises AssertionError with the log's end if the process ends or time is up."""
    until = time.monotonic() + seconds
    while not ready():
        assert process.poll() is None, f"ended with {process.returncode}: {tail(log)}"
        assert time.monotonic() < until, f"not ready after {seconds} s: {tail(log)}"
        time.sleep(0.1)


def stop(process: subprocess.Popen, patience: float = 15) -> None:
    """SIGTERM to the process group, SIGKILL to what ignores it."""
    for sign, wait in ((signal.SIGTERM, patience), (signal.SIGKILL, 5)):
        try:
            os.killpg(process.pid, sign)
            process.wait(wait)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def tail(log: Path, characters: int = 2000) -> str:
    return log.read_text(errors="replace")[-characters:] if log.exists() else ""


def answers(port: int) -> bool:
    """Whether something accepts connections on 127.0.0.1:port."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
