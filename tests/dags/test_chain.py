"""The real DAGs by `dag.test()`: one issue run handles every publication after the mark, and nothing personal leaks into Airflow."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.support import canaries

pytestmark = pytest.mark.airflow


def test_three_landings_are_handled_by_one_issue_run(world):
    report = world.report
    assert len(report["landed"]) == 3
    assert report["first"]["publications"] == 3 and report["first"]["resources"]["legal_entity"]["issued"] > 0


def test_a_second_issue_run_changes_nothing(world):
    assert world.report["second"]["publications"] == 0


def test_status_lists_are_signed_after_the_issue_and_again_when_nothing_changed(world):
    assert [(one["lists"], one["changed"]) for one in world.report["listed"]] == [(1, 1), (1, 0)]


def test_landing_with_nothing_new_skips_and_wakes_nobody(world):
    assert world.report["idle"] == {"land": "skipped"}


def test_batch_stopped_by_the_gate_fails_the_whole_run_and_wakes_nobody(world):
    """A delivery of twenty of a thousand rows: the run is red, though its last task stored the outcomes."""
    state, tasks = world.report["stopped"]
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
    home = world.home
    numbers = personal(home)
    assert len(numbers) == 1_000
    places = [path for folder in ("airflow", "lake/gx") for path in (home / folder).rglob("*") if path.is_file()] + [home / "stdout.log"]
    assert any(path.suffix == ".db" for path in places) and any("gx" in path.parts for path in places)
    assert canaries.leaks(places, numbers) == set()
    stored = list((home / "lake" / "landing").rglob("*.parquet"))
    assert stored, "the canaries did pass through"
    lake = [path for path in (home / "lake").rglob("*") if path.is_file()]
    assert canaries.leaks(lake, numbers) == set()
