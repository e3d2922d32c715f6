"""How long a caller waits for a database that does not answer: then 503, so that nobody hangs with it.

What was given up may still be carried out and recorded: the audit log can hold looks that were never answered, never the reverse.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

import anyio
import anyio.to_thread

Given = ParamSpec("Given")
Result = TypeVar("Result")

PATIENCE_S = 10.0


class TooSlow(Exception):
    """The work did not end in time."""


async def in_time(call: Callable[Given, Result], *given: Given.args, **named: Given.kwargs) -> Result:
    """`call` in a worker thread. Raises TooSlow after PATIENCE_S; the thread ends by itself."""
    try:
        with anyio.fail_after(PATIENCE_S):
            return await anyio.to_thread.run_sync(partial(call, *given, **named), abandon_on_cancel=True)
    except TimeoutError:
        raise TooSlow from None
