"""Marriages, education, births and social insurance of the generated people: every number is the one that was seeded, keys included."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest

from connectors import pull_pending
from connectors.sample import life_events
from connectors.sample.generate import generate
from connectors.sample.world import Request
from connectors.settings import EnvironmentCredentials
from license_hub import settings
from license_hub.service.fsck import fsck
from license_hub.service.hub import Hub, open_hub
from license_hub.service.intake import apply_pending
from quality import engine
from tests.pipeline.test_two_days import ROWS, compare

DAY = date(2026, 11, 20)
NOON = datetime.combine(DAY, time(4), UTC)
BASES = ("population", "legal_entity")
REQUEST = Request(persons=2_000, seed=5, as_of=DAY)


@pytest.fixture(scope="module")
def departments(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("departments")
    generate(folder, REQUEST)
    life_events.generate(folder, REQUEST)
    return folder


def run(hub: Hub, folder: Path, resource: str) -> tuple[Counter, dict[str, int]]:
    """Counts and failed rows per rule."""
    address = f"sqlite:///{folder / 'population.db'}" if resource == "population" else str(folder)
    credentials = EnvironmentCredentials({f"HUB_CONN_{resource.upper()}": address})
    found, failed = Counter(), Counter()
    for landed in pull_pending(hub.catalog.resources[resource], hub.lake, credentials=credentials, now=lambda: NOON):
        report = engine.check(landed, hub.catalog, lake=hub.lake, database=hub.engine, now=NOON, operator="test")
        assert report.gate == "pass", report
        found.update({name: getattr(report, name) for name in ROWS})
        failed.update({rule: outcome["failed"] for rule, outcome in report.rules.items() if outcome["failed"]})
    return found, dict(failed)


def test_life_events_come_to_the_seeded_numbers(departments, database_url, tmp_path):
    chosen = settings.read(environ={}, overrides={"HUB_LAKE": str(tmp_path / "lake"), "HUB_KEYS": str(tmp_path / "keys"),
                                                  "HUB_DATABASE_URL": database_url, "HUB_WORKERS": "0"})  # fmt: skip
    truth = json.loads((departments / life_events.TRUTH).read_text(encoding="utf-8"))["resources"]
    hub = open_hub(chosen, clock=lambda: NOON)
    try:
        for resource in BASES:
            run(hub, departments, resource)
        apply_pending(hub)
        for resource in life_events.DEPARTMENTS:
            compare(truth[resource], *run(hub, departments, resource), resource)
        intake = apply_pending(hub)
        for resource, counts in intake.per_resource.items():
            assert (counts.issued, counts.held) == (truth[resource]["issued"], truth[resource]["held"]), resource
        assert not fsck(hub).findings
    finally:
        hub.close()
