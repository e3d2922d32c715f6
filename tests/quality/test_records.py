"""Kill and race: the same state comes out, and one batch makes one publication."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from quality import engine, publications, records, session
from quality.store import tables
from tests.quality.deliveries import many


class Killed(BaseException):
    """Nothing in the engine may catch it."""


def state(bench) -> tuple:
    """What a reader can see: publications, heads, outcomes; without ids and times."""
    with bench.database.connect() as connection:
        series = [(one.number, one.parent, one.content_hash, one.counts) for one in publications.pending(connection, "thing", 0)]
        rules = connection.execute(sa.select(tables.outcome.c.rule, tables.outcome.c.failed).order_by(tables.outcome.c.rule)).all()
    return series, [{**row, "_batch": None} for row in bench.head()], [tuple(row) for row in rules]


STEPS = [
    (engine.scan, "stage"), (engine.quarantine, "write"), (engine.publish, "write_rows"), (engine, "claim"), (records, "_file_batch"),
    (records, "_next_number"), (records, "_file_outcomes"),
]  # fmt: skip


@pytest.mark.parametrize(("module", "name"), STEPS, ids=[name for _, name in STEPS])
def test_run_killed_after_any_step_and_run_again_gives_the_same_state(bench, monkeypatch, module, name):
    one = bench()
    one.deliver(*many(40))
    landed = one.land(*many(35))
    real = getattr(module, name)

    def killed(*arguments, **named):
        real(*arguments, **named)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(module, name, killed)
        with pytest.raises(Killed):
            one.check(landed)
    report = one.check(landed)
    assert (report.publication, report.removed) == (2, 5)
    series, head, rules = state(one)
    assert [number for number, *_ in series] == [1, 2] and len(head) == 35 and len(rules) == 12
    assert one.changes(2) == {key: "removed" for key, *_ in many(40)[35:]}


def test_what_a_killed_run_left_in_scratch_is_swept_by_the_next(lake):
    left = lake / "tmp" / "batch-abandoned"
    left.mkdir(parents=True)
    (left / "lock").touch()
    (left / "rows.parquet").write_bytes(b"personal data")
    with session.scratch(lake / "tmp") as mine:
        assert mine.is_dir() and not left.exists()
        with session.scratch(lake / "tmp"):
            assert mine.is_dir()
    assert list((lake / "tmp").iterdir()) == []


def test_scratch_of_running_sessions_is_never_swept(lake):
    def use(_) -> bool:
        with session.scratch(lake / "tmp") as mine:
            (mine / "rows.parquet").write_bytes(b"x")
            return (mine / "rows.parquet").exists()

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(use, range(400)))


def test_file_a_killed_run_left_is_neither_overwritten_nor_counted(bench):
    one = bench()
    landed = one.land(*many(3))
    orphan = one.lake / "trusted" / "thing" / landed.batch / "rows.parquet"
    orphan.parent.mkdir(parents=True)
    orphan.write_bytes(b"torn")
    one.check(landed)
    assert orphan.read_bytes() == b"torn" and len(one.head()) == 3


def test_two_workers_on_one_batch_make_one_publication(bench_on):
    bench = bench_on()
    landed = bench.land(*many(50))
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: bench.check(landed), range(2))
    assert first.publication == second.publication == 1 and first.counts() == second.counts()
    with bench.database.connect() as connection:
        assert len(publications.pending(connection, "thing", 0)) == 1


def test_batches_published_at_the_same_time_form_one_chain(bench_on):
    bench = bench_on("increment")
    waiting = [bench.land(*many(3, prefix)) for prefix in "ABCD"]
    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(bench.check, waiting))
    assert sorted(report.publication for report in reports) == [1, 2, 3, 4] and len(bench.head()) == 12
    with bench.database.connect() as connection:
        chain = [(one.number, one.parent) for one in publications.pending(connection, "thing", 0)]
    assert chain == [(1, None), (2, 1), (3, 2), (4, 3)]


def test_head_that_moved_under_a_batch_is_compared_anew(bench, monkeypatch):
    one = bench("increment")
    one.deliver(*many(2))
    slow, fast = one.land(*many(2, "B")), one.land(*many(2, "C"))
    real, calls = records.publish, []

    def overtaken(*arguments, **named):
        calls.append(1)
        if len(calls) == 1:
            monkeypatch.setattr(records, "publish", real)
            one.check(fast)
        return real(*arguments, **named)

    monkeypatch.setattr(records, "publish", overtaken)
    report = one.check(slow)
    assert (report.publication, report.carried) == (3, 4) and len(one.head()) == 6


def test_lake_behind_a_link_is_the_same_lake(bench, tmp_path):
    one = bench()
    link = tmp_path / "link"
    link.symlink_to(one.lake)
    linked = type(one)(link, one.database, one.catalog, one.resource, one.now)
    assert linked.deliver(*many(3)).published and len(one.head()) == 3
