"""Who computes on many license versions, to issue or to inspect them: this process for few, worker processes for many.

Workers are programs of their own (`service.worker`): nothing is forked, and what this process runs for (a command, a server, an
Airflow task) is not imported again in each. Results come in the order of the jobs, whoever made them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from queue import SimpleQueue
from typing import TYPE_CHECKING, Generic, TypeVar

from license_hub.errors import CrewFault
from license_hub.service.worker import receive, send

if TYPE_CHECKING:
    from license_hub.service.hub import Hub
    from license_hub.storage.crypt import Crypt

Job = TypeVar("Job")
Made = TypeVar("Made")
Note = TypeVar("Note")
Process = subprocess.Popen[bytes]

LARGE = 5_000
"""Rows from which starting processes pays."""


class Crew(Generic[Job, Made]):
    """Workers are started for the first large batch and stay until `close`. `task` is a function of a module: it goes by its name."""

    def __init__(self, hub: Hub, task: Callable[[Job, Crypt, Callable[[int], bytes]], Made]):
        self._hub, self._task = hub, task
        # Injected entropy is one stream of bytes: only this process can read it in order.
        self._size = hub.workers if hub.entropy is os.urandom else 0
        self._workers: list[Process] = []
        self._idle: SimpleQueue[Process] = SimpleQueue()
        self._threads = ThreadPoolExecutor(max(self._size, 1))
        self._crypt = hub.crypt

    def run(self, jobs: Iterable[tuple[Job, Note]], rows: int) -> Iterator[tuple[Note, Made]]:
        """Each job's result, in order, with the note that came with it; `rows` is how many there are in all. Raises CrewFault."""
        if not self._size or rows < LARGE:
            for job, note in jobs:
                yield note, self._task(job, self._hub.crypt, self._hub.entropy)
            return
        if self._crypt is not self._hub.crypt:
            # Keys were rotated since these started.
            self._end()
            self._crypt = self._hub.crypt
        self.expect(rows)
        waiting: deque[tuple[Note, Future[Made]]] = deque()
        for job, note in jobs:
            waiting.append((note, self._threads.submit(self._ask, job)))
            # A few jobs more than workers: nobody waits while rows are loaded, and encoded rows do not pile up in memory.
            while len(waiting) > self._size + 2:
                first, future = waiting.popleft()
                yield first, future.result()
        for first, future in waiting:
            yield first, future.result()

    def expect(self, rows: int) -> None:
        """A batch of about that size is coming: workers start while it is still being read."""
        while rows >= LARGE and len(self._workers) < self._size:
            command = [sys.executable, "-m", "license_hub.service.worker"]
            worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 (our own module)
            self._workers.append(worker)
            self._threads.submit(self._begin, worker)

    def close(self) -> None:
        """Ends the workers: those at work are not waited for, nobody wants their rows any more."""
        self._end()

    def _end(self) -> None:
        for worker in self._workers:
            worker.kill()
        self._threads.shutdown(cancel_futures=True)
        for worker in self._workers:
            # What a killed worker did not read is still in its pipe's buffer.
            with suppress(OSError):
                worker.stdin.close()
            worker.stdout.close()
            worker.wait()
        self._workers.clear()
        self._idle = SimpleQueue()
        self._threads = ThreadPoolExecutor(max(self._size, 1))

    def _begin(self, worker: Process) -> None:
        # One that did not even start is put in its place all the same: whoever gives it a job finds out, nobody waits for ever.
        with suppress(OSError):
            send(worker.stdin, (self._crypt.data_key, self._crypt.index_key, dict(self._crypt.older), self._task))
        self._idle.put(worker)

    def _ask(self, job: Job) -> Made:
        worker = self._idle.get()
        try:
            send(worker.stdin, job)
            made = receive(worker.stdout)
        except (EOFError, OSError):
            raise CrewFault("a worker process ended in the middle of a job; nothing of the publication was stored, run it again") from None
        finally:
            self._idle.put(worker)
        if isinstance(made, Exception):
            raise made
        return made
