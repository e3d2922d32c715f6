"""Crash points: named places where a process ends by SIGKILL, as in a power cut: no handler runs, nothing is flushed.

The product knows nothing of them: a test's own process replaces the function at the place before it runs the product's code, so there
is nothing to leave switched on, no setting and no cost. `python -m tests.support.crash module:function before|after ARGUMENT…` runs
the command line that way; `arm` is for processes that tests start otherwise. A place that is renamed fails here, loudly.
"""

from __future__ import annotations

import functools
import importlib
import os
import signal
import sys
from collections.abc import Callable

POINTS = {
    "log locked": ("license_hub.service.ledger:lock_log", "after"),
    "first rows loaded": ("license_hub.storage.bulk:load", "after"),
    "before the sequence moves": ("license_hub.service.ledger:advance_log", "before"),
    "all but committed": ("license_hub.service.intake:_move_mark", "after"),
    "committed, nothing integrated": ("license_hub.service.intake:integrate", "before"),
    "lease taken": ("license_hub.storage.leaves:LeafRows.lease", "after"),
    "tiles half written": ("license_hub.log.files:_write", "after"),
    "tile beside its place": ("license_hub.log.files:os.replace", "before"),
    "level above half written": ("license_hub.log.integrator:_level", "before"),
    "tiles written, nothing signed": ("license_hub.log.integrator:_extend", "after"),
    "before the checkpoint is signed": ("license_hub.log.checkpoint:sign", "before"),
    "signed, not stored": ("license_hub.storage.leaves:LeafRows.store_checkpoint", "before"),
    "stored, not published": ("license_hub.log.integrator:_publish", "before"),
    "published": ("license_hub.log.integrator:_publish", "after"),
    "intake done, nobody told": ("license_hub.service.intake:apply_pending", "after"),
}
"""Name → (module:function, before or after it does its work): every stage boundary between a publication and its published checkpoint."""


TALL = {"level above half written"}
"""Points only a tree of more than 256 entries comes to."""


def arm(place: str, when: str, nth: int = 1, die: Callable[[], None] | None = None) -> None:
    """From now on the `nth` call of the function at `place` (`module:path`) ends this process, before or after it does its work."""
    module_name, _, path = place.partition(":")
    owner = importlib.import_module(module_name)
    *parents, name = path.split(".")
    for parent in parents:
        owner = getattr(owner, parent)
    original = getattr(owner, name)
    calls = 0

    @functools.wraps(original)
    def deadly(*arguments, **named):
        nonlocal calls
        calls += 1
        if calls < nth:
            return original(*arguments, **named)
        if when == "after":
            original(*arguments, **named)
        (die or end)()
        raise AssertionError("unreachable")

    setattr(owner, name, deadly)


def end() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    place, when, *arguments = sys.argv[1:]
    arm(place, when)
    from license_hub.cli import main

    sys.argv = ["hub", *arguments]
    main()
