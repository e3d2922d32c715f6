"""Concurrent calls on one event loop become one batch call in a worker thread.

- Idle: the first call starts at once, alone; nothing waits for company.
- Busy: what arrives while a batch runs is the next batch (at most `limit`), so one look-up, one transaction and one durable
  audit commit serve them all, and batches grow exactly as load does.
- One batch runs at a time: a second would compete for the same core and the same write-ahead log.
- A batch costs some milliseconds of two cores before its first call (threads and the database wake each other): after one that had company
  the next begins no sooner than PACE_S after it, so that more share the next.
- Every caller gets its own answer. A fault that concerns all (`shared`, such as the database being away) goes to all at once;
  any other fault of a batch is pinned down by running its calls alone, so one poisonous call cannot harm its neighbours.
- A caller that went away does not cancel the others.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from .patience import PATIENCE_S, TooSlow

PACE_S = 0.01
"""From the beginning of a batch of several to that of the next one."""

Request = TypeVar("Request")
Answer = TypeVar("Answer")


class Overloaded(Exception):
    """More calls wait than may; the caller should come back later."""


class Coalescer(Generic[Request, Answer]):
    """Turns `await call(request)` into `batch([request, …]) -> [answer, …]`, answers in the order of the requests."""

    def __init__(
        self,
        batch: Callable[[Sequence[Request]], Sequence[Answer]],
        *,
        limit: int = 256,
        waiting: int = 4096,
        patience_s: float = PATIENCE_S,
        pace_s: float = PACE_S,
        shared: tuple[type[Exception], ...] = (),
    ):
        self._batch = batch
        self._limit = limit
        self._most = waiting
        self._patience_s = patience_s
        self._pace_s = pace_s
        self._shared = shared
        self._queue: deque[tuple[Request, asyncio.Future[Answer]]] = deque()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="verify")
        self._runner: asyncio.Task[None] | None = None

    async def call(self, request: Request) -> Answer:
        """The answer to one request. Raises Overloaded, TooSlow, or the fault the batch met."""
        if len(self._queue) >= self._most:
            raise Overloaded
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()
        self._queue.append((request, future))
        if self._runner is None:
            self._runner = asyncio.create_task(self._run())
        # One timer instead of a timeout's scope: a call costs less than a tenth of it.
        patience = loop.call_later(self._patience_s, _give_up, future)
        try:
            return await future
        finally:
            patience.cancel()

    def close(self) -> None:
        """Let the running batch finish, start no other."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    async def _run(self) -> None:
        """Batches until the queue is empty. There is no `await` between seeing it empty and giving up the runner's place."""
        loop = asyncio.get_running_loop()
        try:
            while self._queue:
                taken = [self._queue.popleft() for _ in range(min(self._limit, len(self._queue)))]
                began = loop.time()
                await self._answer([one for one in taken if not one[1].done()])
                rest = began + self._pace_s - loop.time()
                if len(taken) > 1 and rest > 0:
                    await asyncio.sleep(rest)
        finally:
            self._runner = None

    async def _answer(self, taken: list[tuple[Request, asyncio.Future[Answer]]]) -> None:
        if not taken:
            return
        try:
            answers = await self._in_thread([request for request, _ in taken])
        except Exception as fault:
            await self._fail(taken, fault)
            return
        for (_, future), answer in zip(taken, answers, strict=True):
            if not future.done():
                future.set_result(answer)

    async def _fail(self, taken: list[tuple[Request, asyncio.Future[Answer]]], fault: Exception) -> None:
        if len(taken) > 1 and not isinstance(fault, self._shared):
            for one in taken:
                await self._answer([one])
            return
        for _, future in taken:
            if not future.done():
                future.set_exception(fault)

    def _in_thread(self, requests: list[Request]) -> asyncio.Future[Sequence[Answer]]:
        return asyncio.get_running_loop().run_in_executor(self._thread, self._checked, requests)

    def _checked(self, requests: list[Request]) -> Sequence[Answer]:
        answers = self._batch(requests)
        if len(answers) != len(requests):
            raise RuntimeError(f"{len(requests)} requests met {len(answers)} answers")
        return answers


def _give_up(future: asyncio.Future) -> None:
    if not future.done():
        future.set_exception(TooSlow())
