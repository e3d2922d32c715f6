"""Rows pushed by an approval system: an increment of one, never removed by a delivery that could not know of it, reconciled by the next."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from catalogs.model import Limits
from connectors.landing import new_batch
from connectors.push import land_row
from quality import publications
from quality.engine import check
from quality.reconcile import findings
from quality.store import tables
from tests.quality.deliveries import NOW, Typed, land

A1, A2, A3 = ("A1", "甲公司", "2026-01-01"), ("A2", "乙公司", "2026-01-01"), ("A3", "丙公司", "2026-01-01")
HOUR = timedelta(hours=1)


def push(bench, row, now=NOW + HOUR, batch=None):
    batch = batch or new_batch(bench.resource, now)
    values = dict(zip((one.source for one in bench.resource.fields), row, strict=True))
    landed = land_row(bench.resource, values, bench.lake, source="push:test", now=now, batch=batch)
    return check(landed, bench.catalog, lake=bench.lake, database=bench.database, now=now, operator="push:test")


def deliver(bench, *rows, as_of):
    landed = land(bench.resource, Typed(rows, as_of=as_of), bench.lake, now=as_of)
    return check(landed, bench.catalog, lake=bench.lake, database=bench.database, now=as_of, operator="test")


def head(bench) -> dict[str, str]:
    return {row["code"]: row["name"] for row in bench.head()}


def found(bench) -> list[tuple[str, str | None, list[str]]]:
    with bench.database.connect() as connection:
        return [(one.kind, one.origin, one.fields) for one in findings(connection)]


def test_pushed_row_is_an_increment_of_one_whatever_the_resource_delivers(bench_on):
    bench = bench_on()
    deliver(bench, A1, A2, as_of=NOW)
    report = push(bench, A3)
    assert (report.publication, report.trusted, report.carried, report.removed, report.gate) == (2, 1, 2, 0, "pass")
    assert bench.changes(2) == {"A3": "insert"} and set(head(bench)) == {"A1", "A2", "A3"}
    with bench.database.connect() as connection:
        assert [one.pushed for one in publications.pending(connection, "thing", 0)] == [False, True]
        # How fresh the source is, one pushed row does not say.
        assert [one.number for one in publications.deliveries(connection, "thing")] == [1]


def test_delivery_cut_before_the_push_neither_removes_nor_overwrites_nor_blames_it(bench):
    one = bench()
    deliver(one, A1, A2, as_of=NOW - HOUR)
    push(one, A3)
    push(one, ("A2", "乙公司二", "2026-02-01"))
    report = deliver(one, A1, A2, as_of=NOW)
    assert (report.removed, report.superseded, report.carried, report.gate) == (0, 1, 2, "pass")
    assert head(one) == {"A1": "甲公司", "A2": "乙公司二", "A3": "丙公司"}
    assert report.read == report.trusted + report.quarantined + report.superseded + report.deleted
    assert found(one) == []


def test_next_delivery_reconciles_and_differences_become_findings(bench_on):
    one = bench_on(limits=Limits(max_rejects=1.0, volume_band=9.0))
    deliver(one, A1, as_of=NOW)
    for code in ("A2", "A3", "A4", "A5"):
        push(one, (code, "乙公司", "2026-01-01"))
    rows = [A1, A2, ("A3", "丙公司", "2026-01-09"), ("A4", None, "2026-01-01")]
    report = deliver(one, *rows, as_of=NOW + 2 * HOUR)
    assert report.removed == 1
    assert sorted(found(one), key=str) == [("differs", "typed.csv:4", ["name"]), ("missing", None, []), ("rejected", None, [])]
    # What agreed or differed is the delivery's word now; only the row that was rejected still stands as it was pushed.
    deliver(one, A1, A2, as_of=NOW + 3 * HOUR)
    assert len(found(one)) == 4 and found(one)[0] == ("missing", None, [])


def test_size_of_a_delivery_is_compared_with_the_last_delivery_not_with_a_pushed_row(bench):
    one = bench()
    many = [(f"B{number}", "样例公司", "2026-01-01") for number in range(40)]
    deliver(one, *many, as_of=NOW)
    push(one, A1)
    assert deliver(one, *many, A1, as_of=NOW + 2 * HOUR).gate == "pass"


def test_pushed_row_that_fails_is_rejected_and_waits_for_nobody(bench):
    one = bench()
    deliver(one, A1, A2, as_of=NOW)
    report = push(one, ("A2", None, "2026-02-01"))
    assert (report.published, report.gate, report.quarantined) == (False, "stopped", 1)
    assert head(one)["A2"] == "乙公司" and not any(row["_stale"] for row in one.head())
    with one.database.connect() as connection:
        row = connection.execute(sa.select(tables.batch.c.status).where(tables.batch.c.batch == report.batch)).scalar_one()
    assert row == "rejected"


def test_pushed_batch_run_again_or_left_half_landed_is_published_once(bench):
    one = bench()
    batch = new_batch(one.resource, NOW)
    (one.lake / "landing" / "thing" / batch).mkdir(parents=True)
    assert push(one, A1, batch=batch).publication == push(one, A1, batch=batch).publication == 1


@pytest.mark.parametrize("mode", ["snapshot", "increment"])
def test_fault_in_the_kept_session_does_not_reach_the_next_batch(bench, mode):
    one = bench(mode)
    push(one, A1)
    from quality import session

    with pytest.raises(RuntimeError), session.kept(one.lake, one.catalog) as connection:
        connection.execute("CREATE TEMP TABLE broken AS SELECT 1").fetchall()
        raise RuntimeError
    assert push(one, A2, now=NOW + 2 * HOUR).publication == 2
    session.close_kept()
