"""How long a caller waits for a database that does not answer: then 503, so that nobody hangs with it.

What was given up may still be carried out and recorded: the audit log can hold looks that were never answered, never the reverse.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

import anyio
import anyio.to_thread

Given = ParamSpec("Given")
Result = TypeVar("Result")

PATIENCE_S = 10.0

logger = logging.getLogger("hub.http")


class TooSlow(Exception):
    """The work did not end in time."""


async def in_time(call: Callable[Given, Result], *given: Given.args, **named: Given.kwargs) -> Result:
    """`call` in a worker thread. Raises TooSlow after PATIENCE_S; the thread ends by itself."""
    try:
        with anyio.fail_after(PATIENCE_S):
            return await anyio.to_thread.run_sync(partial(call, *given, **named), abandon_on_cancel=True)
    except TimeoutError:
        raise TooSlow from None


async def seated(seats: anyio.CapacityLimiter, call: Callable[Given, Result], *given: Given.args, **named: Given.kwargs) -> Result:
    """`call` in a worker thread once a seat is free; it keeps the seat to its end, also where its caller no longer waits.

    Raises TooSlow after PATIENCE_S.
    """
    holder = object()
    try:
        async with asyncio.timeout(PATIENCE_S):
            await seats.acquire_on_behalf_of(holder)
            task = asyncio.create_task(_to_its_end(seats, holder, partial(call, *given, **named)))
            _AT_WORK.add(task)
            task.add_done_callback(_over)
            return await asyncio.shield(task)
    except TimeoutError:
        raise TooSlow from None


_AT_WORK: set[asyncio.Task] = set()
"""The event loop itself keeps its tasks weakly."""


async def _to_its_end(seats: anyio.CapacityLimiter, holder: object, call: Callable[[], Result]) -> Result:
    try:
        return await anyio.to_thread.run_sync(call)
    finally:
        seats.release_on_behalf_of(holder)


def _over(task: asyncio.Task) -> None:
    _AT_WORK.discard(task)
    if not task.cancelled() and task.exception() is not None:
        logger.info("a call at its seat failed: %s", type(task.exception()).__name__)
