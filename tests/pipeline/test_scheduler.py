"""A real scheduler on PostgreSQL, started with the exact commands of docker/compose.yaml: land → check → issue by assets.

Airflow's log servers listen on every address and cannot be bound, so everything runs in a network namespace of its own;
PostgreSQL is reached through its unix socket.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sqlalchemy as sa
import yaml

from tests.support import postgres, processes
from tests.support.namespace import can_unshare

ROOT = Path(__file__).resolve().parents[2]
SERVICES = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text())["services"]
RESOURCE = "legal_entity"
PATIENCE_S = 240


def served(name: str) -> str:
    """A setting of the compose file, its host names replaced by this machine."""
    return SERVICES["airflow-api"]["environment"][name].replace("airflow-api", "127.0.0.1").replace("localhost", "127.0.0.1")


@pytest.fixture
def airflow(tmp_path, postgres_server):
    """Environment of an Airflow on its own PostgreSQL database, migrated; yields (environment, metadata URL)."""
    if not can_unshare():
        pytest.skip("network namespaces are not allowed here")
    with postgres.database(postgres_server) as metadata, postgres.database(postgres_server) as hub:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "HUB_"))},
            "PATH": f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "AIRFLOW_HOME": str(tmp_path / "airflow"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "2",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": served("AIRFLOW__CORE__EXECUTION_API_SERVER_URL"),
            "AIRFLOW__API__BASE_URL": served("AIRFLOW__API__BASE_URL"),
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API_AUTH__JWT_SECRET": "only-for-this-test-" * 4,
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": metadata,
            "HUB_DATABASE_URL": hub,
            "HUB_LAKE": str(tmp_path / "lake"),
            "HUB_KEYS": str(tmp_path / "keys"),
            "AIRFLOW_CONN_LEGAL_ENTITY": json.dumps({"conn_type": "generic", "extra": {"address": str(tmp_path / "drops")}}),
        }
        subprocess.run(SERVICES["airflow-init"]["command"], env=environment, check=True, capture_output=True)
        yield environment, metadata, hub


def deliver(drops: Path) -> None:
    """The sample department's drop files."""
    subprocess.run(
        [sys.executable, "-m", "connectors.sample", "--out", str(drops), "--persons", "2000"], cwd=ROOT, check=True, capture_output=True
    )
    for extra in drops.iterdir():
        if not extra.name.startswith(RESOURCE):
            shutil.rmtree(extra) if extra.is_dir() else extra.unlink()


def unfinished(engine: sa.Engine) -> list[tuple[str, str, str]]:
    """(DAG, task, state) of the chain's tasks that failed, for good or until a retry. Other departments have delivered nothing here."""
    chain = (f"land_{RESOURCE}", f"check_{RESOURCE}", "issue")
    with engine.connect() as connection:
        found = connection.execute(sa.text("SELECT dag_id, task_id, state FROM task_instance")).all()
    return [(dag, task, state) for dag, task, state in found if dag in chain and state in ("failed", "upstream_failed", "up_for_retry")]


def run_states(engine: sa.Engine) -> dict[str, str]:
    with engine.connect() as connection:
        return dict(connection.execute(sa.text("SELECT dag_id, max(state) FROM dag_run GROUP BY dag_id")).all())


def test_landing_by_hand_wakes_check_and_issue_by_assets(airflow, tmp_path):
    environment, metadata, hub = airflow
    deliver(tmp_path / "drops")
    engine, hub_engine = sa.create_engine(metadata), sa.create_engine(hub)
    services = [SERVICES[name]["command"] for name in ("airflow-api", "airflow-dag-processor", "airflow-scheduler")]
    inside = ["unshare", "-n", sys.executable, "-m", "tests.support.namespace", yaml.safe_dump(services)]

    log = tmp_path / "airflow.log"

    def up() -> bool:
        # A task that finds no API server fails, and its retry comes minutes later.
        with engine.connect() as connection:
            parsed = connection.execute(sa.text("SELECT count(*) FROM dag WHERE dag_id IN ('issue', 'check_legal_entity')")).scalar()
        return parsed == 2 and b"Application startup complete" in log.read_bytes()

    def issued() -> bool:
        assert not (fallen := unfinished(engine)), fallen
        return run_states(engine).get("issue") == "success"

    try:
        with processes.running(inside, env=environment, log=log, ready=up, seconds=PATIENCE_S, cwd=ROOT) as tree:
            subprocess.run(["airflow", "dags", "trigger", f"land_{RESOURCE}"], env=environment, check=True, capture_output=True)
            processes.wait_for(issued, PATIENCE_S, tree, log)
            time.sleep(1)
        with hub_engine.connect() as connection:
            assert connection.execute(sa.text("SELECT count(*) FROM hub_version")).scalar() > 0
            published = connection.execute(sa.text("SELECT count(*) FROM quality_publication")).scalar()
            applied = connection.execute(sa.text("SELECT number FROM hub_mark")).scalar()
        assert published == 3 and applied == 3
    finally:
        engine.dispose()
        hub_engine.dispose()
