"""Two days of the generated departments through the library, on both databases: every number is the one that was seeded."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

from connectors import pull_pending
from connectors.sample import second_delivery
from connectors.sample.generate import generate
from connectors.sample.world import Request
from connectors.settings import EnvironmentCredentials
from license_hub import settings
from license_hub.service.fsck import fsck
from license_hub.service.hub import Hub, open_hub
from license_hub.service.intake import apply_pending
from quality import engine
from tests.support import processes

ROOT = Path(__file__).resolve().parents[2]
RESOURCES = ("population", "legal_entity", "food_permit", "real_estate_title")
ROWS = ("read", "trusted", "quarantined", "superseded", "deleted", "removed", "carried", "warned")
DAY = date(2026, 11, 20)


@pytest.fixture(scope="module")
def deliveries(tmp_path_factory) -> list[Path]:
    """Folders of the first and the second day, truth files inside."""
    home = tmp_path_factory.mktemp("departments")
    generate(home / "first", Request(persons=2_000, seed=3, as_of=DAY))
    second_delivery.deliver(home / "first", home / "second")
    return [home / "first", home / "second"]


def noon(day: int) -> datetime:
    return datetime.combine(DAY + timedelta(days=day), time(4), UTC)


@pytest.fixture
def permits(deliveries, tmp_path) -> Iterator[int]:
    port = processes.free_port()
    command = [sys.executable, "-m", "connectors.sample.permit_api", str(deliveries[0]), "--port", str(port), "--token", "t0ken"]
    with processes.running(command, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin"}, log=tmp_path / "permits.log", cwd=ROOT,
                           ready=lambda: processes.answers(port)):  # fmt: skip
        yield port


def run_day(hub: Hub, folder: Path, port: int, now: datetime) -> tuple[dict[str, Counter], dict[str, dict[str, int]], object]:
    """Counts per resource, failed rows per rule, and the intake report."""
    credentials = EnvironmentCredentials({
        "HUB_CONN_POPULATION": f"sqlite:///{folder / 'population.db'}",
        "HUB_CONN_LEGAL_ENTITY": str(folder),
        "HUB_CONN_FOOD_PERMIT": f"http://:t0ken@127.0.0.1:{port}",
        "HUB_CONN_REAL_ESTATE_TITLE": str(folder),
    })  # fmt: skip
    counts, rules = {}, {}
    for resource in RESOURCES:
        total, failed = Counter(), Counter()
        for landed in pull_pending(hub.catalog.resources[resource], hub.lake, credentials=credentials, now=lambda: now):
            report = engine.check(landed, hub.catalog, lake=hub.lake, database=hub.engine, now=now, operator="test")
            assert report.gate == "pass", report
            if not report.noop:
                total.update({name: getattr(report, name) for name in ROWS})
                failed.update({rule: outcome["failed"] for rule, outcome in report.rules.items() if outcome["failed"]})
        counts[resource], rules[resource] = total, dict(failed)
    return counts, rules, apply_pending(hub)


def test_two_days_of_deliveries_come_to_the_seeded_numbers(deliveries, permits, database_url, tmp_path):
    chosen = settings.read(environ={}, overrides={"HUB_LAKE": str(tmp_path / "lake"), "HUB_KEYS": str(tmp_path / "keys"),
                                                  "HUB_DATABASE_URL": database_url, "HUB_WORKERS": "0"})  # fmt: skip
    clock = [noon(1)]
    hub = open_hub(chosen, clock=lambda: clock[0])
    try:
        for day, folder in enumerate(deliveries, start=1):
            clock[0] = noon(day)
            counts, rules, intake = run_day(hub, folder, permits, noon(day))
            truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
            for resource in RESOURCES:
                compare(truth["resources"][resource], counts[resource], rules[resource], f"day {day}, {resource}")
            assert (intake.issued, intake.versions, intake.held, intake.status_acts) == licenses(truth["resources"]), f"day {day}"
        assert not fsck(hub).findings
    finally:
        hub.close()


def licenses(resources: dict[str, dict]) -> tuple[int, int, int, int]:
    """Seeded licenses: issued (holds that settle included), new versions, held, status acts."""
    parts: list[dict] = []
    for one in resources.values():
        parts += [one] if "partitions" not in one or "issued" in one else list(one["partitions"].values())
    return (sum(part.get("issued", 0) + part.get("settled", 0) for part in parts), sum(part.get("versions", 0) for part in parts),
            sum(part.get("held", 0) for part in parts), sum(part.get("status_acts", 0) for part in parts))  # fmt: skip


def compare(seeded: dict, found: Counter, failed: dict[str, int], where: str) -> None:
    """Numbers and failed rows per rule; a partitioned resource's truth is the sum of its partitions."""
    parts = list(seeded["partitions"].values()) if "read" not in seeded and "partitions" in seeded else [seeded]
    if all(part.get("noop") for part in parts):
        assert not found, where
        return
    for name in ROWS:
        assert found[name] == sum(part.get(name, 0) for part in parts), f"{where}: {name}"
    expected = Counter()
    for part in parts:
        expected.update({rule: len(keys) for rule, keys in part["rules"].items() if keys})
    assert failed == dict(expected), where


def test_sample_is_the_same_bytes_for_the_same_seed(tmp_path):
    for name in ("one", "two"):
        subprocess.run([sys.executable, "-m", "connectors.sample", "--out", tmp_path / name, "--persons", "2000", "--as-of", "2026-11-20"],
                       cwd=ROOT, check=True)  # fmt: skip
    for path in (tmp_path / "one").glob("*.csv"):
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
