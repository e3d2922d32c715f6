"""The monthly bulletin 通报: bodies and divisions by the quality of the rows they registered in a month, and four figures for each.

- 归集及时率: of the update cycles that ended in the month, those whose data was delivered and checked no later than one cycle after their
  end; for the body that delivers, for others undefined. A cycle before a resource's first delivery is not asked for.
- 一次合格率: of the rows read in the month's deliveries, those that no rejecting rule and no rule of dirty data failed at their first check
  (1 − A / B of the indicator counted as `dirty`, 0305).
- 超期工单: tickets past their day at the end of the month while it was the body's turn (not in review, not in dispute), by who has them.
- 复发率: of the rows the source ever corrected until the end of the month, those whose old value came back in the month (reopened).
- A month that has not ended counts until now. Scores are those of all the month's deliveries together, each resource by its own weights.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from catalogs.model import Catalog, Resource
from quality import responsible, totals, trends
from quality.records import cycle
from quality.responsible import Body
from quality.scores import Measure, weighted
from quality.store.tables import batch, score
from quality.store.tables_totals import total
from quality.tickets import past
from quality.totals import Total

_MONTH = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])")
ALL = ""
"""As a place: everything together."""


@dataclass
class Line:
    """One body, division or all. Shares are None where there is nothing to count."""

    place: str
    score: float | None = None
    cycles: int = 0
    arrived: int = 0
    read: int = 0
    passed: int = 0
    open: int = 0
    overdue: int = 0
    corrected: int = 0
    reopened: int = 0
    measures: dict[str, dict[str, Measure]] = field(default_factory=dict)
    """Resource → indicator → measure."""

    @property
    def on_time(self) -> float | None:
        return self.arrived / self.cycles if self.cycles else None

    @property
    def first_pass(self) -> float | None:
        return self.passed / self.read if self.read else None

    @property
    def recurrence(self) -> float | None:
        return self.reopened / self.corrected if self.corrected else None


@dataclass(frozen=True)
class Bulletin:
    """`until`: the end of the month, or now in a month that has not ended. Lines by rank, undefined scores last."""

    month: str
    until: datetime
    ended: bool
    whole: Line
    by_body: Sequence[Line]
    by_division: Sequence[Line]


def span(month: str) -> tuple[datetime, datetime]:
    """Begin and end of a month in Shanghai. Raises ValueError for anything but YYYY-MM."""
    if not (found := _MONTH.fullmatch(month)):
        raise ValueError(f"{month!r} is no month: write YYYY-MM")
    year, number = int(found[1]), int(found[2])
    after = date(year + number // 12, number % 12 + 1, 1)
    return trends.midnight(date(year, number, 1)), trends.midnight(after)


def months(connection: sa.Connection, now: datetime) -> list[str]:
    """Months with deliveries, this one first."""
    first = connection.scalar(sa.select(sa.func.min(total.c.checked_at)))
    day, found = trends.day_of(now), []
    while not found or (first is not None and day >= trends.day_of(first).replace(day=1)):
        found.append(f"{day:%Y-%m}")
        day = day.replace(day=1) - timedelta(days=1)
    return found


def made(connection: sa.Connection, catalog: Catalog, month: str, now: datetime) -> Bulletin:
    """The bulletin as the month stood at its end, or stands now. Raises ValueError."""
    begin, end = span(month)
    until = min(end, now)
    bodies = _Lines(lambda place: place.code)
    divisions = _Lines(lambda place: place.division[:4] + "00")
    whole = _Lines(lambda _: ALL)
    every = (bodies, divisions, whole)
    _count_scores(connection, catalog, begin, until, every)
    _count_arrivals(connection, catalog, begin, end, now, every)
    _count_tickets(connection, catalog, begin, until, every)
    weights = _weights(connection, catalog, begin, until)
    dirty = {code for code, one in catalog.indicators.items() if one.counts == "dirty"}
    lines = [_ranked(one.lines.values(), weights, dirty) for one in every]
    return Bulletin(month, until, until == end, lines[2][0] if lines[2] else Line(ALL), lines[0], lines[1])


class _Lines:
    """Lines by place, made when first counted into."""

    def __init__(self, place: Callable[[Body], str]):
        self._place = place
        self.lines: dict[str, Line] = {}

    def of(self, body: Body) -> Line:
        place = self._place(body)
        return self.lines.setdefault(place, Line(place))


def _ranked(lines: Iterable[Line], weights: Mapping[str, Mapping[str, float]], dirty: set[str]) -> list[Line]:
    """With scores, best first: a body's score is the mean of its resources' scores."""
    found = list(lines)
    for line in found:
        each = [weighted(measures.values(), weights[name]) for name, measures in line.measures.items()]
        defined = [one for one in each if one is not None]
        line.score = sum(defined) / len(defined) if defined else None
        for measures in line.measures.values():
            for code in dirty & set(measures):
                line.read += measures[code].evaluated
                line.passed += measures[code].evaluated - measures[code].satisfied
    return sorted(found, key=lambda one: (one.score is None, -(one.score or 0.0), one.place))


def _count_scores(connection: sa.Connection, catalog: Catalog, begin: datetime, until: datetime, every: Sequence[_Lines]) -> None:
    sums = [sa.func.sum(score.c.satisfied).label("a"), sa.func.sum(score.c.evaluated).label("b")]
    keys = (score.c.resource, score.c.body, score.c.division, score.c.indicator)
    joined = sa.join(score, total, total.c.batch == score.c.batch)
    where = (total.c.checked_at >= begin) & (total.c.checked_at < until)
    for row in connection.execute(sa.select(*keys, *sums).select_from(joined).where(where).group_by(*keys)):
        if row.indicator not in catalog.indicators:
            continue
        measure = Measure(catalog.indicators[row.indicator], int(row.a), int(row.b))
        for lines in every:
            mine = lines.of(Body(row.body, row.division)).measures.setdefault(row.resource, {})
            mine[row.indicator] = mine[row.indicator].plus(measure) if row.indicator in mine else measure


def _weights(connection: sa.Connection, catalog: Catalog, begin: datetime, until: datetime) -> dict[str, Mapping[str, float]]:
    """Resource → the weights of its last scored delivery of the month."""
    found: dict[str, Mapping[str, float]] = defaultdict(lambda: catalog.weights.default)
    last = {one.resource: one.batch for one in totals.lines(connection, since=begin, until=until) if one.measures}
    # Not those in the line: it names none of an indicator that this one delivery did not measure.
    query = sa.select(batch.c.resource, batch.c.weights).where(batch.c.batch.in_(list(last.values())))
    return found | {name: weights["of"] for name, weights in connection.execute(query) if weights}


def _count_arrivals(
    connection: sa.Connection, catalog: Catalog, begin: datetime, end: datetime, now: datetime, every: Sequence[_Lines]
) -> None:
    longest = max((timedelta(hours=one.cycle_hours) for one in catalog.resources.values()), default=timedelta())
    delivered: dict[str, list[Total]] = {}
    # The month's first cycle may have begun, and its data come, before the month.
    for one in totals.lines(connection, since=begin - longest, until=end + 2 * longest):
        delivered.setdefault(one.resource, []).append(one)
    first = sa.select(total.c.resource, sa.func.min(total.c.as_of)).group_by(total.c.resource)
    for name, since in connection.execute(first):
        resource = catalog.resources.get(name)
        if resource is not None:
            asked, arrived = _arrivals(resource, delivered.get(name, ()), max(begin, since), end, now)
            for lines in every:
                line = lines.of(responsible.provider(resource, catalog))
                line.cycles += asked
                line.arrived += arrived


def _arrivals(resource: Resource, delivered: Iterable[Total], begin: datetime, end: datetime, now: datetime) -> tuple[int, int]:
    """(cycles asked for, cycles whose delivery came in time). A cycle that still has time is asked for only once it is there."""
    length = timedelta(hours=resource.cycle_hours)
    asked = set(range(cycle(resource, begin), cycle(resource, end)))
    in_time = {cycle(resource, one.as_of) for one in delivered if one.checked_at <= _end(resource, cycle(resource, one.as_of)) + length}
    due = {one for one in asked if _end(resource, one) + length <= now}
    return len(due | asked & in_time), len(asked & in_time)


def _end(resource: Resource, number: int) -> datetime:
    """When a cycle ends (see `records.cycle`)."""
    return trends.midnight(date(1970, 1, 1)) + timedelta(hours=(number + 1) * resource.cycle_hours)


def _count_tickets(connection: sa.Connection, catalog: Catalog, begin: datetime, until: datetime, every: Sequence[_Lines]) -> None:
    today = trends.day_of(until)
    for one in past.standing_at(connection, catalog, until, begin):
        for lines in every:
            handler, owner = lines.of(Body(one.handler, one.division)), lines.of(Body(one.body, one.division))
            handler.open += one.open
            handler.overdue += one.overdue(today)
            owner.corrected += one.corrected
            owner.reopened += one.lately
