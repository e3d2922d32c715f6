"""T21, T22: killed at each stage boundary and run again, the river comes to the same state as if nothing had happened."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pipeline.conftest import environment
from tests.support import state

ROOT = Path(__file__).resolve().parents[2]
POINTS = [
    "connectors.landing:manifest.write before",
    "connectors.landing:manifest.write after",
    "quality.engine:quarantine.write after",
    "quality.engine:publish.write_rows after",
    "quality.engine:records.publish before",
    "quality.engine:records.publish after",
    "license_hub.service.intake:open_ledger before",
    "license_hub.service.intake:_move_mark before",
    "license_hub.service.intake:_move_mark after",
    "license_hub.log.integrator:_extend before",
    "license_hub.log.integrator:_extend after",
    "license_hub.storage.leaves:LeafRows.store_checkpoint before",
    "license_hub.storage.leaves:LeafRows.store_checkpoint after",
    "license_hub.log.integrator:_publish before",
]


def run(hub_command: list[str], drop: Path, lake: Path, keys: Path) -> subprocess.CompletedProcess:
    command = [*hub_command, "run", "legal_entity", "--input", str(drop), "--lake", str(lake), "--issue", "--json"]
    return subprocess.run(command, cwd=ROOT, env=environment(lake, keys, PYTHONPATH=str(ROOT)), capture_output=True, text=True)


@pytest.fixture(scope="module")
def unharmed(tmp_path_factory) -> dict:
    """One delivery, issued without any accident: its drop file, keys and state."""
    home = tmp_path_factory.mktemp("unharmed")
    subprocess.run([sys.executable, "-m", "connectors.sample", "--out", home / "drops", "--persons", "2000"], cwd=ROOT, check=True)
    (drop,) = (home / "drops").glob("legal_entity_2*.csv")
    done = run([sys.executable, "-m", "license_hub.cli"], drop, home / "lake", home / "keys")
    assert done.returncode == 0, done.stderr
    return {"drop": drop, "keys": home / "keys", "state": state.digest(home / "lake", home / "keys", "legal_entity")}


@pytest.mark.parametrize("point", POINTS)
def test_t21_killed_at_a_stage_boundary_and_run_again_gives_the_same_state(unharmed, tmp_path, point):
    where, when = point.split()
    keys = shutil.copytree(unharmed["keys"], tmp_path / "keys")
    killed = run([sys.executable, "-m", "tests.support.crash", where, when], unharmed["drop"], tmp_path / "lake", keys)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    again = run([sys.executable, "-m", "license_hub.cli"], unharmed["drop"], tmp_path / "lake", keys)
    assert again.returncode == 0, again.stderr
    assert state.digest(tmp_path / "lake", keys, "legal_entity") == unharmed["state"]
    assert state.findings(tmp_path / "lake", keys) == []


def test_t22_the_same_delivery_twice_changes_nothing(unharmed, tmp_path):
    keys = shutil.copytree(unharmed["keys"], tmp_path / "keys")
    for _ in range(2):
        assert run([sys.executable, "-m", "license_hub.cli"], unharmed["drop"], tmp_path / "lake", keys).returncode == 0
    assert state.digest(tmp_path / "lake", keys, "legal_entity") == unharmed["state"]
