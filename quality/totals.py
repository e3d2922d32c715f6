"""The narrow line of a delivery (`quality_total`): filed with its scores, read by pages, trends and the bulletin.

Errored and skipped rules are the batch's, not a body's: every body's line says the same number, so it is not added up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from catalogs.model import Catalog
from quality import sampling
from quality.report import COUNTS
from quality.score import Count
from quality.scores import Measure, weighted
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
    connection.execute(
        sa.insert(total).values(**line, **report.counts(), checked_at=filed.now, measures=_summed(counts, filed.weights["of"]))
    )


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


def standing_at(connection: sa.Connection, resources: Iterable[str], at: datetime, statuses: Iterable[str] = (PUBLISHED,)) -> list[Total]:
    """The newest published delivery of each partition as of then."""
    before = (total.c.checked_at < at) & total.c.status.in_(list(statuses)) & total.c.resource.in_(list(resources))
    last = sa.select(total.c.resource, total.c.partition, sa.func.max(total.c.checked_at).label("at")).where(before)
    newest = last.group_by(total.c.resource, total.c.partition).subquery()
    same = (newest.c.resource == total.c.resource) & (newest.c.partition == total.c.partition) & (newest.c.at == total.c.checked_at)
    return [_total(row) for row in connection.execute(sa.select(total).join(newest, same).where(before).order_by(total.c.batch))]


def score(catalog: Catalog, standing: Iterable[Total], newest: Total) -> float | None:
    """Of several partitions together, with the weights of the newest delivery; 0 to 1."""
    weights = {code: line[2] for code, line in newest.measures.items()}
    return weighted(measures(catalog, standing).values(), weights)


def measures(catalog: Catalog, standing: Iterable[Total]) -> dict[str, Measure]:
    """Indicator → measure over these deliveries."""
    found: dict[str, Measure] = {}
    for one in standing:
        for code, (satisfied, evaluated, _, errored, skipped) in one.measures.items():
            measure = Measure(catalog.indicators[code], satisfied, evaluated, errored, skipped)
            found[code] = found[code].plus(measure) if code in found else measure
    return dict(sorted(found.items()))


def _total(row: sa.Row) -> Total:
    # By position: a year of lines is read at once.
    batch, resource, partition, status, as_of, checked_at, *counts, found = row
    return Total(batch, resource, partition, status, as_of, checked_at, dict(zip(COUNTS, counts, strict=True)), found)
