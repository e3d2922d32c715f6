"""Working days 工作日: what deadlines of the law are counted in. The table is data (`workdays.yaml`); a year it lacks is assumed.

Source: standards.md §4.1 (D809 counts in working days; the day after is the first).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

SATURDAY = 5


@dataclass(frozen=True)
class Deadline:
    """The last day, and the years whose holidays had to be assumed because nobody has announced (or entered) them."""

    day: date
    assumed: tuple[int, ...] = ()


@dataclass(frozen=True)
class Workdays:
    """Year → days that differ from the week's rhythm; `fixed`: (month, day) of rest in a year that is not known."""

    rest: Mapping[int, frozenset[date]]
    work: Mapping[int, frozenset[date]]
    fixed: frozenset[tuple[int, int]]

    def known(self, year: int) -> bool:
        return year in self.rest

    def is_workday(self, day: date) -> bool:
        if not self.known(day.year):
            return day.weekday() < SATURDAY and (day.month, day.day) not in self.fixed
        if day.weekday() < SATURDAY:
            return day not in self.rest[day.year]
        return day in self.work[day.year]

    def after(self, start: date, days: int) -> Deadline:
        """The `days`-th working day after `start`, which does not count itself. Raises ValueError for a negative number."""
        if days < 0:
            raise ValueError("a deadline lies ahead")
        day, left, assumed = start, days, dict[int, None]()
        while left:
            day += timedelta(days=1)
            if not self.known(day.year):
                assumed[day.year] = None
            left -= self.is_workday(day)
        return Deadline(day, tuple(assumed))

    def between(self, start: date, end: date) -> int:
        """Working days after `start` up to and with `end`; negative if `end` is before `start`."""
        if end < start:
            return -self.between(end, start)
        return sum(self.is_workday(start + timedelta(days=at)) for at in range(1, (end - start).days + 1))


def read(data: Mapping) -> Workdays:
    """From the document of the catalogue."""

    def of(kind: str) -> dict[int, frozenset[date]]:
        return {int(year): frozenset(date.fromisoformat(f"{year}-{one}") for one in given[kind]) for year, given in data["years"].items()}

    return Workdays(of("rest"), of("work"), frozenset((int(one[:2]), int(one[3:])) for one in data["fixed"]))
