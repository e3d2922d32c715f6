"""One timed turn of `issue_200k` and `issue_1m`, in a process of its own: what it used is the hub's and nobody else's."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

from catalogs.load import load
from license_hub.service.hub import open_hub
from license_hub.service.intake import apply_pending
from tests.license_hub.service.conftest import Clock, Options


def main(url: str, folder: str, workers: str) -> None:
    place = Path(folder)
    hub = open_hub(Options(url, place / "lake", place / "keys", place / "keys-root", workers=int(workers)), clock=Clock(), catalog=load())
    before, start = _cpu(), time.perf_counter()
    report = apply_pending(hub, ["food_permit"])
    seconds = time.perf_counter() - start
    hub.close()
    peaks = [resource.getrusage(who).ru_maxrss / 2**20 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(
        json.dumps({"issued": report.issued, "seconds": seconds, "cpu": _cpu() - before, "peak_gib": peaks[0], "worker_peak_gib": peaks[1]})
    )


def _cpu() -> float:
    """Of this process and its workers; the database's own is not in it."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


if __name__ == "__main__":
    main(*sys.argv[1:])
