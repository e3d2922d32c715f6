"""`make up`: Airflow with its pages and the hub come up together, and Ctrl-C takes both down."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from tests.support import processes
from tests.support.namespace import can_unshare

ROOT = Path(__file__).resolve().parents[2]
PAGES = {"airflow": "http://127.0.0.1:8082/", "hub": "http://127.0.0.1:8080/verify"}
PATIENCE_S = 240


def children(pid: int) -> list[int]:
    """Every descendant of a process."""
    found = [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return found + [deeper for one in found for deeper in children(one)]


def status(inside: int, url: str) -> str:
    """HTTP status of a page, asked from within the process's network namespace."""
    command = ["nsenter", f"--net=/proc/{inside}/ns/net", "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-m", "5", url]
    return subprocess.run(command, capture_output=True, text=True).stdout


def heed_ctrl_c() -> None:
    """Whatever a shell starts in the background ignores Ctrl-C, and so would all that these tests start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_up_serves_both_and_ctrl_c_stops_both(tmp_path):
    if not can_unshare():
        pytest.skip("network namespaces are not allowed here")
    environment = {**os.environ, "HUB_LAKE": str(tmp_path / "lake"), "HUB_KEYS": str(tmp_path / "keys")}
    command = ["unshare", "-n", sys.executable, "-m", "tests.support.namespace", yaml.safe_dump([[sys.executable, "-m", "dags.up"]])]
    log = tmp_path / "up.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, preexec_fn=heed_ctrl_c,
                                   start_new_session=True)  # fmt: skip
    try:
        processes.wait_for(lambda: {status(process.pid, url) for url in PAGES.values()} == {"200"}, PATIENCE_S, process, log)
        [up] = [int(one) for one in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
        started = children(up)
        os.kill(up, signal.SIGINT)
        assert process.wait(60) == 0, processes.tail(log)
        time.sleep(0.5)
        assert not [pid for pid in started if Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]]
    finally:
        processes.stop(process)
