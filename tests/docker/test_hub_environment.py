"""The hub alone: docker/requirements-hub.txt in an empty environment, without Airflow and Great Expectations."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PIN = re.compile(r"^([A-Za-z0-9_.\-]+(?:\[[^\]]+\])?)==(\S+)", re.MULTILINE)


def pins(path: str) -> dict[str, str]:
    return dict(PIN.findall((ROOT / path).read_text()))


def test_hub_pins_are_a_subset_of_the_whole_set():
    everything = pins("requirements.txt")
    assert {name: version for name, version in pins("docker/requirements-hub.txt").items() if everything.get(name) != version} == {}


@pytest.fixture(scope="module")
def hub_python(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("hub") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin" / "python"
    uv = Path(sys.executable).parent / "uv"
    subprocess.run([uv, "pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", "docker/requirements-hub.txt"],
                   cwd=ROOT, check=True)  # fmt: skip
    return python


@pytest.mark.parametrize("absent", ["airflow", "great_expectations", "pandas"])
def test_hub_environment_has_no_pipeline_packages(hub_python, absent):
    assert subprocess.run([hub_python, "-c", f"import {absent}"], capture_output=True).returncode != 0


def test_t33_app_imports_alone_and_opens_no_socket(hub_python):
    probe = (
        "import sys\n"
        "def watch(event, args):\n"
        "    if event in ('socket.connect', 'socket.bind', 'socket.getaddrinfo'): raise SystemExit(f'import opened {event}')\n"
        "sys.addaudithook(watch)\n"
        "import license_hub.app, license_hub.cli\n"
    )
    run = subprocess.run(
        [hub_python, "-c", probe], cwd=ROOT, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr[-2000:]
