"""Every DAG file parses, owns itself, explains itself, and costs little to parse."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.airflow

PROBE = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
before = set(sys.modules)
bag = DagBag("dags")
heavy = sorted(name for name in set(sys.modules) - before
               if name.split(".")[0] in ("duckdb", "great_expectations", "pandas", "polars", "connectorx")
               or name.startswith(("license_hub", "quality", "connectors")))
print("@@" + json.dumps({
    "errors": {str(k): v for k, v in bag.import_errors.items()},
    "heavy": heavy,
    "dags": {d: {"tags": sorted(x.tags), "doc": x.doc_md or "", "active": x.max_active_runs, "schedule": repr(x.schedule),
                 "owners": sorted({t.owner for t in x.tasks}),
                 "retries": {t.task_id: t.retries for t in x.tasks}} for d, x in bag.dags.items()}}))
"""


@pytest.fixture(scope="module")
def bag(tmp_path_factory) -> dict:
    home = tmp_path_factory.mktemp("airflow")
    environment = {**os.environ, "AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False", "PYTHONPATH": str(ROOT),
                   "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR"}  # fmt: skip
    run = subprocess.run([sys.executable, "-c", PROBE], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-2000:]
    return json.loads(next(line for line in run.stdout.splitlines() if line.startswith("@@"))[2:])


def test_every_dag_file_parses(bag):
    assert bag["errors"] == {}


def test_every_resource_has_its_landing_and_checking_dag(bag, catalog):
    expected = {f"{stage}_{resource}" for stage in ("land", "check") for resource in catalog.resources} | {
        "issue",
        "publish_status",
        "reconcile",
        "report",
    }
    assert set(bag["dags"]) == expected


def test_every_dag_has_owner_tags_doc_and_one_active_run(bag):
    for dag_id, dag in bag["dags"].items():
        assert dag["tags"] and dag["active"] == 1, dag_id
        assert dag["owners"] and "airflow" not in dag["owners"], dag_id
        assert all(f"**{part}**" in dag["doc"] for part in ("Output", "Impact of failure", "How to re-run")), dag_id


def test_parsing_imports_nothing_heavy(bag):
    assert bag["heavy"] == []


def test_status_lists_are_published_after_an_issue_and_every_quarter_of_an_hour(bag):
    schedule = bag["dags"]["publish_status"]["schedule"]
    assert "issued" in schedule and "*/15 * * * *" in schedule


def test_landing_is_retried_and_checking_is_not(bag):
    assert bag["dags"]["land_population"]["retries"]["land"] > 0
    assert bag["dags"]["check_population"]["retries"]["check"] == 0
