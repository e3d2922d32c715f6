"""The narrow line of a delivery says what its scores say, and trends what the board showed at the end of each day."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from catalogs.model import Delivery
from quality import scores, totals, trends
from quality.pushes import new_batch, publish_row
from quality.store.tables import batch, score
from quality.store.tables_totals import total
from tests.quality.deliveries import NOW, many
from tests.quality.test_score import LOOSE

PARTS = {"limits": LOOSE, "delivery": Delivery("partition", partition_field="name")}


def test_line_of_a_delivery_has_its_balance_and_the_sums_of_its_scores(bench_on):
    bench = bench_on(limits=LOOSE)
    report = bench.deliver(*many(4), ("B1", None, "2026-01-01"))
    with bench.database.connect() as connection:
        line = totals.of_batch(connection, report.batch)
        found = scores.now(connection, bench.catalog, "thing")
        sums = sa.select(score.c.indicator, sa.func.sum(score.c.satisfied), sa.func.sum(score.c.evaluated)).group_by(score.c.indicator)
        stored = {code: (a, b) for code, a, b in connection.execute(sums)}
    assert line.status == "published" and line.counts == report.counts() and line.balanced
    assert {code: (a, b) for code, (a, b, *_) in line.measures.items()} == stored
    assert line.score == found.score() and totals.measures(bench.catalog.indicators, [line.measures]) == found.measures()


def test_delivery_equal_to_the_head_has_a_line_without_measures_and_leaves_the_score(bench):
    one = bench(limits=LOOSE)
    one.deliver(*many(4), ("B1", None, "2026-01-01"))
    again = one.deliver(*many(4), ("B1", None, "2026-01-01"))
    with one.database.connect() as connection:
        line = totals.of_batch(connection, again.batch)
        points = trends.scores(connection, ["thing"], trends.day_of(NOW))["thing"]
        found = scores.now(connection, one.catalog, "thing")
    assert (line.status, line.measures, line.score) == ("noop", {}, None)
    assert [point.score for point in points] == [found.score()]


def test_batch_checked_again_after_approval_has_one_line(bench):
    one = bench()
    landed = one.land(*many(4), ("B1", None, "2026-01-01"))
    assert one.check(landed).gate == "stopped"
    one.check(landed, accept_rejects=True)
    with one.database.connect() as connection:
        assert [line.status for line in totals.lines(connection)] == ["published"]


def test_partitions_stand_together_from_the_day_each_came(bench_on):
    bench = bench_on(**PARTS)
    bench.deliver(*many(2, name="a"), partition="a")
    bench.now += timedelta(days=1)
    bench.deliver(*many(1, name="b"), ("B1", None, "2026-01-01"), partition="b", as_of=NOW + timedelta(days=1))
    bench.now += timedelta(days=1)
    with bench.database.connect() as connection:
        whole = trends.scores(connection, ["thing"], trends.day_of(NOW))["thing"]
        late = trends.scores(connection, ["thing"], trends.day_of(NOW) + timedelta(days=1))["thing"]
        found = scores.now(connection, bench.catalog, "thing")
    assert [point.day for point in whole] == [trends.day_of(NOW), trends.day_of(NOW) + timedelta(days=1)]
    assert late[0].score == whole[1].score == found.score() < whole[0].score


def test_stopped_delivery_is_listed_and_changes_no_score(bench):
    one = bench()
    one.deliver(*many(20))
    one.now += timedelta(days=1)
    assert one.deliver(*many(1), as_of=NOW + timedelta(days=1)).gate == "stopped"
    with one.database.connect() as connection:
        assert [line.status for line in totals.lines(connection)] == ["published", "stopped"]
        assert totals.newest(connection, 1)[0].status == "stopped"
        points = trends.scores(connection, ["thing"], trends.day_of(NOW))["thing"]
        assert len(points) == 1


def test_migration_makes_the_lines_of_deliveries_checked_before_it(bench_on):
    from importlib import import_module

    bench = bench_on(limits=LOOSE)
    bench.deliver(*many(4), ("B1", None, "2026-01-01"))
    bench.deliver(*many(5), as_of=NOW + timedelta(days=1))
    bench.deliver(*many(5), as_of=NOW + timedelta(days=2))
    migration = import_module("quality.store.migrations.versions.0008_totals")
    with bench.database.begin() as connection:
        before = connection.execute(sa.select(total).order_by(total.c.batch)).all()
        connection.execute(sa.delete(total))
        migration._fill(connection, total)
        assert connection.execute(sa.select(total).order_by(total.c.batch)).all() == before and len(before) == 3


def test_migration_makes_no_line_of_a_pushed_row_that_published_nothing(bench):
    from importlib import import_module

    one = bench(limits=LOOSE)
    one.deliver(*many(4))
    for _ in range(2):
        one.now += timedelta(minutes=1)
        values = {"编号": "A1", "名称": "甲公司", "变更日期": "2026-01-01"}
        where = {"lake": one.lake, "database": one.database, "batch": new_batch(one.resource, one.now), "sender": "gov", "now": one.now}
        publish_row(one.resource, values, one.catalog, **where)
    with one.database.begin() as connection:
        before = connection.execute(sa.select(total)).all()
        assert list(connection.scalars(sa.select(batch.c.status).order_by(batch.c.checked_at))) == ["published", "published", "noop"]
        connection.execute(sa.delete(total))
        import_module("quality.store.migrations.versions.0008_totals")._fill(connection, total)
        assert connection.execute(sa.select(total)).all() == before and len(before) == 1


def test_resource_is_as_fresh_as_its_stalest_partition(bench):
    one = bench(**PARTS)
    one.deliver(*many(2, name="a"), partition="a", as_of=NOW - timedelta(hours=60))
    one.deliver(*many(2, name="b"), partition="b", as_of=NOW)
    with one.database.connect() as connection:
        standing = totals.standing_at(connection, ["thing"])
    found = trends.freshness(one.resource, standing, NOW)
    assert (found.hours, found.late) == (60.0, True)
    assert not trends.freshness(one.resource, standing[1:], NOW).late
    assert trends.freshness(one.resource, [], NOW).as_of is None
