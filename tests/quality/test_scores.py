"""Scores as read: what is undefined lowers nothing, low-is-good is turned round, the weights are those of the day."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs.quality import Indicator
from quality import scores
from quality.scores import Measure, weighted
from tests.quality.deliveries import NOW, many
from tests.quality.test_score import LOOSE

HIGH, LOW = Indicator("0201", "", "", "high", "rules"), Indicator("0303", "", "", "low", "duplicates")


def test_low_is_good_is_turned_round_and_nothing_judged_is_undefined():
    assert (Measure(LOW, 1, 4).raw, Measure(LOW, 1, 4).normalised) == (0.25, 0.75)
    assert Measure(HIGH, 3, 4).normalised == 0.75
    assert Measure(HIGH).raw is Measure(LOW).normalised is None


def test_undefined_errored_and_skipped_take_no_part_in_the_mean():
    weights = {"0201": 3.0, "0303": 1.0}
    assert weighted([Measure(HIGH, 1, 2), Measure(LOW, 0, 0, errored=1)], weights) == 0.5
    assert weighted([Measure(HIGH, 1, 2), Measure(LOW, 0, 2)], weights) == pytest.approx((3 * 0.5 + 1) / 4)
    assert weighted([Measure(HIGH)], weights) is weighted([], weights) is weighted([Measure(HIGH, 1, 1)], {}) is None


@given(st.lists(st.tuples(st.sampled_from([HIGH, LOW]), st.integers(0, 9), st.integers(0, 9)), max_size=6))
def test_score_lies_between_nought_and_one(given):
    measures = [Measure(one, min(a, b), b) for one, a, b in given]
    score = weighted(measures, {"0201": 2.0, "0303": 5.0})
    assert score is None or 0 <= score <= 1


def test_score_of_now_is_of_the_newest_delivery(bench_on):
    bench = bench_on(limits=LOOSE)
    bench.deliver(*many(4), ("B1", None, "2026-01-01"))
    bench.deliver(*many(5), as_of=NOW + timedelta(days=1))
    with bench.database.connect() as connection:
        found = scores.now(connection, bench.catalog, "thing")
    assert found.measures()["0302"].raw == 1.0


def test_measures_are_asked_by_body_and_by_the_beginning_of_a_division(bench):
    one = bench(limits=LOOSE)
    one.deliver(*many(3))
    with one.database.connect() as connection:
        found = scores.now(connection, one.catalog, "thing")
        assert scores.now(connection, one.catalog, "nothing") is None
    provider = one.catalog.departments["province_market"]
    assert found.measures(body=provider.credit_code) == found.measures(division="99") == found.measures()
    assert found.measures(body="nobody") == found.measures(division="45") == {} and found.score(body="nobody") is None
