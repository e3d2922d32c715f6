"""How scores, sizes and freshness went over time: one point a day in Shanghai, from the narrow lines of deliveries.

- A resource's score on a day is what the board showed at its end: the newest published delivery of each partition together.
- A stopped delivery changes no score (nothing of it was published); it shows in sizes and among the batches.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import sqlalchemy as sa

from catalogs.model import Resource
from quality import totals
from quality.job import SHANGHAI
from quality.totals import Total


@dataclass(frozen=True)
class Point:
    """A resource at the end of a day. `score` 0 to 1, None where nothing is defined."""

    day: date
    score: float | None


def midnight(day: date) -> datetime:
    """When a day begins in Shanghai."""
    return datetime.combine(day, time(), SHANGHAI)


def day_of(at: datetime) -> date:
    return at.astimezone(SHANGHAI).date()


def scores(connection: sa.Connection, resources: Iterable[str], since: date) -> dict[str, list[Point]]:
    """Resource → its days with a published delivery since then, oldest first."""
    found: dict[str, dict[date, float | None]] = {name: {} for name in resources}
    for name, at, score in totals.scores(connection, list(found), midnight(since)):
        found[name][day_of(at)] = score
    return {name: [Point(day, score) for day, score in days.items()] for name, days in found.items()}


@dataclass(frozen=True)
class Freshness:
    """How fresh a resource is. `late`: the newest delivery is older than two cycles (one to fall due, one to arrive).

    Without any delivery there is nothing to be late.
    """

    as_of: datetime | None
    hours: float | None
    late: bool


def freshness(resource: Resource, standing: Iterable[Total], now: datetime) -> Freshness:
    """Of the oldest partition's newest delivery: a resource is as fresh as its stalest part."""
    found = [one.as_of for one in standing]
    if not found:
        return Freshness(None, None, False)
    hours = (now - min(found)).total_seconds() / 3600
    return Freshness(min(found), hours, hours > 2 * resource.cycle_hours)


def days_before(now: datetime, days: int) -> date:
    return day_of(now) - timedelta(days=days)
