"""Runs the intake in a process of its own that is killed with SIGKILL at a named point. `python -m … DATABASE LAKE KEYS POINT`."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

POINTS = {
    "log locked": ("license_hub.service.ledger", "lock_log", "after"),
    "first rows loaded": ("license_hub.storage.bulk", "load", "after"),
    "before the sequence moves": ("license_hub.service.ledger", "advance_log", "before"),
    "all but committed": ("license_hub.service.intake", "_move_mark", "after"),
    "committed, nothing integrated": ("license_hub.service.intake", "integrate", "before"),
    "tiles half written": ("license_hub.log.files", "_write", "after"),
    "before the checkpoint is signed": ("license_hub.log.checkpoint", "sign", "before"),
    "signed, not published": ("license_hub.log.integrator", "_publish", "before"),
}
"""Name → (module, function, where in relation to it)."""


def die(call: Callable, where: str) -> Callable:
    def dying(*args: object, **named: object) -> object:
        if where == "after":
            call(*args, **named)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("unreachable")

    return dying


def main(database: str, lake: str, keys: str, point: str) -> None:
    from importlib import import_module

    from license_hub.service.hub import open_hub
    from license_hub.service.intake import apply_pending
    from tests.license_hub.service.conftest import Clock, Options

    hub = open_hub(Options(database, Path(lake), Path(keys)), clock=Clock())
    module, name, where = POINTS[point]
    owner = import_module(module)
    setattr(owner, name, die(getattr(owner, name), where))
    apply_pending(hub)


if __name__ == "__main__":
    main(*sys.argv[1:])
