"""A server's work in rounds: one thread of a process, that looks again and again whether something is to do.

Every worker process has its own; whoever gets a lease does that round's work, the others pass. A fault is logged and tried again, ever
more slowly: answers go on meanwhile.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event, Thread

from license_hub.errors import LogError, SigningError

SLOWEST_S = 30.0


class Rounds:
    """Started with the server, stopped with it. `work` is one round."""

    def __init__(self, name: str, work: Callable[[], object], period_s: float):
        self._work = work
        self._period = period_s
        self._logger = logging.getLogger(f"hub.{name}")
        self._wake, self._stopped = Event(), Event()
        self._thread = Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def nudge(self) -> None:
        """Something is to do: look now."""
        self._wake.set()

    def stop(self) -> None:
        """Lets a running round finish."""
        self._stopped.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        pause = self._period
        while not self._stopped.is_set():
            self._wake.wait(pause)
            self._wake.clear()
            if self._stopped.is_set():
                return
            try:
                self._work()
                pause = self._period
            except (LogError, SigningError) as fault:
                # What a log or a key refuses names entries, files and witnesses, nothing personal: a person must see it.
                pause = self._slower(pause)
                self._logger.critical("%s: %s; next try in %.1f s", fault.code, fault, pause)
            except Exception as fault:
                # Only what kind of fault: a database's message may quote a row.
                pause = self._slower(pause)
                self._logger.error("%s; next try in %.1f s", type(fault).__name__, pause)

    def _slower(self, pause: float) -> float:
        return min(pause * 2, SLOWEST_S)
