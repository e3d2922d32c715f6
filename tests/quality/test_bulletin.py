"""The monthly bulletin counts what its definitions say, and what it said of a past month stays."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from quality import bulletin, totals
from quality.scores import weighted
from quality.tickets import past
from quality.tickets.act import Request, act
from quality.tickets.opening import open_tickets
from quality.tickets.record import Actor
from quality.tickets.states import Act, Role, State
from quality.trends import midnight
from tests.quality.deliveries import many, rule
from tests.quality.test_score import LOOSE

GOOD, BAD = ("B1", "甲公司", "2026-01-01"), ("B1", None, "2026-01-01")
RULE = "thing.name.not_null"
DAY = timedelta(days=1)


def at(day: str, hour: int = 10) -> datetime:
    return midnight(date.fromisoformat(day)) + timedelta(hours=hour)


@pytest.fixture
def story(bench):
    """October: delivered bad, ticket. November: corrected on the 2nd, back on the 4th."""
    one = bench(limits=LOOSE)
    made = {}
    for day, row in (("2026-10-12", BAD), ("2026-11-02", GOOD), ("2026-11-04", BAD)):
        one.now = at(day) - timedelta(minutes=1)
        made[day] = one.deliver(*many(3), row, as_of=at(day, 8))
        if day == "2026-10-12":
            open_tickets(one.catalog, made[day].batch, [RULE], lake=one.lake, database=one.database, now=at(day, 12), actor="quality-1")
    return one


def told(one, month: str, now: datetime) -> bulletin.Bulletin:
    with one.database.connect() as connection:
        return bulletin.made(connection, one.catalog, month, now)


def test_month_counts_rows_cycles_and_tickets(story):
    found = told(story, "2026-11", at("2026-11-05"))
    whole = found.whole
    assert (found.ended, found.until) == (False, at("2026-11-05"))
    assert (whole.read, whole.passed, whole.first_pass) == (8, 7, 7 / 8)
    # Cycles of the 1st to the 3rd have had their time; the 4th is there already.
    assert (whole.cycles, whole.arrived, whole.on_time) == (4, 2, 0.5)
    assert (whole.corrected, whole.reopened, whole.recurrence) == (1, 1, 1.0)
    assert (whole.open, whole.overdue) == (1, 1)
    provider = story.catalog.departments["province_market"]
    assert [one.place for one in found.by_body] == [provider.credit_code]
    assert [one.place for one in found.by_division] == ["990000"]
    assert found.by_body[0].score == found.by_division[0].score == whole.score < 1


def test_past_month_stays_as_it_was(story):
    before = told(story, "2026-10", at("2026-11-01", 0))
    after = told(story, "2026-10", at("2026-11-05"))
    assert after.ended and before.ended
    for found in (before.whole, after.whole):
        assert (found.read, found.passed, found.open, found.overdue, found.corrected, found.recurrence) == (4, 3, 1, 1, 0, None)


def test_delivery_checked_more_than_a_cycle_late_is_not_in_time(bench):
    one = bench(limits=LOOSE)
    one.now = at("2026-11-03", 23)
    one.deliver(*many(3), as_of=at("2026-11-02", 8))
    found = told(one, "2026-11", at("2026-11-05")).whole
    assert (found.arrived, found.cycles) == (1, 2)
    one.now = at("2026-11-07")
    one.deliver(*many(4), as_of=at("2026-11-05", 8))
    found = told(one, "2026-11", at("2026-11-10", 23)).whole
    assert (found.arrived, found.cycles) == (1, 7)


def test_cycle_that_began_before_the_month_has_the_delivery_that_came_then(bench_on):
    one = bench_on(limits=LOOSE, cycle_hours=168)
    # Weeks begin on Thursdays: those of 29 October, 5 and 12 November are asked for.
    for number, day in enumerate(("2026-10-22", "2026-10-30", "2026-11-06", "2026-11-13")):
        one.now = at(day)
        one.deliver(*many(3 + number), as_of=at(day, 8))
    found = told(one, "2026-11", at("2026-11-19")).whole
    assert (found.arrived, found.cycles) == (3, 3)


def test_indicator_that_the_last_delivery_did_not_measure_keeps_its_weight(bench_on):
    one = bench_on(limits=LOOSE)
    odd = replace(rule("expression", "name", severity="warn", sql="name <> '甲公司'"), indicator="0104")
    one.now = at("2026-11-02")
    one.with_rules(*one.catalog.rules["thing"], odd).deliver(*many(3), GOOD, as_of=at("2026-11-02", 8))
    one.now = at("2026-11-03")
    one.deliver(*many(4), as_of=at("2026-11-03", 8))
    found = told(one, "2026-11", at("2026-11-05")).whole
    measures = found.measures["thing"]
    assert measures["0104"].normalised < 1
    assert found.score == weighted(measures.values(), one.catalog.weights.of("thing")) < 1


def test_ticket_in_dispute_or_review_is_not_overdue_and_was_before(story):
    with story.database.connect() as connection:
        (name,) = connection.exec_driver_sql("SELECT ticket FROM quality_ticket").one()
    body = story.catalog.departments["province_market"].credit_code
    said = Request(name, Act.OBJECT, Actor("body", Role.BODY, body), reason="VALUE_RIGHT", comment="数据属实")
    act(story.catalog, said, database=story.database, now=at("2026-11-06"))

    def standing(day: str) -> past.Past:
        with story.database.connect() as connection:
            (found,) = past.standing_at(connection, story.catalog, at(day), at("2026-11-01", 0))
        return found

    assert [standing(day).state for day in ("2026-10-13", "2026-11-03", "2026-11-05", "2026-11-07")] == [
        State.ISSUED, State.REVIEW, State.ISSUED, State.DISPUTED,
    ]  # fmt: skip
    late = [standing(day).overdue(date.fromisoformat(day)) for day in ("2026-10-13", "2026-11-03", "2026-11-05", "2026-11-07")]
    assert late == [False, False, True, False]
    assert standing("2026-11-07").due_on == date(2026, 10, 26)


def test_replayed_rows_are_the_tickets_own(story):
    from quality.tickets.record import counted

    with story.database.connect() as connection:
        (found,) = past.standing_at(connection, story.catalog, at("2026-11-05"), at("2026-11-01", 0))
        (name,) = connection.exec_driver_sql("SELECT ticket FROM quality_ticket").one()
        assert counted(connection, name) == {"open": 1} and found.open


@pytest.mark.parametrize("month", ["2026-13", "2026-00", "26-01", "2026-1", "", "2026-01-01"])
def test_what_is_no_month_is_refused(month):
    with pytest.raises(ValueError, match="no month"):
        bulletin.span(month)


def test_december_ends_with_the_year():
    assert bulletin.span("2026-12") == (midnight(date(2026, 12, 1)), midnight(date(2027, 1, 1)))


def test_months_go_back_to_the_first_delivery(story):
    with story.database.connect() as connection:
        assert bulletin.months(connection, at("2026-11-05")) == ["2026-11", "2026-10"]
        assert len(list(totals.lines(connection))) == 3
