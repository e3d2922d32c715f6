"""Power cuts, and two processes at once: nothing is lost, nothing is issued twice."""

from __future__ import annotations

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import sqlalchemy as sa

from license_hub.service.fsck import fsck
from license_hub.service.hub import Hub, open_hub
from license_hub.service.intake import apply_pending
from license_hub.storage import tables
from license_hub.storage.engine import reading
from tests.support.crash import POINTS, TALL

from .publishing import entity, permit

ROOT = Path(__file__).resolve().parents[3]


def totals(hub: Hub) -> dict[str, int]:
    """Rows of each table of licenses and log, and what is proven."""
    counted = (tables.license, tables.version, tables.status, tables.leaf, tables.held, tables.attestation)
    with reading(hub.engine) as connection:
        found = {one.name: connection.execute(sa.select(sa.func.count()).select_from(one)).scalar_one() for one in counted}
        found["next"] = connection.execute(sa.select(tables.sequence.c.next).where(tables.sequence.c.name == "log")).scalar_one()
    return {**found, "proven": int(hub.tiles.read_checkpoint().split("\n")[1])}


def run_killed(options, point: str) -> int:
    command = [sys.executable, "-m", "tests.license_hub.service.killed", options.database_url, str(options.lake), str(options.keys), point]
    return subprocess.run(command, cwd=ROOT, capture_output=True, timeout=120).returncode


def test_intake_killed_at_any_stage_boundary_and_run_again_is_as_if_nothing_had_happened(hub, options, publisher):
    publisher.publish("legal_entity", [entity(0)])
    apply_pending(hub)
    # Half of the points here, half on the other database; tests/faults kills at all of them on PostgreSQL, again and again.
    low = [one for one in POINTS if one not in TALL]
    points = low[::2] if hub.engine.dialect.name == "sqlite" else low[1::2]
    for n, point in enumerate(points, start=1):
        # Each round: one more license, one status act, one held row that waits, one that is released.
        status = "3" if n % 2 else "1"
        publisher.publish("legal_entity", [entity(0, status=status), *(entity(i) for i in range(1, n + 1))])
        publisher.publish("food_permit", [permit(i) for i in range(1, n + 2)])
        assert run_killed(options, point) == -signal.SIGKILL, point
        apply_pending(hub)
        issued = 1 + n + n
        acts = n
        found = totals(hub)
        assert (found["hub_license"], found["hub_version"], found["hub_status"], found["hub_held"]) == (issued, issued, acts, 1), point
        assert found["hub_leaf"] == found["next"] == found["proven"] == issued + acts, point
    assert fsck(hub).findings == ()


def test_two_processes_at_once_apply_every_publication_once(hub, options, clock, catalog, publisher):
    for n in range(1, 6):
        publisher.publish("legal_entity", [entity(i) for i in range(n * 3)])
    others = [open_hub(replace(options), clock=clock, catalog=catalog) for _ in range(3)]
    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(apply_pending, [hub, *others]))
    assert sum(one.publications for one in reports) == 5
    assert sum(one.issued for one in reports) == 15
    found = totals(hub)
    assert found["hub_license"] == found["hub_leaf"] == found["next"] == found["proven"] == 15
    assert fsck(hub).findings == ()
    for one in others:
        one.close()
