"""Samples: drawn by a seed anybody can draw again by, judged by people, with the interval their number allows."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from catalogs.model import Delivery
from connectors.lake import Lake
from quality import scores, totals
from quality.erase import erase_rows
from quality.errors import SampleRefused
from quality.publications import reader
from quality.responsible import Body
from quality.sampling import INDICATOR, Interval, Verdict, draw, interval, judge, outcome, rows
from quality.sampling import standing as standing_sample
from quality.sql import compose, literal
from quality.store.tables_samples import sample, sample_verdict
from tests.quality.deliveries import many
from tests.quality.test_score import LOOSE


@pytest.fixture
def filled(bench_on):
    bench = bench_on(limits=LOOSE)
    bench.deliver(*many(60))
    return bench


def drawn(bench, rows=10, seed=7):
    return draw(bench.catalog, "thing", rows, seed=seed, lake=bench.lake, database=bench.database, now=bench.now, actor="staff")


def say(bench, name, row, verdict, *fields):
    judge(bench.catalog, name, row, verdict, fields, database=bench.database, now=bench.now, actor="staff")


def keys(bench, name) -> list[str]:
    with bench.database.connect() as connection:
        path = connection.scalar(sa.select(sample.c.path).where(sample.c.sample == name))
    with reader(bench.lake) as connection:
        query = compose('SELECT key FROM read_parquet({path}) ORDER BY "row"', path=literal(str(bench.lake / path)))
        return [key for (key,) in connection.execute(query.text).fetchall()]


def found(bench, name):
    with bench.database.connect() as connection:
        return outcome(connection, name)


def test_same_seed_draws_the_same_rows_and_another_one_others(filled):
    one, again, other = drawn(filled), drawn(filled), drawn(filled, seed=8)
    assert (one.rows, one.population) == (10, 60) and keys(filled, one.sample) == keys(filled, again.sample)
    assert set(keys(filled, one.sample)) != set(keys(filled, other.sample)) and len(set(keys(filled, one.sample))) == 10


def test_every_row_is_as_likely_as_any_other(filled):
    times = dict.fromkeys((f"A{at}" for at in range(60)), 0)
    for seed in range(60):
        for key in keys(filled, drawn(filled, seed=seed).sample):
            times[key] += 1
    # 60 draws of 10 from 60: 10 each on average, standard deviation 2.9; a fixed seed, so no chance is left.
    assert sum(times.values()) == 600 and min(times.values()) >= 2 and max(times.values()) <= 20


def test_small_resource_is_drawn_whole(filled):
    assert drawn(filled, rows=500).rows == 60


def test_last_verdict_counts_and_unknown_rows_take_no_part(filled):
    name = drawn(filled, rows=5).sample
    for row, verdict in ((1, Verdict.RIGHT), (2, Verdict.RIGHT), (4, Verdict.UNKNOWN)):
        say(filled, name, row, verdict)
    say(filled, name, 3, Verdict.RIGHT)
    say(filled, name, 3, Verdict.WRONG, "name")
    provider = filled.catalog.departments["province_market"]
    [(body, result)] = found(filled, name).items()
    assert body == Body(provider.credit_code, provider.division)
    assert (result.right, result.wrong, result.unknown, result.waiting) == (2, 1, 1, 1)
    assert result.interval == interval(2, 3)
    with filled.database.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(sample_verdict)) == 5, "nothing said is forgotten"


@pytest.mark.parametrize(
    ("row", "verdict", "fields", "fault"),
    [(1, Verdict.WRONG, (), SampleRefused), (1, Verdict.RIGHT, ("name",), SampleRefused), (1, Verdict.WRONG, ("colour",), SampleRefused),
     (99, Verdict.RIGHT, (), KeyError)],
)  # fmt: skip
def test_verdict_that_does_not_fit_is_refused(filled, row, verdict, fields, fault):
    name = drawn(filled, rows=5).sample
    with pytest.raises(fault):
        say(filled, name, row, verdict, *fields)
    assert sum(one.waiting for one in found(filled, name).values()) == 5


@pytest.mark.parametrize("rows", [0, -1, 10_001])
def test_sample_nobody_could_look_at_is_refused(filled, rows):
    with pytest.raises(SampleRefused):
        drawn(filled, rows=rows)


def test_resource_without_trusted_rows_has_nothing_to_draw(bench):
    with pytest.raises(SampleRefused, match="no trusted rows"):
        drawn(bench())


def test_erased_key_leaves_the_samples_too(filled):
    name = drawn(filled, rows=60).sample
    erase_rows(Lake.of(filled.lake), filled.catalog, "thing", lambda key, landed: key == "A1")
    assert "A1" not in keys(filled, name) and len(keys(filled, name)) == 59


def test_interval_agrees_with_published_values():
    # Newcombe, Statistics in Medicine 17 (1998) 857-872, table I, method 3 (Wilson score).
    for right, judged, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        made = interval(right, judged)
        assert (round(made.low, 4), round(made.high, 4)) == (low, high)
    assert interval(0, 0) == Interval(None, None, None)


@given(st.integers(0, 500), st.integers(1, 500))
def test_interval_holds_its_share_and_stays_in_bounds(right, judged):
    made = interval(min(right, judged), judged)
    assert 0 <= made.low <= made.share <= made.high <= 1


def judged(bench, rows, wrong=0):
    """A sample of that many rows, all judged, some wrong."""
    name = drawn(bench, rows=rows).sample
    for row in range(1, rows + 1):
        say(bench, name, row, *((Verdict.WRONG, "name") if row <= wrong else (Verdict.RIGHT,)))
    return name


def test_finished_sample_counts_into_content_correctness_until_a_newer_one_is(filled):
    def measure():
        with filled.database.connect() as connection:
            return scores.now(connection, filled.catalog, "thing").measures().get(INDICATOR)

    before = measure()
    assert before is None or before.raw is None
    half = drawn(filled, rows=4).sample
    say(filled, half, 1, Verdict.WRONG, "name")
    assert measure() == before, "an unfinished sample says nothing yet"
    judged(filled, 4, wrong=1)
    assert (measure().satisfied, measure().evaluated) == (3, 4)
    filled.now += timedelta(hours=1)
    judged(filled, 5)
    assert measure().raw == 1.0


def test_sample_lowers_the_score_by_its_weight_and_is_in_the_day_s_line(filled):
    def standing():
        with filled.database.connect() as connection:
            [line] = totals.standing_at(connection, ["thing"], filled.now + timedelta(days=1))
            told = totals.measures(filled.catalog.indicators, [line.measures]).get(INDICATOR)
            return scores.now(connection, filled.catalog, "thing").score(), told

    high, _ = standing()
    judged(filled, 4, wrong=2)
    low, line = standing()
    assert low < high and (line is None or line.raw is None), "a day that was is not written anew"
    filled.deliver(*many(61))
    assert standing()[1].raw == 0.5


def test_sample_of_more_than_a_year_ago_says_nothing_of_today(filled):
    judged(filled, 4)
    with filled.database.connect() as connection:
        assert standing_sample(connection, "thing", filled.now + timedelta(days=364)) is not None
        assert standing_sample(connection, "thing", filled.now + timedelta(days=366)) is None


def test_rows_of_a_sample_come_with_values_and_the_last_word(filled):
    name = drawn(filled, rows=5).sample
    say(filled, name, 2, Verdict.WRONG, "name")
    say(filled, name, 2, Verdict.UNKNOWN)
    with filled.database.connect() as connection:
        found = rows(connection, filled.lake, name, after=1, count=2)
        assert [(one.row, one.verdict) for one in found] == [(2, "unknown"), (3, "")]
        assert found[0].values["名称"] == "某公司" and found[0].key in keys(filled, name)
        with pytest.raises(KeyError):
            rows(connection, filled.lake, "no such sample")


def test_sample_counts_once_in_a_score_over_several_partitions_and_old_ones_never(bench):
    one = bench(limits=LOOSE, delivery=Delivery("partition", partition_field="name"))

    def deliver(name: str, rows: int) -> float:
        report = one.deliver(*many(rows, name=name), partition=name, as_of=one.now)
        with one.database.connect() as connection:
            assert totals.of_batch(connection, report.batch).score == pytest.approx(scores.now(connection, one.catalog, "thing").score())
            return totals.of_batch(connection, report.batch).score

    def sampled(wrong: int) -> None:
        one.now += timedelta(hours=1)
        name = drawn(one).sample
        for row in range(1, 11):
            say(one, name, row, *((Verdict.WRONG, "name") if row <= wrong else (Verdict.RIGHT,)))
        one.now += timedelta(hours=1)

    deliver("a", 20)
    sampled(wrong=5)
    deliver("a", 21)
    deliver("b", 20)
    bad = deliver("c", 20)
    sampled(wrong=0)
    assert deliver("b", 21) > bad
