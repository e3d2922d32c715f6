"""`issue_200k` and `issue_1m`: one publication of food permits into PostgreSQL, against one core's signing rates.

- Timed: `apply_pending` from change set to signed checkpoint: holder base joined, fields, canonical JSON, commitments, leaves, encrypted
  cells, blind indexes, COPY, organs' attestations, commit with fsync, tiles, checkpoint. Worker processes start inside the time.
- Not timed: making rows and publications (quality's work, benched there), and starting the process that applies them.
- The baseline signs one signature a license and does nothing else: `openssl speed`, just before each turn. Medians of three.
- `issue_1m` also says how time grows from 100,000 licenses; its million is issued once, its 100,000 three times.
"""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from catalogs.load import load
from license_hub.service.fsck import fsck
from license_hub.service.hub import Hub, open_hub
from tests.bench.issue_rows import deliver
from tests.license_hub.service.conftest import Clock, Options
from tests.support import postgres

REPEATS = 3
WORKERS = 2
SPEED = re.compile(r"^.*?(?:SM2|nistp256).*?([0-9.]+)\s+([0-9.]+)\s*$", re.MULTILINE)


def run(rows: int = 200_000) -> dict:
    """The row `issue_200k`. Raises RuntimeError if a license is missing or `fsck` finds anything."""
    with postgres.server() as root:
        turns = [_turn(root, rows, check=turn == 0) for turn in range(REPEATS)]
    return {"bench": "issue_200k", **_figures(rows, turns), "workers": WORKERS}


def run_million(rows: int = 1_000_000) -> dict:
    """The row `issue_1m`; `growth` is the time of a million over the time of a tenth of it."""
    with postgres.server() as root:
        tenth = [_turn(root, rows // 10, check=False) for _ in range(REPEATS)]
        turns = [_turn(root, rows, check=False)]
    growth = turns[0]["seconds"] / statistics.median(one["seconds"] for one in tenth)
    return {
        "bench": "issue_1m",
        **_figures(rows, turns),
        "growth": round(growth, 2),
        "tenth_seconds": _each(tenth, "seconds"),
        "workers": WORKERS,
    }


def _figures(rows: int, turns: list[dict]) -> dict:
    seconds, sm2, p256 = (statistics.median(one[name] for one in turns) for name in ("seconds", "sm2", "p256"))
    return {
        "value": round(rows / seconds),
        "unit": "licenses/s",
        "baseline": round(sm2),
        "ratio": round(rows / seconds / sm2, 2),
        "ratio_p256": round(rows / seconds / p256, 3),
        "rows": rows,
        "seconds_each": _each(turns, "seconds"),
        "cpu_seconds_each": _each(turns, "cpu"),
        "sm2_signs_per_s": _each(turns, "sm2"),
        "p256_signs_per_s": _each(turns, "p256"),
        "peak_gib": round(max(max(one["peak_gib"], one["worker_peak_gib"]) for one in turns), 2),
    }


def _each(turns: list[dict], name: str) -> list[float]:
    return [round(one[name], 2) for one in turns]


def _turn(root, rows: int, *, check: bool) -> dict:
    with postgres.database(root) as url, tempfile.TemporaryDirectory(prefix="mzt-bench-") as folder:
        hub = _hub(url, folder)
        deliver(hub, rows)
        hub.close()
        rates = {"sm2": _signs("sm2"), "p256": _signs("ecdsap256")}
        command = [sys.executable, "-m", "tests.bench.issue_turn", url, folder, str(WORKERS)]
        made = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1])
        if made["issued"] != rows or (check and _faulty(url, folder)):
            raise RuntimeError(f"{made['issued']} of {rows} licenses were issued, or fsck found a difference")
        return {**made, **rates}


def _hub(url: str, folder: str) -> Hub:
    return open_hub(
        Options(url, Path(folder) / "lake", Path(folder) / "keys", Path(folder) / "keys-root", workers=WORKERS),
        clock=Clock(),
        catalog=load(),
    )


def _faulty(url: str, folder: str) -> bool:
    hub = _hub(url, folder)
    try:
        return bool(fsck(hub).findings)
    finally:
        hub.close()


def _signs(algorithm: str) -> float:
    """Signatures a second of one core, by the wall clock like ours."""
    made = subprocess.run(["openssl", "speed", "-elapsed", "-seconds", "2", algorithm], capture_output=True, text=True, check=True).stdout
    found = SPEED.search(made)
    if found is None:
        raise RuntimeError(f"openssl speed {algorithm} printed no figure")
    return float(found[1])


if __name__ == "__main__":
    print(json.dumps(run(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000)))
