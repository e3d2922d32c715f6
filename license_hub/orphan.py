"""Worker processes end with the process that started them, even if that one is killed and cannot tell them.

Otherwise the orphans of a killed server keep its port and answer on without anybody who watches them, and the next start fails.
Linux only (`prctl`); elsewhere a service manager must end the whole group.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from multiprocessing import parent_process

_PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """For processes of `multiprocessing`: the parent's end is this one's, by SIGKILL; it holds nothing a transaction does not protect."""
    parent = parent_process()
    if parent is None or not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent.pid:
        # It ended before it could be watched.
        os.kill(os.getpid(), signal.SIGKILL)
