"""The real DAGs by `dag.test()`: one issue run handles every publication after the mark, and nothing personal leaks into Airflow."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import canaries

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.airflow

THREE_LANDINGS_ONE_ISSUE = """
import json, shutil, sys
from pathlib import Path
from airflow.dag_processing.dagbag import DagBag
from airflow.utils.db import initdb
from dags.demo.pipeline import _run
waiting, drops = Path(sys.argv[1]), Path(sys.argv[2])
initdb()
bag = DagBag("dags")
landed = []
for drop in sorted(waiting.glob("legal_entity*.csv")):
    shutil.copy(drop, drops)
    landed += _run(bag.dags["land_legal_entity"])
    _run(bag.dags["check_legal_entity"])
first, second = _run(bag.dags["issue"]), _run(bag.dags["issue"])
listed = [_run(bag.dags["publish_status"]) for _ in range(2)]
idle = bag.dags["land_legal_entity"].test()
lines = next(waiting.glob("legal_entity_1*.csv")).read_bytes().splitlines(keepends=True)
(drops / "legal_entity_1_enterprise.csv").write_bytes(b"".join(lines[:21]))
_run(bag.dags["land_legal_entity"])
stopped = bag.dags["check_legal_entity"].test()
print("@@" + json.dumps({"landed": landed, "first": first, "second": second, "listed": listed,
                         "idle": {t.task_id: t.state for t in idle.get_task_instances()},
                         "stopped": [stopped.state, {t.task_id: t.state for t in stopped.get_task_instances()}]}))
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> tuple[Path, dict]:
    """Folder of everything the run wrote, and what the script reported."""
    home = tmp_path_factory.mktemp("chain")
    (home / "drops").mkdir()
    subprocess.run([sys.executable, "-m", "connectors.sample", "--out", home / "departments", "--persons", "2000"], cwd=ROOT, check=True)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("HUB_", "AIRFLOW"))},
        "PYTHONPATH": str(ROOT),
        "AIRFLOW_HOME": str(home / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW_CONN_LEGAL_ENTITY": json.dumps({"conn_type": "generic", "extra": {"address": str(home / "drops")}}),
        "HUB_LAKE": str(home / "lake"),
        "HUB_KEYS": str(home / "keys"),
    }
    command = [sys.executable, "-c", THREE_LANDINGS_ONE_ISSUE, str(home / "departments"), str(home / "drops")]
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    (home / "stdout.log").write_text(run.stdout + run.stderr)
    assert run.returncode == 0, (run.stdout + run.stderr)[-3000:]
    return home, json.loads(next(line for line in run.stdout.splitlines() if line.startswith("@@"))[2:])


def test_three_landings_are_handled_by_one_issue_run(world):
    _, report = world
    assert len(report["landed"]) == 3
    assert report["first"]["publications"] == 3 and report["first"]["resources"]["legal_entity"]["issued"] > 0


def test_a_second_issue_run_changes_nothing(world):
    assert world[1]["second"]["publications"] == 0


def test_status_lists_are_signed_after_the_issue_and_again_when_nothing_changed(world):
    assert [(one["lists"], one["changed"]) for one in world[1]["listed"]] == [(1, 1), (1, 0)]


def test_landing_with_nothing_new_skips_and_wakes_nobody(world):
    assert world[1]["idle"] == {"land": "skipped"}


def test_batch_stopped_by_the_gate_fails_the_whole_run_and_wakes_nobody(world):
    """A delivery of twenty of a thousand rows: the run is red, though its last task stored the outcomes."""
    state, tasks = world[1]["stopped"]
    assert (state, tasks) == ("failed", {"check": "success", "gate": "failed", "announce": "skipped", "store_expectations": "success"})


def personal(home: Path, count: int = 1_000) -> list[str]:
    """Personal values that flowed through the DAGs: representatives' numbers, and addresses until there are enough."""
    numbers, addresses = set(), set()
    for drop in (home / "departments").glob("legal_entity*.csv"):
        with drop.open(encoding="gb18030", newline="") as file:
            for row in csv.DictReader(file):
                numbers.add((row["法定代表人证件号码"] or "").strip())
                addresses.add((row["住所"] or "").strip())
    long = [value for value in (*sorted(numbers), *sorted(addresses)) if len(value) >= 12]
    return long[:count]


def test_t30_a_thousand_canaries_are_in_no_log_no_xcom_and_no_gx_result(world):
    home, _ = world
    numbers = personal(home)
    assert len(numbers) == 1_000
    places = [path for folder in ("airflow", "lake/gx") for path in (home / folder).rglob("*") if path.is_file()] + [home / "stdout.log"]
    assert any(path.suffix == ".db" for path in places) and any("gx" in path.parts for path in places)
    assert canaries.leaks(places, numbers) == set()
    stored = list((home / "lake" / "landing").rglob("*.parquet"))
    assert stored, "the canaries did pass through"
    lake = [path for path in (home / "lake").rglob("*") if path.is_file()]
    assert canaries.leaks(lake, numbers) == set()
