"""Several rows of one key in one delivery: identical, older, conflicting, and a bad row that is newer than a good one."""

from __future__ import annotations

import duckdb
import pytest

from catalogs.model import Delivery, Field, Limits
from quality.session import session
from tests.quality.deliveries import FIELDS, RULES, rows_of, rule

LOOSE = Limits(max_rejects=1.0, volume_band=9.0)
OLD, NEW = ("A1", "甲公司", "2026-01-01"), ("A1", "甲公司改名", "2026-02-01")


def test_identical_rows_are_superseded_without_a_word(bench):
    report = bench().deliver(OLD, OLD, OLD)
    assert (report.trusted, report.superseded, report.warned) == (1, 2, 0)


def test_rows_identical_after_cleaning_are_identical(bench):
    report = bench().deliver(OLD, ("ａ1", " 甲公司", "2026年1月1日"))
    assert (report.trusted, report.superseded, report.warned) == (1, 1, 0)


def test_newer_row_wins_wherever_it_stands(bench):
    one = bench()
    report = one.deliver(NEW, OLD)
    assert (report.trusted, report.superseded, report.warned) == (1, 1, 0) and one.head()[0]["name"] == "甲公司改名"


def test_equal_order_other_content_takes_the_later_line_and_warns(bench):
    one = bench()
    report = one.deliver(OLD, ("A1", "另一公司", "2026-01-01"), ("A2", "乙公司", "2026-01-01"))
    assert (report.trusted, report.superseded, report.warned) == (2, 1, 1)
    assert report.rules["thing.code.conflicting_duplicate"] == {"severity": "warn", "failed": 1}
    assert one.head()[0]["name"] == "另一公司" and one.head()[0]["_warnings"] == ["thing.code.conflicting_duplicate"]


def test_conflict_between_two_older_rows_is_settled_by_the_newest(bench):
    report = bench().deliver(OLD, ("A1", "另一公司", "2026-01-01"), NEW)
    assert (report.trusted, report.superseded, report.warned) == (1, 2, 0)


def test_row_without_order_is_the_oldest(bench):
    one = bench()
    one.deliver(NEW, ("A1", "无日期", None))
    assert one.head()[0]["name"] == "甲公司改名"


def test_resource_without_order_takes_the_later_line(bench):
    one = bench(order_by=None)
    report = one.deliver(NEW, OLD)
    assert report.warned == 1 and one.head()[0]["name"] == "甲公司"


def test_newer_bad_row_is_quarantined_and_the_good_one_published_stale(bench):
    one = bench(limits=LOOSE)
    report = one.deliver(OLD, ("A1", None, "2026-02-01"))
    assert (report.trusted, report.quarantined, report.superseded) == (1, 1, 0)
    assert one.head()[0]["name"] == "甲公司" and one.head()[0]["_stale"] and one.changes(1) == {"A1": "insert"}


def test_older_bad_row_does_not_make_the_good_one_stale(bench):
    one = bench(limits=LOOSE)
    one.deliver(("A1", None, "2026-01-01"), NEW)
    assert not one.head()[0]["_stale"]


def test_good_row_under_a_newer_bad_one_turns_a_fresh_head_row_stale(bench):
    one = bench(limits=LOOSE)
    one.deliver(OLD)
    one.deliver(OLD, ("A1", None, "2026-02-01"))
    assert one.changes(2) == {"A1": "stale"}


def test_every_superseded_row_is_listed_with_the_row_it_lost_to_and_why(bench):
    one = bench()
    report = one.deliver(OLD, OLD, NEW, ("A2", "乙公司", None), ("A2", "乙公司", None), ("A3", "丙公司", None), ("A3", "丁公司", None))
    listed = rows_of(one.lake / "trusted" / "thing" / report.batch / "superseded.parquet")
    assert [(row["origin"], row["key"], row["lost_to"], row["reason"]) for row in listed] == [
        ("typed.csv:2", "A1", "typed.csv:4", "older"), ("typed.csv:3", "A1", "typed.csv:4", "older"),
        ("typed.csv:5", "A2", "typed.csv:6", "identical"), ("typed.csv:7", "A3", "typed.csv:8", "conflict"),
    ]  # fmt: skip


def test_compound_key_is_joined_by_a_unit_separator(bench):
    one = bench(key=("code", "changed_on"))
    report = one.deliver(OLD, NEW)
    assert report.superseded == 0 and [row["_key"] for row in one.head()] == ["A1\x1f2026-01-01", "A1\x1f2026-02-01"]


def test_compound_key_with_an_empty_part_is_quarantined(bench):
    report = bench(key=("code", "changed_on"), limits=LOOSE).deliver(("A1", "甲公司", None))
    assert report.quarantined == 1 and report.rules["thing.engine.changed_on.not_null"]["failed"] == 1


def test_unique_key_holds_once_duplicates_are_settled(bench):
    unique = rule("unique", "code")
    report = bench(rules=(*RULES, unique)).deliver(OLD, NEW, ("A2", "乙公司", None))
    assert report.rules[unique.id]["failed"] == 0


def test_unique_field_that_is_not_the_key_fails_for_every_row_of_a_value(bench):
    unique = rule("unique", "name", severity="warn")
    report = bench(rules=(*RULES, unique)).deliver(OLD, ("A2", "甲公司", None), ("A3", "丙公司", None))
    assert report.rules[unique.id]["failed"] == 2 and report.warned == 2


def test_unique_field_of_severity_reject_quarantines_all_its_rows(bench):
    unique = rule("unique", "name")
    report = bench(rules=(*RULES, unique), limits=LOOSE).deliver(OLD, ("A2", "甲公司", None), ("A3", "丙公司", None))
    assert (report.quarantined, report.trusted) == (2, 1)


def test_operation_is_not_part_of_the_content(bench):
    fields = (*FIELDS, Field("operation", "操作", "", "text"))
    one = bench("increment", fields=fields, delivery=Delivery("increment", operation_field="操作"))
    columns = tuple(field.source for field in fields)
    one.deliver((*OLD, "I"), columns=columns)
    one.deliver((*OLD, "U"), columns=columns)
    assert one.changes(2) == {}


def test_same_content_inserted_and_updated_is_no_conflict(bench):
    fields = (*FIELDS, Field("operation", "操作", "", "text"))
    one = bench("increment", fields=fields, delivery=Delivery("increment", operation_field="操作"))
    report = one.deliver((*OLD, "I"), (*OLD, "U"), columns=tuple(field.source for field in fields))
    assert (report.trusted, report.superseded, report.warned) == (1, 1, 0)


def test_undeclared_operation_column_is_obeyed_and_guarded(bench):
    one = bench("increment", delivery=Delivery("increment", operation_field="操作"), limits=LOOSE)
    columns = (*(field.source for field in FIELDS), "操作")
    report = one.deliver((*OLD, "I"), ("A2", None, None, "D"), ("A3", "丙公司", None, "Q"), columns=columns)
    assert (report.trusted, report.deleted, report.quarantined) == (1, 1, 1)


def test_session_is_confined_to_the_lake(lake, small, tmp_path):
    (tmp_path / "outside.csv").write_text("a\n1\n")
    with session(lake, small) as connection:
        with pytest.raises(duckdb.Error):
            connection.execute("SELECT * FROM read_csv('" + str(tmp_path / "outside.csv") + "')").fetchall()
        with pytest.raises(duckdb.Error):
            connection.execute("SET enable_external_access = true")
