"""The overview over one small resource."""

from __future__ import annotations

from datetime import timedelta

from quality.board.overview import Filters, gather
from quality.board.sheets import Cell
from tests.quality.deliveries import many
from tests.quality.test_score import LOOSE


def now(bench) -> dict:
    with bench.database.connect() as connection:
        (row,) = gather(connection, bench.catalog, Filters(), bench.now).now.rows
    return {name: one.value if isinstance(one, Cell) else one for name, one in row.items()}


def test_delivery_equal_to_the_head_makes_a_resource_fresh_and_leaves_its_failing_rules(bench_on):
    bench = bench_on(limits=LOOSE)
    rows = (*many(4), ("B1", None, "2026-01-01"))
    bench.deliver(*rows)
    before = now(bench)
    bench.now += timedelta(hours=1)
    later = bench.now - timedelta(minutes=1)
    assert bench.deliver(*rows, as_of=later).noop
    assert before["failing"] == 1 and now(bench) == before | {"as_of": later}
