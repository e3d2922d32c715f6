"""`make demo` itself, small: the real DAGs, the real server, the numbers of the generator's truth file."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REPORT = ROOT / "var" / "demo" / "report.json"


def demo(**environment: str) -> subprocess.CompletedProcess:
    command = [str(ROOT / ".venv" / "bin" / "python"), "-m", "dags.demo"]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, "DEMO_ONCE": "1", **environment},
                          capture_output=True, text=True)  # fmt: skip


@pytest.fixture(scope="module")
def finished():
    run = demo()
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    return run, json.loads(REPORT.read_text(encoding="utf-8"))


def test_demo_report_agrees_with_the_truth_file(finished):
    _, report = finished
    assert report["differences"] == []
    assert all(counts["read"] == counts["trusted"] + counts["quarantined"] + counts["superseded"] + counts["deleted"]
               for counts in report["resources"].values())  # fmt: skip


def test_demo_verifies_a_license_over_http(finished):
    _, report = finished
    assert (report["verdict"]["status"], report["verdict"]["code"]) == ("VALID", "IN_FORCE")
    assert report["log_size"] > 0


def test_demo_prints_every_resource_and_the_verdict(finished):
    run, report = finished
    assert all(resource in run.stdout for resource in report["resources"])
    assert "VALID / IN_FORCE" in run.stdout


def test_demo_gives_accounts_of_every_role_and_keeps_their_passwords_to_their_owner(finished):
    run, report = finished
    path = ROOT / "var" / "demo" / "accounts.txt"
    lines = [line.split(" ", 2) for line in path.read_text(encoding="utf-8").splitlines()]
    assert {account for account, _, _ in lines} == {"quality", "supervisor", "auditor", "system", "security", "handler", "body1", "body2"}
    assert path.stat().st_mode & 0o777 == 0o600
    assert all(password in run.stdout and password not in json.dumps(report) for _, password, _ in lines)


def test_readme_shows_the_table_the_demo_prints(finished):
    run, _ = finished
    rows = [line.strip() for line in run.stdout.splitlines() if line.startswith("│")]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(rows) == 4 and all(row in readme for row in rows)


def test_demo_with_one_truth_entry_flipped_exits_nonzero_and_names_it(finished, tmp_path):
    generate = [
        str(ROOT / ".venv" / "bin" / "python"),
        "-m",
        "connectors.sample",
        "--out",
        str(tmp_path / "departments"),
        "--persons",
        "2000",
    ]
    subprocess.run(generate, cwd=ROOT, check=True, capture_output=True)
    truth = json.loads((tmp_path / "departments" / "truth.json").read_text(encoding="utf-8"))
    truth["resources"]["population"]["trusted"] += 1
    flipped = tmp_path / "truth.json"
    flipped.write_text(json.dumps(truth, ensure_ascii=False), encoding="utf-8")
    run = demo(DEMO_TRUTH=str(flipped), DEMO_PERSONS="2000")
    assert run.returncode == 1
    seeded = truth["resources"]["population"]["trusted"]
    differing = [line.strip() for line in run.stdout.splitlines() if line.startswith("differs")]
    assert differing == [f"differs    population.trusted: {seeded - 1}, seeded {seeded}"]
