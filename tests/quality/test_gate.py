"""The gate: what stops a batch, who may let it through, and what an approval covers."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from catalogs.model import Limits
from quality import publications
from quality.engine import release, unchecked
from quality.errors import ApprovalRefused, BalanceBroken
from quality.gate import approve
from quality.store import tables
from quality.verdicts import Tally
from tests.quality.deliveries import RULES, many, rows_of, rule

BAD = [("B" + str(at), None, "2026-01-01") for at in range(5)]


def status(bench, batch: str) -> tuple[str, list[str]]:
    with bench.database.connect() as connection:
        row = connection.execute(sa.select(tables.batch.c.status, tables.batch.c.reasons).where(tables.batch.c.batch == batch)).one()
    return row.status, [one["name"] for one in row.reasons]


def numbers(bench) -> list[int]:
    with bench.database.connect() as connection:
        return [one.number for one in publications.pending(connection, "thing", 0)]


def test_too_many_rejects_stop_the_batch_with_its_whole_quarantine(bench_on):
    bench = bench_on()
    report = bench.deliver(*many(10), *BAD)
    assert (report.gate, report.published, report.publication) == ("stopped", False, None)
    assert report.quarantined == 5 and len(rows_of(report.quarantine)) == 5
    assert status(bench, report.batch) == ("stopped", ["max_rejects"]) and numbers(bench) == []


def test_stopped_batch_leaves_the_last_good_publication(bench):
    one = bench()
    one.deliver(*many(10))
    one.deliver(*many(8), *BAD)
    assert numbers(one) == [1] and len(one.head()) == 10


def test_accept_rejects_lifts_the_rejects_and_is_recorded_by_name(bench):
    one = bench()
    report = one.deliver(*many(10), *BAD, accept_rejects=True)
    assert (report.gate, report.published, report.trusted) == ("accepted", True, 10)
    with one.database.connect() as connection:
        row = connection.execute(sa.select(tables.approval)).one()
    assert (row.kind, row.name, row.batch, list(row.figures)) == ("accept_rejects", "first person", report.batch, ["max_rejects"])


def test_accept_rejects_lifts_nothing_else(bench):
    one = bench(limits=Limits(removed_floor=1))
    one.deliver(*many(20))
    report = one.deliver(*many(16), *BAD, accept_rejects=True)
    assert report.gate == "stopped" and status(one, report.batch)[1] == ["max_rejects", "max_removed"]


def test_accept_rejects_of_a_good_batch_is_no_acceptance(bench):
    one = bench()
    assert one.deliver(*many(3), accept_rejects=True).gate == "pass"
    with one.database.connect() as connection:
        assert connection.execute(sa.select(tables.approval)).all() == []


def test_volume_jump_stops_the_batch(bench):
    one = bench()
    one.deliver(*many(100))
    report = one.deliver(*many(151))
    assert report.gate == "stopped" and status(one, report.batch)[1] == ["volume"]


def test_removed_keys_up_to_the_floor_pass_and_beyond_stop(bench):
    one = bench()
    one.deliver(*many(100))
    assert one.deliver(*many(80)).gate == "pass"
    report = one.deliver(*many(59))
    assert report.gate == "stopped" and report.removed == 21 and status(one, report.batch)[1] == ["max_removed"]


def test_deleted_keys_count_as_gone_too(bench):
    from catalogs.model import Delivery

    one = bench("increment", delivery=Delivery("increment", operation_field="操作"))
    columns = ("编号", "名称", "变更日期", "操作")
    one.deliver(*((*row, "I") for row in many(100)), columns=columns)
    report = one.deliver(*((key, None, None, "D") for key, *_ in many(21)), columns=columns)
    assert report.gate == "stopped" and status(one, report.batch)[1] == ["max_removed"]


def test_increment_has_no_volume_band(bench):
    one = bench("increment")
    one.deliver(*many(100))
    assert one.deliver(*many(1, "B")).gate == "pass"


def test_second_name_lets_a_stopped_batch_through(bench_on):
    bench = bench_on()
    stopped = bench.deliver(*many(10), *BAD)
    with bench.database.begin() as connection:
        approve(connection, stopped.batch, "second person", "checked by telephone", bench.now)
    done = release(stopped.batch, bench.catalog, lake=bench.lake, database=bench.database, now=bench.now, operator="first person")
    assert (done.gate, done.published, done.publication, done.quarantine) == ("accepted", True, 1, stopped.quarantine)
    assert numbers(bench) == [1]


@pytest.mark.parametrize("name", ["first person", " First Person "])
def test_operator_cannot_approve_his_own_batch(bench, name):
    one = bench()
    stopped = one.deliver(*many(10), *BAD)
    with one.database.begin() as connection, pytest.raises(ApprovalRefused, match="second person"):
        approve(connection, stopped.batch, name, "why not", one.now)


def test_batch_that_was_not_stopped_cannot_be_approved(bench):
    one = bench()
    good = one.deliver(*many(3))
    for batch in (good.batch, "thing-20260101T000000-00000000"):
        with one.database.begin() as connection, pytest.raises(ApprovalRefused):
            approve(connection, batch, "second person", "reason", one.now)


def test_approval_needs_a_reason(bench):
    one = bench()
    stopped = one.deliver(*many(10), *BAD)
    with one.database.begin() as connection, pytest.raises(ApprovalRefused, match="reason"):
        approve(connection, stopped.batch, "second person", " ", one.now)


def test_release_without_approval_is_refused(bench):
    one = bench()
    stopped = one.deliver(*many(10), *BAD)
    with pytest.raises(ApprovalRefused):
        release(stopped.batch, one.catalog, lake=one.lake, database=one.database, now=one.now, operator="first person")


def test_approval_does_not_cover_a_worse_figure_against_a_newer_head(bench):
    one = bench(limits=Limits(removed_floor=1, volume_band=9.0))
    one.deliver(*many(30))
    stopped = one.deliver(*many(28))
    assert stopped.gate == "stopped"
    with one.database.begin() as connection:
        approve(connection, stopped.batch, "second person", "two were merged", one.now)
    one.deliver(*many(60))
    again = release(stopped.batch, one.catalog, lake=one.lake, database=one.database, now=one.now, operator="first person")
    assert again.gate == "stopped" and again.removed == 32


def test_batch_run_again_by_the_second_person_still_needs_a_second_person(bench):
    one = bench()
    landed = one.land(*many(10), *BAD)
    one.check(landed, operator="first person")
    one.check(landed, operator="second person")
    with one.database.begin() as connection, pytest.raises(ApprovalRefused):
        approve(connection, landed.batch, "first person", "mine", one.now)


def test_stopped_batch_checked_again_stays_stopped_and_keeps_one_quarantine(bench):
    one = bench()
    landed = one.land(*many(10), *BAD)
    first, second = one.check(landed), one.check(landed)
    assert second.gate == "stopped" and first.quarantine == second.quarantine
    assert len(list((one.lake / "quarantine").rglob("*.parquet"))) == 1


def test_late_delivery_is_warned_and_stops_only_where_the_rule_rejects(bench):
    late = {"as_of": bench().now - timedelta(hours=25)}
    warned = bench(rules=(*RULES, rule("freshness", severity="warn"))).deliver(*many(2), **late)
    assert warned.gate == "pass" and warned.rules["thing.row.freshness"]["failed"] == 1
    stopped = bench(rules=(*RULES, rule("freshness"))).deliver(*many(3), **late)
    assert stopped.gate == "stopped"


@pytest.mark.parametrize("tally", [Tally(10, 9, 0, 0, 0, 0), Tally(10, 9, 1, 1, 0, 0), Tally(9, 9, 0, 0, 0, 0)])
def test_broken_balance_is_raised_and_names_the_batch(tally):
    with pytest.raises(BalanceBroken, match="batch b-1"):
        tally.balanced(10, "b-1")


def test_unchecked_lists_landed_batches_nobody_judged_oldest_first(bench):
    one = bench()
    first = one.land(*many(2))
    checked = one.deliver(*many(3))
    third = one.land(*many(4))
    waiting = unchecked(one.database, one.lake, "thing")
    assert [landed.batch for landed in waiting] == [first.batch, third.batch] and checked.published
