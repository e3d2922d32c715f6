"""Who computes license versions: this process for small batches, worker processes for large ones.

Workers are spawned (no forked locks or sockets), get keys through their initialiser's pipe, and send back encoded rows. Results come
in the order of the jobs, whoever made them.
"""

from __future__ import annotations

import gc
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING

from license_hub.service.versions import Job, Made, make
from license_hub.storage.crypt import Crypt

if TYPE_CHECKING:
    # Workers import this module: the hub, its migrations and its catalogue are none of their business and cost a second each.
    from license_hub.service.hub import Hub

LARGE = 5_000
"""Rows from which starting processes pays."""

_crypt: Crypt | None = None
"""The worker's own copy."""


class Crew:
    """Workers are started for the first large batch and stay until `close`."""

    def __init__(self, hub: Hub):
        self._hub = hub
        # Injected entropy is one stream of bytes: only this process can read it in order.
        self._workers = hub.workers if hub.entropy is os.urandom else 0
        self._pool: ProcessPoolExecutor | None = None

    def run(self, jobs: Iterable[Job], rows: int) -> Iterator[tuple[Job, Made]]:
        """Each job with its result, in order; `rows` is how many there are in all."""
        if not self._workers or rows < LARGE:
            for job in jobs:
                yield job, make(job, self._hub.crypt, self._hub.entropy)
            return
        waiting: deque[tuple[Job, Future[Made]]] = deque()
        pool = self._started()
        for job in jobs:
            waiting.append((job, pool.submit(_work, job)))
            # A few jobs more than workers: nobody waits while rows are loaded, and encoded rows do not pile up in memory.
            while len(waiting) > self._workers + 2:
                first, future = waiting.popleft()
                yield first, future.result()
        for first, future in waiting:
            yield first, future.result()

    def expect(self, rows: int) -> None:
        """A batch of about that size is coming: workers start while it is still being read."""
        if self._workers and rows >= LARGE:
            pool = self._started()
            for _ in range(self._workers):
                pool.submit(_ready)

    def close(self) -> None:
        if self._pool is not None:
            # Idle workers end by themselves; nobody waits for them.
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            crypt = self._hub.crypt
            keys = (crypt.data_key, crypt.index_key)
            self._pool = ProcessPoolExecutor(self._workers, mp_context=get_context("spawn"), initializer=_begin, initargs=keys)
        return self._pool


def _begin(data_key: bytes, index_key: bytes) -> None:
    global _crypt
    _crypt = Crypt(data_key, index_key)
    # Jobs make no cycles, and a worker ends with its publication: collecting would only walk rows on their way out.
    gc.disable()


def _ready() -> None:
    """Nothing to do but to be there."""


def _work(job: Job) -> Made:
    return make(job, _crypt)
