"""Tickets for deliveries that failed as a whole: at the provider, without rows, settled by the next delivery and a person."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from quality.tickets.states import Act
from tests.quality.deliveries import rule
from tests.quality.ticket_desk import FIELDS, HEADERS, LOOSE, STAFF, Desk

LATE, SMALL = "thing.row.freshness", "thing.row.volume"


@pytest.fixture
def desk(bench_on, catalog):
    rules = (rule("not_null", "code"), rule("freshness", severity="warn"), rule("volume", severity="warn"))
    return Desk(bench_on(rules=rules, limits=replace(LOOSE, volume_band=0.5), fields=FIELDS, order_by=None))


def deliver(desk, count: int, *, late: bool = False, mark: str = "甲") -> str:
    rows = [(f"A{at}", "好", mark, None) for at in range(count)]
    as_of = desk.bench.now - timedelta(hours=48 if late else 0)
    landed = desk.bench.land(*rows, columns=HEADERS, as_of=as_of)
    report = desk.bench.check(landed)
    if report.gate == "stopped":
        from quality.gate import approve

        with desk.bench.database.begin() as connection:
            approve(connection, report.batch, "second person", "known", desk.bench.now)
        desk.bench.check(landed)
    return report.batch


def test_late_delivery_opens_one_ticket_at_the_provider_and_the_next_in_time_corrects_it(desk):
    batch = deliver(desk, 3, late=True)
    [one] = desk.open(batch, LATE, SMALL)
    provider = desk.bench.catalog.departments["province_market"].credit_code
    line = desk.line(one.ticket)
    assert (one.rule, one.body, one.rows, one.added, line.kind, line.state) == (LATE, provider, 1, 1, "delivery", "ISSUED")
    assert [again.added for again in desk.open(batch, LATE)] == [0] and desk.events(one.ticket) == ["open"]
    deliver(desk, 3, mark="乙")
    assert desk.line(one.ticket).state == "REVIEW"
    deliver(desk, 3, late=True, mark="丙")
    assert desk.line(one.ticket).state == "ISSUED"
    deliver(desk, 3, mark="丁")
    assert desk.act(one.ticket, Act.CONFIRM, STAFF) == "CLOSED"
    deliver(desk, 3, late=True, mark="戊")
    assert desk.line(one.ticket).state == "ISSUED" and desk.line(one.ticket).closed_at is None
    assert desk.events(one.ticket) == ["open", "settled", "settled", "settled", "confirm", "settled"]


def test_delivery_rule_that_was_skipped_opens_nothing_and_settles_nothing(desk):
    assert desk.open(deliver(desk, 4), LATE, SMALL) == []
    [one] = desk.open(deliver(desk, 1), SMALL)
    assert one.rule == SMALL and desk.line(one.ticket).state == "ISSUED"
    deliver(desk, 1, mark="乙")
    assert desk.line(one.ticket).state == "REVIEW"
