"""The narrow line of a delivery (`quality_total`): filed with its scores, read by pages, trends and the bulletin.

Errored and skipped rules are the batch's, not a body's: every body's line says the same number, so it is not added up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from catalogs.quality import Indicator
from quality import sampling
from quality.report import COUNTS
from quality.score import Count
from quality.scores import Measure, summed, weighted
from quality.store.tables_totals import total

if TYPE_CHECKING:
    from quality.records import Filed
    from quality.report import BatchReport

PUBLISHED, NOOP, STOPPED = "published", "noop", "stopped"
ARRIVED = (PUBLISHED, NOOP)
"""A delivery equal to the head's publishes nothing, but says that the source is as fresh."""


@dataclass(frozen=True)
class Total:
    """One checked delivery. `counts` by the names of `report.COUNTS`; `measures` {} where it was equal to the head's."""

    batch: str
    resource: str
    partition: str
    status: str
    as_of: datetime
    checked_at: datetime
    counts: Mapping[str, int]
    measures: Mapping[str, list]
    """Indicator → [A, B, weight, errored, skipped]."""
    score: float | None
    """Of the resource once this was published, with all partitions that stood then; 0 to 1."""

    @property
    def balanced(self) -> bool:
        """read = trusted + quarantined + superseded + deleted."""
        return self.counts["read"] == sum(self.counts[name] for name in ("trusted", "quarantined", "superseded", "deleted"))


def file(connection: sa.Connection, filed: Filed, report: BatchReport, status: str, counts: Iterable[Count] = ()) -> None:
    """Replace the delivery's line. A pushed row gets none."""
    if filed.pushed:
        return
    connection.execute(sa.delete(total).where(total.c.batch == filed.batch))
    counts = list(counts)
    if counts and (sampled := sampling.standing(connection, filed.resource, filed.as_of)):
        counts += [Count(body, sampling.INDICATOR, one.right, one.judged) for body, one in sampled[1].items()]
    line = {"batch": filed.batch, "resource": filed.resource, "partition": filed.partition, "status": status, "as_of": filed.as_of}
    found = _summed(counts, filed.weights["of"])
    mean = _standing(connection, filed, found) if status == PUBLISHED else None
    connection.execute(sa.insert(total).values(**line, **report.counts(), checked_at=filed.now, measures=found, score=mean))


def _standing(connection: sa.Connection, filed: Filed, found: Mapping[str, list]) -> float | None:
    """The resource's score now that this partition's part is new; by this delivery's weights.

    A sample is drawn of all partitions: the one that counts now is in this delivery's line, and is not counted again from the others'.
    """
    lines = [one.measures for one in standing_at(connection, [filed.resource]) if one.partition != filed.partition]
    others = [{code: line for code, line in one.items() if code != sampling.INDICATOR} for one in lines]
    return weighted(measures(filed.indicators, [found, *others]).values(), filed.weights["of"])


def _summed(counts: Iterable[Count], weights: Mapping[str, float]) -> dict[str, list]:
    found: dict[str, list] = {}
    for one in counts:
        line = found.setdefault(one.indicator, [0, 0, weights.get(one.indicator, 0), one.errored, one.skipped])
        line[0] += one.satisfied
        line[1] += one.evaluated
    return dict(sorted(found.items()))


def lines(
    connection: sa.Connection, *, resources: Iterable[str] | None = None, since: datetime | None = None, until: datetime | None = None
) -> Iterator[Total]:
    """Deliveries checked in [since, until), in the order they were checked."""
    query = sa.select(total).order_by(total.c.checked_at, total.c.batch)
    if resources is not None:
        query = query.where(total.c.resource.in_(list(resources)))
    if since is not None:
        query = query.where(total.c.checked_at >= since)
    if until is not None:
        query = query.where(total.c.checked_at < until)
    return map(_total, connection.execute(query))


def newest(connection: sa.Connection, limit: int, resources: Iterable[str] | None = None) -> list[Total]:
    """The last deliveries checked, newest first."""
    query = sa.select(total).order_by(total.c.checked_at.desc(), total.c.batch).limit(limit)
    if resources is not None:
        query = query.where(total.c.resource.in_(list(resources)))
    return list(map(_total, connection.execute(query)))


def of_batch(connection: sa.Connection, batch: str) -> Total | None:
    """None for a pushed row, and for what was never checked."""
    row = connection.execute(sa.select(total).where(total.c.batch == batch)).one_or_none()
    return None if row is None else _total(row)


def standing_at(
    connection: sa.Connection, resources: Iterable[str], at: datetime | None = None, statuses: Iterable[str] = (PUBLISHED,)
) -> list[Total]:
    """The newest published delivery of each partition as of then; now."""
    before = total.c.status.in_(list(statuses)) & total.c.resource.in_(list(resources))
    if at is not None:
        before &= total.c.checked_at < at
    last = sa.select(total.c.resource, total.c.partition, sa.func.max(total.c.checked_at).label("at")).where(before)
    newest = last.group_by(total.c.resource, total.c.partition).subquery()
    same = (newest.c.resource == total.c.resource) & (newest.c.partition == total.c.partition) & (newest.c.at == total.c.checked_at)
    return [_total(row) for row in connection.execute(sa.select(total).join(newest, same).where(before).order_by(total.c.batch))]


def measures(indicators: Mapping[str, Indicator], lines: Iterable[Mapping[str, list]]) -> dict[str, Measure]:
    """Indicator → measure, over the measures of several deliveries."""
    each = ({code: Measure(indicators[code], a, b, *apart) for code, (a, b, _, *apart) in one.items()} for one in lines)
    return dict(sorted(summed(each).items()))


def scores(connection: sa.Connection, resources: Iterable[str], since: datetime) -> Sequence[sa.Row]:
    """(resource, checked at, score) of what was published since then, in that order: the little a year's trend needs."""
    query = sa.select(total.c.resource, total.c.checked_at, total.c.score)
    where = (total.c.status == PUBLISHED) & total.c.resource.in_(list(resources)) & (total.c.checked_at >= since)
    return connection.execute(query.where(where).order_by(total.c.checked_at, total.c.batch)).all()


def _total(row: sa.Row) -> Total:
    # By position: a year of lines is read at once.
    batch, resource, partition, status, as_of, checked_at, *counts, found, mean = row
    return Total(batch, resource, partition, status, as_of, checked_at, dict(zip(COUNTS, counts, strict=True)), found, mean)
