"""The next day: what changed is what the truth says, and nothing else did."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from connectors.sample import second_delivery
from tests.connectors.sample.deliveries import drop, population

ROOT = Path(__file__).resolve().parents[3]
ENTERPRISES = "legal_entity_1_enterprise.csv"
CODE = "统一社会信用代码"
CUT = """SELECT datetime(max("更新时间"), '-10 minutes') FROM "population" """
INCREMENT = """SELECT count(*), count("姓名"), sum("操作" = 'D') FROM "population" WHERE "更新时间" >= ?"""


@pytest.fixture(scope="module")
def second(delivered, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("next") / "day"
    second_delivery.deliver(delivered, out)
    return out


@pytest.fixture(scope="module")
def after(second) -> dict:
    return json.loads((second / "truth.json").read_text(encoding="utf-8"))["resources"]


def test_second_delivery_same_first_gives_same_bytes(delivered, second, tmp_path):
    second_delivery.deliver(delivered, tmp_path / "again")
    for path in second.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes(), path.name


def test_second_delivery_repeats_what_did_not_change(delivered, second, after):
    for name in ("food_permit.jsonl", "real_estate_title.xlsx", "legal_entity_2_institution.csv", "legal_entity_3_association.csv"):
        assert (delivered / name).read_bytes() == (second / name).read_bytes()
    assert after["food_permit"]["noop"] and after["food_permit"]["settled"] > 0
    assert after["real_estate_title"]["noop"] and after["real_estate_title"]["settled"] > 0


def test_second_truth_balances(after):
    for entry in (after["population"], after["legal_entity"]["partitions"]["企业"]):
        assert entry["read"] == entry["trusted"] + entry["quarantined"] + entry["superseded"] + entry["deleted"]


def test_second_population_increment_reads_what_the_truth_counts(delivered, second, after):
    with closing(sqlite3.connect(delivered / "population.db")) as first, closing(sqlite3.connect(second / "population.db")) as table:
        since = first.execute(CUT).fetchone()[0]
        found = table.execute(
            'SELECT count(*), count("姓名"), sum("操作" = \'D\') FROM "population" WHERE "更新时间" >= ?', (since,)
        ).fetchone()
    entry = after["population"]
    assert found[0] == entry["read"]
    assert found[0] - found[1] == entry["stale"] == entry["quarantined"]
    assert found[2] == entry["deleted"]


def test_second_population_leaves_other_rows_alone(delivered, second, after):
    before, now = population(delivered), population(second)
    same = sum(one == other for one, other in zip(before, now, strict=False))
    edited = len(before) - same
    assert len(now) - len(before) == 5
    assert 0 < edited <= after["population"]["read"] - 5
    corrected = [row for old, row in zip(before, now, strict=False) if old != row and not (old["姓名"] or "").strip()]
    assert corrected and all(row["姓名"] for row in corrected)


def test_second_drop_is_short_of_the_rows_that_are_gone(delivered, second, truth, after):
    before, now = drop(delivered / ENTERPRISES), drop(second / ENTERPRISES)
    entry = after["legal_entity"]["partitions"]["企业"]
    assert len(now) == entry["read"] == len(before) - entry["removed"]
    first = truth["resources"]["legal_entity"]["partitions"]["企业"]
    assert first["quarantined"] - entry["quarantined"] == entry["issued"] - entry["stale"]


def test_second_drop_changes_status_and_content_where_planned(delivered, second, after):
    before = {row[CODE]: row for row in drop(delivered / ENTERPRISES)}
    pairs = [(before[row[CODE]], row) for row in drop(second / ENTERPRISES) if row[CODE] in before]
    entry = after["legal_entity"]["partitions"]["企业"]
    struck_off = [new for old, new in pairs if old["登记状态"] == "存续" and new["登记状态"] == "注销"]
    moved = [new for old, new in pairs if old["住所"] and old["住所"] != new["住所"] and new["核准日期"] == "2026-11-20"]
    assert len(struck_off) == entry["ended"] == entry["status_acts"] - entry["removed"]
    assert len(moved) == entry["versions"]


def test_second_delivery_without_a_first_is_refused(tmp_path):
    command = [sys.executable, "-m", "connectors.sample.second_delivery", str(tmp_path / "none"), "--out", str(tmp_path / "out")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and "truth.json" in done.stderr and not (tmp_path / "out").exists()
