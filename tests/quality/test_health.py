"""How sources stand, for whoever runs them: silent, late, stopped, drifting, broken, well."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from quality.health import Health, of_all

from .deliveries import HEADERS, NOW, Bench, many


@pytest.fixture
def bench(bench) -> Bench:
    return bench()


def health(bench: Bench, **later: float) -> Health:
    with bench.database.connect() as connection:
        [found] = of_all(connection, bench.catalog, bench.lake, bench.now + timedelta(**later))
    return found


def test_source_that_never_delivered_ails(bench):
    found = health(bench)
    assert found.ails and (found.landed_at, found.status, found.number, found.as_of) == (None, "", 0, None)


def test_source_that_delivers_on_time_is_well_and_late_after_two_cycles(bench):
    bench.deliver(*many(20))
    found = health(bench)
    assert not found.ails and (found.rows, found.number, found.status, found.as_of) == (20, 1, "published", NOW)
    assert found.landed_at == bench.now and found.published_at is not None
    assert not health(bench, hours=47).late and health(bench, hours=49).late and health(bench, hours=49).ails


def test_delivery_that_the_gate_stopped_is_told_with_what_was_found(bench):
    bench.deliver(*many(20))
    bench.deliver(*many(10), *[(f"?{at}", "某公司", "2026-01-01") for at in range(10)])
    found = health(bench)
    assert (found.status, found.number, found.ails) == ("stopped", 1, True)
    assert "max_rejects" in {one.name for one in found.stops} and all(one.figure > one.limit for one in found.stops)
    bench.deliver(*many(21))
    assert health(bench).stops == [] and not health(bench).ails


def test_columns_nobody_agreed_on_are_drift_of_the_newest_delivery_alone(bench):
    bench.deliver(*[(*row, "x") for row in many(20)], columns=(*HEADERS, "新列"))
    assert health(bench).extra == ("新列",) and health(bench).ails
    bench.deliver(*many(21))
    assert not health(bench).extra


@pytest.mark.parametrize("text", ["{", "[]", "{}"])
def test_description_that_cannot_be_read_is_said_and_ends_nothing(bench, text):
    landed = bench.land(*many(5))
    (landed.path / "manifest.json").write_text(text)
    found = health(bench)
    assert found.broken and found.ails and found.landed_at is None


def test_several_resources_come_in_the_catalogue_s_order(bench):
    bench.deliver(*many(20))
    other = replace(bench.resource, id="other")
    both = replace(bench, catalog=replace(bench.catalog, resources={"other": other, "thing": bench.resource}))
    with both.database.connect() as connection:
        found = of_all(connection, both.catalog, both.lake, both.now)
    assert [(one.resource, one.number) for one in found] == [("other", 0), ("thing", 1)]
