"""`issue_200k`: one publication of food permits into PostgreSQL, against one core's SM2 signing rate.

- Timed: `apply_pending` from change set to signed checkpoint: holder base joined, drafts, canonical JSON, commitments, leaves, encrypted
  cells, blind indexes, COPY, organs' attestations, commit with fsync, tiles, checkpoint. Worker processes start inside the time.
- Not timed: making rows and publications (quality's work, benched there).
- The baseline signs one SM2 signature a license and does nothing else: `openssl speed sm2`, just before each run. Medians of three.
"""

from __future__ import annotations

import gc
import os
import re
import resource
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from catalogs.load import load
from license_hub.service.fsck import fsck
from license_hub.service.hub import open_hub
from license_hub.service.intake import apply_pending
from tests.license_hub.service.conftest import Clock, Options
from tests.license_hub.service.publishing import ORGAN, OTHER_ORGAN, Publisher, entity, permit
from tests.support import postgres

REPEATS = 3
WORKERS = 2
SM2_LINE = re.compile(r"SM2.*?([0-9.]+)\s+([0-9.]+)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Turn:
    seconds: float
    cpu: float
    """Of this process and its workers; the database's own is not in it."""
    sm2_signs: float


def run(rows: int = 200_000) -> dict:
    """The row of `make bench`. Raises RuntimeError if a license is missing or `fsck` finds anything."""
    entities = [entity(number) for number in range(rows)]
    permits = [permit(number, issuing_organ_code=ORGAN if number % 4 else OTHER_ORGAN) for number in range(rows)]
    turns = []
    with postgres.server() as root:
        for turn in range(REPEATS):
            with postgres.database(root) as url, tempfile.TemporaryDirectory(prefix="mzt-bench-") as folder:
                turns.append(_turn(url, Path(folder), entities, permits, check=turn == 0))
    seconds, signs = (statistics.median(getattr(one, name) for one in turns) for name in ("seconds", "sm2_signs"))
    return {
        "bench": "issue_200k",
        "value": round(rows / seconds),
        "unit": "licenses/s",
        "baseline": round(signs),
        "ratio": round(rows / seconds / signs, 2),
        "detail": {
            "rows": rows,
            "seconds": [round(one.seconds, 2) for one in turns],
            "cpu_seconds": [round(one.cpu, 2) for one in turns],
            "sm2_signs_per_s": [round(one.sm2_signs) for one in turns],
            "workers": WORKERS,
            "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
            "worker_peak_gib": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20, 2),
        },
    }


def _turn(url: str, folder: Path, entities: list[dict], permits: list[dict], *, check: bool) -> Turn:
    hub = open_hub(Options(url, folder / "lake", folder / "keys", workers=WORKERS), clock=Clock(), catalog=load())
    try:
        publisher = Publisher(hub)
        publisher.publish("legal_entity", entities)
        publisher.publish("food_permit", permits)
        # The test rows stay in memory for the next turn: the collector must not walk them in the hub's time.
        gc.collect()
        gc.freeze()
        signs = _sm2_signs()
        before, start = _cpu(), time.perf_counter()
        report = apply_pending(hub, ["food_permit"])
        seconds, cpu = time.perf_counter() - start, _cpu() - before
        if report.issued != len(permits) or (check and fsck(hub).findings):
            raise RuntimeError(f"{report.issued} of {len(permits)} licenses were issued, or fsck found a difference")
        return Turn(seconds, cpu, signs)
    finally:
        gc.unfreeze()
        hub.close()


def _sm2_signs() -> float:
    """Signatures a second of one core, by the wall clock like ours."""
    made = subprocess.run(["openssl", "speed", "-elapsed", "-seconds", "2", "sm2"], capture_output=True, text=True, check=True).stdout
    found = SM2_LINE.search(made)
    if found is None:
        raise RuntimeError("openssl speed sm2 printed no figure")
    return float(found[1])


def _cpu() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


if __name__ == "__main__":
    import json
    import sys

    print(json.dumps(run(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000)))
