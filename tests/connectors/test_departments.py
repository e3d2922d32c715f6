"""The sample departments through the shipped catalogue: every row the generator wrote is landed, from each kind of source."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import connectors
from tests.connectors.conftest import NOW, credentials
from tests.support import processes

ROOT = Path(__file__).parents[2]
KINDS = {"population": "database", "legal_entity": "file_drop", "food_permit": "http_api", "real_estate_title": "file_drop"}


@pytest.fixture(scope="module")
def departments(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("sample") / "out"
    subprocess.run([sys.executable, "-m", "connectors.sample", "--out", str(folder), "--persons", "2000"], cwd=ROOT, check=True)
    return folder


@pytest.fixture(scope="module")
def addresses(departments, tmp_path_factory) -> Iterator[dict[str, str]]:
    """Connection id → address, with the permit service running."""
    port = processes.free_port()
    command = [sys.executable, "-m", "connectors.sample.permit_api", str(departments), "--port", str(port), "--token", "t0ken"]
    log = tmp_path_factory.mktemp("permits") / "log"
    with processes.running(command, env=os.environ, log=log, ready=lambda: processes.answers(port), cwd=ROOT):
        yield {
            "population": f"sqlite:///{departments}/population.db",
            "legal_entity": str(departments),
            "food_permit": f"http://:t0ken@127.0.0.1:{port}",
            "real_estate_title": departments.as_uri(),
        }


@pytest.mark.parametrize("resource_id", KINDS)
def test_department_lands_every_row_the_generator_wrote(departments, addresses, catalog, lake, resource_id):
    resource = catalog.resources[resource_id]
    landed = connectors.pull_pending(resource, lake, credentials=credentials(**addresses), now=lambda: NOW)
    truth = json.loads((departments / "truth.json").read_text(encoding="utf-8"))["resources"][resource_id]
    assert sum(batch.manifest.rows for batch in landed) == truth["read"]
    assert {batch.manifest.connector for batch in landed} == {KINDS[resource_id]}
    assert all(batch.manifest.missing_optional == () and batch.manifest.extra_columns == () for batch in landed)
    if resource_id == "legal_entity":
        assert {batch.manifest.encoding for batch in landed} == {"gb18030"}


def test_population_table_lands_again_from_its_watermark(addresses, catalog, lake):
    resource = catalog.resources["population"]
    given = {"credentials": credentials(**addresses), "now": NOW}
    first = connectors.pull(resource, lake, **given)
    second = connectors.pull(resource, lake, **given)
    assert second.manifest.watermark["from"] == first.manifest.watermark["to"]
    assert second.manifest.rows < first.manifest.rows
    with sqlite3.connect(addresses["population"].removeprefix("sqlite:///")) as table:
        assert first.manifest.rows == table.execute("SELECT count(*) FROM population").fetchone()[0]
    table.close()
