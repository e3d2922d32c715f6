"""Processes that tests may kill, by the dozen: forked from one that has imported everything, so that each starts at once.

A module's `main` calls `serve(live)`: one job a line (JSON), a process forked for it, its pid told, its end waited for, its exit code
told. Nothing is shared but code. A test talks to it through `Nursery`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def serve(live: Callable[[dict], None]) -> None:
    """Until its input ends. `live` does a job in a process of its own."""
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                live(job)
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(code)
        print(json.dumps({"pid": pid}), flush=True)
        _, status = os.waitpid(pid, 0)
        print(json.dumps({"code": os.waitstatus_to_exitcode(status)}), flush=True)


class Nursery:
    """Starts processes, one at a time; a second nursery runs a second one beside."""

    def __init__(self, module: str, log: Path):
        self.log = log
        self._file = log.open("ab")
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self._file}
        self._process = subprocess.Popen([sys.executable, "-m", module], cwd=ROOT, text=True, **pipes)
        self._said("ready")

    def begin(self, job: dict) -> int:
        """The new process's pid."""
        print(json.dumps(job), file=self._process.stdin, flush=True)
        return self._said("pid")

    def ended(self) -> int:
        """Exit code of the process, once it has ended; negative: the signal that ended it."""
        return self._said("code")

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()
        self._file.close()

    def _said(self, name: str) -> int:
        line = self._process.stdout.readline()
        assert line, f"the nursery ended: {self.log.read_text()[-3000:]}"
        return json.loads(line)[name]
