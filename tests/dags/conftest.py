"""One run of the real DAGs for the session, and what it left behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.browser.conftest import browser, screenshots  # noqa: F401 (fixtures)

ROOT = Path(__file__).resolve().parents[2]

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
                         "stopped": [stopped.state, {t.task_id: t.state for t in stopped.get_task_instances()}],
                         "run": stopped.run_id}))
"""


@dataclass(frozen=True)
class World:
    home: Path
    """Folder of everything the run wrote."""
    report: dict
    """What the script reported."""
    environment: Mapping[str, str]


@pytest.fixture(scope="session")
def world(tmp_path_factory) -> World:
    """The DAGs by `dag.test()`: three landings, one issue, and a delivery that the gate stops."""
    home = tmp_path_factory.mktemp("chain")
    (home / "drops").mkdir()
    subprocess.run([sys.executable, "-m", "connectors.sample", "--out", home / "departments", "--persons", "2000"], cwd=ROOT, check=True)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("HUB_", "AIRFLOW"))},
        "PYTHONPATH": str(ROOT),
        "AIRFLOW_HOME": str(home / "airflow"),
        "PATH": f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}",
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW_CONN_LEGAL_ENTITY": json.dumps({"conn_type": "generic", "extra": {"address": str(home / "drops")}}),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "dags" / "plugins"),
        "HUB_LAKE": str(home / "lake"),
        "HUB_KEYS": str(home / "keys"),
    }
    command = [sys.executable, "-c", THREE_LANDINGS_ONE_ISSUE, str(home / "departments"), str(home / "drops")]
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    (home / "stdout.log").write_text(run.stdout + run.stderr)
    assert run.returncode == 0, (run.stdout + run.stderr)[-3000:]
    report = json.loads(next(line for line in run.stdout.splitlines() if line.startswith("@@"))[2:])
    return World(home, report, environment)
