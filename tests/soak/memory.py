"""Resident memory of a server's processes, sampled by a thread while something else loads it."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field
from threading import Event, Thread

import psutil


@dataclass
class Memory:
    """Samples of all processes below `pid`, that one included."""

    pid: int
    every_s: float
    samples: list[tuple[float, float]] = field(default_factory=list)
    """(seconds since the start, MiB of all processes together)."""

    def __enter__(self) -> Memory:
        self._stopped, self._began = Event(), time.monotonic()
        self._thread = Thread(target=self._run, name="memory", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def growth(self) -> float:
        """Median of the last quarter over that of the second: the first is warming up. 1 is flat."""
        sizes = [size for _, size in self.samples]
        quarter = len(sizes) // 4
        return statistics.median(sizes[-quarter:]) / statistics.median(sizes[quarter : 2 * quarter])

    def _run(self) -> None:
        parent = psutil.Process(self.pid)
        while True:
            resident = sum(one.memory_info().rss for one in [parent, *parent.children(recursive=True)])
            self.samples.append((round(time.monotonic() - self._began, 1), round(resident / 2**20, 1)))
            if self._stopped.wait(self.every_s):
                return
