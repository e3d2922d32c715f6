"""The command line as users run it: a process of its own, its JSON, its exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HUB = Path(sys.executable).parent / "hub"


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict:
        return json.loads(self.out)


def environment(lake: Path, keys: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HUB_", "AIRFLOW"))}
    return {**kept, "HUB_LAKE": str(lake), "HUB_KEYS": str(keys), "HUB_OPERATOR": "first", **more}


@pytest.fixture(scope="module")
def hub(tmp_path_factory) -> Callable[..., Ran]:
    """`hub(*arguments, lake=…)`: one command in one module-wide world."""
    home = tmp_path_factory.mktemp("hub")

    def run(*arguments: object, lake: Path = home / "lake", **more: str) -> Ran:
        done = subprocess.run(
            [HUB, *map(str, arguments)], cwd=ROOT, env=environment(lake, home / "keys", **more), capture_output=True, text=True
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    run.home = home
    return run
