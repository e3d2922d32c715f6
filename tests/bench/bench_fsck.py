"""`fsck_1m`: `hub log fsck` of a million licenses and a million audit entries on PostgreSQL, in a process of its own with its workers.

- Timed: `fsck` from the first row to the last tile, nothing found. `audit_seconds`: the rows of the audit log alone, once more.
- Not timed: issuing the licenses and writing the audit entries, LEAF_ROWS of which share a leaf as under load.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from catalogs.load import load
from license_hub.service.audit_log import append
from license_hub.service.fsck import Findings, fsck
from license_hub.service.hub import Hub, open_hub
from license_hub.service.inspect_audit import inspect_audit
from license_hub.service.integrate import attend
from license_hub.signing.commitment import instant
from license_hub.storage.engine import reading, writing
from tests.bench.issue_rows import deliver
from tests.license_hub.service.conftest import Clock, Options
from tests.support import postgres

WORKERS = 2
LEAF_ROWS = 64
_TRANSACTION = 200
"""Leaves written in one transaction: only so that the bench is set up in reasonable time."""


def run(rows: int = 1_000_000) -> dict:
    """Raises RuntimeError if a license is missing or fsck finds anything."""
    with postgres.server() as root, postgres.database(root) as url, tempfile.TemporaryDirectory(prefix="mzt-bench-") as folder:
        hub = _hub(url, folder)
        deliver(hub, rows)
        hub.close()
        issued = _turn("tests.bench.issue_turn", url, folder, str(WORKERS))["issued"]
        hub = _hub(url, folder)
        _fill_audit(hub, rows)
        hub.close()
        made = _turn("tests.bench.bench_fsck", url, folder)
    if issued != rows or made["findings"] or made["checked"]["hub_version"] != rows or made["checked"]["hub_audit"] < rows:
        raise RuntimeError(f"{issued} of {rows} licenses were issued, {made['findings']} findings, looked at {made['checked']}")
    figures = {name: round(made[name], 2) for name in ("peak_gib", "worker_peak_gib", "audit_seconds", "cpu", "worker_cpu")}
    return {"bench": "fsck_1m", "value": round(made["seconds"], 1), "unit": "s", "rows": rows, "workers": WORKERS, **figures}


def _hub(url: str, folder: str) -> Hub:
    place = Path(folder)
    return open_hub(Options(url, place / "lake", place / "keys", place / "keys-root", workers=WORKERS), clock=Clock(), catalog=load())


def _fill_audit(hub: Hub, rows: int) -> None:
    at = instant(hub.now())
    index = hub.crypt.blind_index("subject", "110101199001011237")
    said = ("client-1", "verify", 1, index, "VALID", "IN_FORCE", "核验", None)
    entries = [(at, f"{number:032x}", *said) for number in range(LEAF_ROWS)]
    for start in range(0, rows, LEAF_ROWS * _TRANSACTION):
        with writing(hub.engine) as connection:
            for _ in range(min(_TRANSACTION, -(-(rows - start) // LEAF_ROWS))):
                append(connection, at, entries)
    attend(hub)


def _turn(module: str, *arguments: str) -> dict:
    command = [sys.executable, "-m", module, *arguments]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()[-1])


def _timed(url: str, folder: str) -> dict:
    hub = _hub(url, folder)
    begun = time.perf_counter()
    report = fsck(hub)
    seconds = time.perf_counter() - begun
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    begun = time.perf_counter()
    with reading(hub.engine) as connection:
        inspect_audit(hub, connection, Findings())
    audit_seconds = time.perf_counter() - begun
    hub.close()
    cpu, peak = [one.ru_utime + one.ru_stime for one in used], [one.ru_maxrss / 2**20 for one in used]
    return {
        "seconds": seconds,
        "audit_seconds": audit_seconds,
        "cpu": cpu[0],
        "worker_cpu": cpu[1],
        "peak_gib": peak[0],
        "worker_peak_gib": peak[1],
        "findings": len(report.findings),
        "checked": report.checked,
    }


if __name__ == "__main__":
    print(json.dumps(_timed(*sys.argv[1:])))
