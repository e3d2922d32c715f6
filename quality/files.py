"""Files of a batch: written in scratch, then linked under a name nobody has. What a killed run left is never overwritten nor read.

The first free of `rows.parquet`, `rows-2.parquet`, … is taken exclusively; which one counts is what the database says.
"""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path

from connectors.lake import Lake

MODE = 0o600
"""Personal data: the owner alone."""


def claim(lake: Lake, written: Path, folder: Path, stem: str, *, reuse: bool = False) -> Path:
    """Give a finished file its lasting name and return it. `reuse`: an equal file that is there already will do."""
    folder.mkdir(parents=True, exist_ok=True)
    written.chmod(MODE)
    _sync(written)
    for attempt in count(1):
        path = folder / (stem + ("" if attempt == 1 else "-" + str(attempt)) + written.suffix)
        try:
            os.link(written, path)
        except FileExistsError:
            if reuse and lake.same(written, path):
                written.unlink()
                return path
            continue
        written.unlink()
        _sync(folder)
        return path
    raise AssertionError("count() never ends")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
