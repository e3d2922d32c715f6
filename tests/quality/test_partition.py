"""Partition deliveries: which partition one is, what does not belong, and partitions that do not touch each other."""

from __future__ import annotations

import pytest

from catalogs.model import Delivery, Field, Limits
from quality import publications
from quality.errors import PartitionUndetermined
from tests.quality.deliveries import FIELDS

PLACED = (*FIELDS, Field("place", "省份", "省份", "code", table="province"))
COLUMNS = tuple(field.source for field in PLACED)
LOOSE = Limits(max_rejects=1.0)


def row(key: str, place: str | None) -> tuple[str | None, ...]:
    return (key, "某公司", "2026-01-01", place)


@pytest.fixture
def placed(bench):
    return bench("partition", delivery=Delivery("partition", partition_field="place"), fields=PLACED, limits=LOOSE)


def test_partition_is_the_known_value_most_rows_carry(placed):
    report = placed.deliver(row("A1", "广西"), row("A2", "广西壮族自治区"), row("A3", "四川"), columns=COLUMNS)
    assert (report.partition, report.trusted, report.quarantined) == ("45", 2, 1)
    assert report.rules["thing.engine.place.in_partition"]["failed"] == 1


def test_value_outside_the_table_never_defines_a_partition(placed):
    rows = [row("A1", "N/A"), row("A2", "某地"), row("A3", "某地"), row("A4", "四川")]
    report = placed.deliver(*rows, columns=COLUMNS)
    assert (report.partition, report.trusted, report.quarantined) == ("51", 1, 3)


@pytest.mark.parametrize("given", ["51", "四川", "四川省", " 四川 "])
def test_given_partition_wins_over_the_rows(placed, given):
    report = placed.deliver(row("A1", "广西"), row("A2", "广西"), row("A3", "四川"), columns=COLUMNS, partition=given)
    assert (report.partition, report.trusted) == ("51", 1)


def test_given_partition_outside_the_table_is_a_fault_that_names_the_table(placed):
    with pytest.raises(PartitionUndetermined, match="resource thing.*province"):
        placed.deliver(row("A1", "广西"), columns=COLUMNS, partition="某地")


def test_delivery_without_any_known_value_is_a_fault_that_says_what_to_do(placed):
    with pytest.raises(PartitionUndetermined, match="--partition"):
        placed.deliver(row("A1", "某地"), columns=COLUMNS)


def test_partitions_have_heads_of_their_own_and_one_series_of_numbers(placed):
    placed.deliver(row("A1", "广西"), columns=COLUMNS)
    placed.deliver(row("A1", "四川"), row("A2", "四川"), columns=COLUMNS)
    third = placed.deliver(row("A3", "广西"), columns=COLUMNS)
    assert placed.changes(3) == {"A1": "removed", "A3": "insert"} and third.removed == 1
    with placed.database.connect() as connection:
        heads = publications.heads(connection, "thing")
        assert [(head.partition, head.number, head.parent) for head in heads] == [("45", 3, 1), ("51", 2, None)]
        assert publications.rows_paths(connection, placed.lake, "thing") == [placed.lake / head.rows_path for head in heads]


def test_no_op_is_judged_by_the_head_of_the_same_partition(placed):
    rows = [row("A1", "广西")], [row("A1", "四川")], [row("A1", "广西")]
    reports = [placed.deliver(*one, columns=COLUMNS) for one in rows]
    assert [report.noop for report in reports] == [False, False, True] and reports[2].publication == 1
