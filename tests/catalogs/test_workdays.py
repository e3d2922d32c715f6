"""Working days against dates from outside, and against the plain way of counting."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

DAYS = st.dates(date(2023, 6, 1), date(2028, 6, 1))


@pytest.fixture(scope="module")
def workdays(catalog):
    return catalog.workdays


def test_ten_days_over_the_national_holiday_end_on_the_day_the_standard_file_says(workdays):
    # standards.md §4.1: measured with chinesecalendar 1.11.0.
    found = workdays.after(date(2026, 9, 28), 10)
    assert (found.day, found.assumed) == (date(2026, 10, 16), ())


@pytest.mark.parametrize(
    ("day", "working"),
    [("2026-10-10", True), ("2026-10-07", False), ("2026-10-11", False), ("2025-01-26", True), ("2024-02-09", True), ("2026-02-23", False)],
)
def test_announced_days_are_as_announced(workdays, day, working):
    assert workdays.is_workday(date.fromisoformat(day)) is working


def test_year_that_is_missing_is_assumed_and_said(workdays):
    found = workdays.after(date(2026, 12, 25), 10)
    assert (found.day, found.assumed) == (date(2027, 1, 11), (2027,))
    assert not workdays.is_workday(date(2027, 10, 1)) and workdays.is_workday(date(2027, 10, 4))


@given(DAYS, st.integers(0, 60))
def test_deadline_is_the_nth_working_day(catalog, start, days):
    end = catalog.workdays.after(start, days).day
    passed = [start + timedelta(days=at) for at in range(1, (end - start).days + 1)]
    assert sum(map(catalog.workdays.is_workday, passed)) == days == catalog.workdays.between(start, end)
    assert days == 0 or catalog.workdays.is_workday(end)


@given(DAYS, DAYS)
def test_days_between_are_counted_both_ways(catalog, one, other):
    assert catalog.workdays.between(one, other) == -catalog.workdays.between(other, one)


def test_deadline_in_the_past_is_refused(workdays):
    with pytest.raises(ValueError):
        workdays.after(date(2026, 1, 1), -1)
