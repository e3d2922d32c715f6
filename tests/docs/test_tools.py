"""The commands a newcomer types first: help, and the guard of .ci/run against silent skips."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support import skips

ROOT = Path(__file__).resolve().parents[2]
REPORT = (
    '<testsuites><testsuite><testcase classname="tests.x" name="test_y"><skipped message="{reason}"/></testcase></testsuite></testsuites>'
)


def test_make_alone_lists_every_target():
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert all(f"make {target} " in listed for target in ("demo", "up", "test", "bench", "lint", "nightly"))


@pytest.mark.parametrize(("reason", "code"), [("not today", 1), ("real data not beside the checkout: ../shared/data is absent", 0)])
def test_skip_without_a_listed_reason_fails(tmp_path, reason, code):
    (tmp_path / "core.xml").write_text(REPORT.format(reason=reason))
    assert skips.main(str(tmp_path), str(ROOT / "tests" / "allowed_skips.txt")) == code


def test_no_report_at_all_fails(tmp_path):
    assert skips.main(str(tmp_path), str(ROOT / "tests" / "allowed_skips.txt")) == 1


def test_ci_calls_the_readmes_test_command():
    assert "make test" in (ROOT / ".ci" / "run").read_text() and "make test" in (ROOT / "README.md").read_text()


def test_locks_carry_hashes_and_no_registry():
    for lock in ("requirements.txt", "docker/requirements-hub.txt"):
        text = (ROOT / lock).read_text()
        assert "--hash=sha256:" in text and "index-url" not in text and "find-links" not in text.replace("--no-emit-find-links", "")


def test_bench_goals_are_met_or_reported(tmp_path):
    from tests.bench import run

    goals = {"x": {"ratio": {"at_least": 5}, "source": "issue"}}
    assert run.judge({"bench": "x", "ratio": 6}, goals)["holds"] is True
    assert run.judge({"bench": "x", "ratio": 4}, goals)["holds"] is False
    run.keep({"bench": "x", "ratio": 6}, tmp_path / "latest.jsonl")
    run.keep({"bench": "x", "ratio": 7}, tmp_path / "latest.jsonl")
    assert (tmp_path / "latest.jsonl").read_text().count("\n") == 1


def test_every_bench_has_a_goal_and_every_goal_a_bench():
    import yaml

    from tests.bench import run

    assert set(yaml.safe_load((ROOT / "tests" / "bench" / "goals.yaml").read_text())) == set(run.benches())


def test_every_test_file_belongs_to_a_suite():
    lines = [line for line in (ROOT / "tests" / "support" / "suites.sh").read_text().splitlines() if line.startswith("suite ")]
    listed = {word for line in lines for word in line.split() if word.startswith("tests/")}
    files = [path.relative_to(ROOT) for path in (ROOT / "tests").rglob("test_*.py")]
    left = [file.as_posix() for file in files if not any(one.match(word) for one in (file, *file.parents) for word in listed)]
    assert files and left == []
