"""Runs the command line and kills it at a named point: `python -m tests.support.crash module:function before|after ARGUMENT…`.

SIGKILL, as a power cut would: no handler runs, nothing is flushed.
"""

from __future__ import annotations

import functools
import importlib
import os
import signal
import sys


def arm(point: str, when: str) -> None:
    """From now on, calling the function kills this process, before or after it does its work."""
    module_name, _, path = point.partition(":")
    owner = importlib.import_module(module_name)
    *parents, name = path.split(".")
    for parent in parents:
        owner = getattr(owner, parent)
    original = getattr(owner, name)

    @functools.wraps(original)
    def deadly(*arguments, **named):
        if when == "after":
            original(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, name, deadly)


if __name__ == "__main__":
    point, when, *arguments = sys.argv[1:]
    arm(point, when)
    from license_hub.cli import main

    sys.argv = ["hub", *arguments]
    main()
