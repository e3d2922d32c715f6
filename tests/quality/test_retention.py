"""What outlives its retention leaves the lake; heads and what a reader still needs stay."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connectors.lake import Lake
from connectors.landing import read_batch
from quality import publications
from quality.retention import expire
from quality.sampling import Verdict, draw, judge, rows
from quality.tickets.rows import page
from quality.tickets.states import Act
from tests.quality.deliveries import Bench, many
from tests.quality.ticket_desk import NAMELESS, STAFF


def files(bench: Bench) -> set[str]:
    return {path.relative_to(bench.lake).as_posix() for path in bench.lake.glob("*/*/*/*.parquet")}


@pytest.fixture
def three(bench) -> Bench:
    """Three snapshots, each another head."""
    one = bench()
    for name in ("甲公司", "乙公司", "丙公司"):
        assert one.deliver(*many(30, name=name)).published
    return one


def expired(one: Bench, applied: int, days: int, dry: bool = False):
    """After so many days beyond the retention."""
    now = one.now + timedelta(days=one.resource.limits.retention_days + days)
    return expire(Lake.of(one.lake), one.catalog, one.database, {"thing": applied}, now=now, dry=dry)


def test_batches_within_their_retention_stay(three):
    before = files(three)
    assert expired(three, 3, -1).batches == 0 and files(three) == before


def test_older_batches_go_and_the_head_stays(three):
    oldest = min(path.name for path in (three.lake / "landing" / "thing").iterdir())
    done = expired(three, 3, 1)
    assert done.batches == 3 and done.per_resource == {"thing": 3}
    with three.database.connect() as connection:
        head = publications.head(connection, "thing", "")
    assert files(three) == {head.rows_path, head.changes_path}
    assert publications.changes(three.lake, head).num_rows == 30 and len(three.head()) == 30
    landed = read_batch(three.lake, "thing", oldest)
    assert landed.manifest.files == () and not landed.rows.exists() and landed.manifest.rows == 30
    assert expired(three, 3, 1).batches == 0


def test_what_a_reader_has_not_applied_stays(three):
    expired(three, 1, 1)
    with three.database.connect() as connection:
        waiting = publications.pending(connection, "thing", 1)
    assert [publications.changes(three.lake, published).num_rows for published in waiting] == [30, 30]


def test_dry_run_removes_nothing(three):
    before = files(three)
    assert expired(three, 3, 1, dry=True).batches == 3 and files(three) == before


def test_delivery_after_an_expiry_goes_on(three):
    expired(three, 3, 1)
    report = three.deliver(*many(30, name="丁公司"))
    assert (report.published, report.publication) == (True, 4)


def test_batch_nobody_checked_stays(bench):
    one = bench()
    one.land(*many(3))
    assert expired(one, 0, 4000).batches == 0


def later(one: Bench, days: int) -> Bench:
    one.now += timedelta(days=days)
    return one


def test_rows_of_a_ticket_stay_while_it_is_open_and_as_long_again_once_it_is_closed(desk, organs):
    one, days = desk.bench, desk.bench.resource.limits.retention_days
    (opened,) = desk.open(desk.deliver(("A1", None, "甲", organs[0]), ("A2", "好", "甲", organs[0])), NAMELESS)

    def kept() -> tuple[bool, dict]:
        expire(Lake.of(one.lake), one.catalog, one.database, {"thing": 1}, now=one.now)
        with one.database.connect() as connection:
            (row,) = page(connection, Lake.of(one.lake), opened.ticket)
        return any(one.lake.glob("tickets/thing/*/*.parquet")), row.values

    later(one, days + 1)
    assert kept()[0] and kept()[1]["编号"] == "A1"
    desk.act(opened.ticket, Act.WITHDRAW, STAFF, reason="RULE_WRONG", comment="误开")
    later(one, days - 1)
    assert kept()[0]
    later(one, 2)
    assert kept() == (False, {})


def test_sample_goes_by_its_own_age_and_what_was_judged_of_it_stays(bench):
    one = bench()
    one.deliver(*many(5))
    days = one.resource.limits.retention_days
    later(one, days - 1)
    name = draw(one.catalog, "thing", 2, seed=1, lake=one.lake, database=one.database, now=one.now, actor="staff").sample
    judge(one.catalog, name, 1, Verdict.RIGHT, database=one.database, now=one.now, actor="staff")

    def looked() -> list:
        expire(Lake.of(one.lake), one.catalog, one.database, {"thing": 1}, now=one.now)
        with one.database.connect() as connection:
            return [(row.verdict, bool(row.values)) for row in rows(connection, one.lake, name)]

    later(one, 2)
    assert looked() == [("right", True), ("", True)]
    later(one, days)
    assert looked() == [("right", False), ("", False)] and not list(one.lake.glob("samples/thing/*/*.parquet"))
