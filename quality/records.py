"""What the engine writes to and reads from its tables. Every transaction here begins with a write, so that SQLite waits for its lock
at the start instead of failing half-way; on PostgreSQL the unique keys decide between two workers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from catalogs.model import Resource
from catalogs.quality import Indicator
from quality import gate, publications, reconcile, totals
from quality.gate import Decision
from quality.outcome import Outcome
from quality.publications import Publication
from quality.report import BatchReport
from quality.score import Count
from quality.store import tables

RECENT_CYCLES = 30
"""Over how many cycles of a resource its arrivals are counted."""


class HeadMoved(Exception):
    """Another batch was published in between: compare with the new head again."""


@dataclass(frozen=True)
class Filed:
    """What is the same in every record of a batch."""

    batch: str
    resource: str
    partition: str
    operator: str
    content_hash: str
    catalog_version: str
    as_of: datetime
    now: datetime
    weights: Mapping[str, object]
    """{version, of: indicator → weight}"""
    indicators: Mapping[str, Indicator]
    pushed: bool = False


@dataclass(frozen=True)
class Files:
    """Paths relative to the lake."""

    rows: Path
    changes: Path


def stored_report(connection: sa.Connection, batch: str, lake: Path) -> tuple[str, BatchReport] | None:
    """Status and report of a batch that was checked before."""
    row = connection.execute(sa.select(tables.batch.c.status, tables.batch.c.report).where(tables.batch.c.batch == batch)).one_or_none()
    if row is None:
        return None
    report = BatchReport(**row.report)
    return row.status, replace(report, quarantine=str(lake / report.quarantine))


def first_operator(connection: sa.Connection, batch: str) -> str | None:
    """Who checked the batch first: the name a second person is second to, whoever runs it again."""
    return connection.scalar(sa.select(tables.batch.c.operator).where(tables.batch.c.batch == batch))


def checked(connection: sa.Connection, resource_id: str) -> set[str]:
    """Batches of a resource that were checked, whatever came of it."""
    return set(connection.scalars(sa.select(tables.batch.c.batch).where(tables.batch.c.resource == resource_id)))


def arrivals(connection: sa.Connection, resource: Resource, as_of: datetime) -> tuple[int, int]:
    """(cycles, cycles with a delivery) among the last RECENT_CYCLES of the resource, this delivery's included."""
    mine = sa.select(tables.batch.c.as_of).where(tables.batch.c.resource == resource.id, tables.batch.c.status != "rejected")
    this = cycle(resource, as_of)
    since = as_of - RECENT_CYCLES * timedelta(hours=resource.cycle_hours)
    found = {cycle(resource, one) for one in connection.scalars(mine.where(tables.batch.c.as_of >= since, tables.batch.c.as_of <= as_of))}
    first = connection.scalar(sa.select(sa.func.min(tables.batch.c.as_of)).where(tables.batch.c.resource == resource.id))
    cycles = min(RECENT_CYCLES, this - min(this, cycle(resource, first) if first else this) + 1)
    return cycles, len({one for one in found | {this} if one > this - cycles})


def cycle(resource: Resource, at: datetime) -> int:
    """Number of the cycle an instant lies in; a day begins at midnight in Shanghai."""
    return int((at.timestamp() + 8 * 3600) // 3600 // resource.cycle_hours)


def file_noop(engine: sa.Engine, filed: Filed, report: BatchReport) -> None:
    with engine.begin() as connection:
        _file_batch(connection, filed, "noop", report, Decision("pass", ()))
        totals.file(connection, filed, report, "noop")


def file_stopped(
    engine: sa.Engine,
    filed: Filed,
    report: BatchReport,
    outcomes: Iterable[Outcome],
    counts: Sequence[Count],
    decision: Decision,
    *,
    status: str = "stopped",
) -> None:
    """`status` rejected: a pushed row that failed; it waits for nobody."""
    with engine.begin() as connection:
        _file_batch(connection, filed, status, report, decision)
        _file_outcomes(connection, filed, outcomes)
        _file_scores(connection, filed, counts)
        totals.file(connection, filed, report, status, counts)


def publish(
    engine: sa.Engine,
    filed: Filed,
    report: BatchReport,
    outcomes: Iterable[Outcome],
    counts: Sequence[Count],
    decision: Decision,
    *,
    parent: Publication | None,
    files: Files,
    accepted_by: str | None,
    differing: Sequence[reconcile.Finding] = (),
) -> BatchReport:
    """One transaction: batch, outcomes, publication with the next number. Raises HeadMoved where the head is no longer `parent`."""
    try:
        with engine.begin() as connection:
            _file_batch(connection, filed, "published", report, decision)
            _expect_head(connection, filed, parent)
            number = _next_number(connection, filed.resource)
            done = replace(report, publication=number, published=True)
            _file_batch(connection, filed, "published", done, decision)
            _file_outcomes(connection, filed, outcomes)
            _file_scores(connection, filed, counts)
            totals.file(connection, filed, done, "published", counts)
            connection.execute(sa.insert(tables.publication).values(**_publication(filed, done, number, parent, files)))
            reconcile.file(connection, filed.batch, filed.resource, differing, filed.now)
            if accepted_by is not None:
                figures = {one.name: one.figure for one in decision.findings if one.name == gate.MAX_REJECTS}
                gate.record(connection, filed.batch, "accept_rejects", accepted_by, "--accept-rejects", figures, filed.now)
            return done
    except sa.exc.IntegrityError as conflict:
        raise HeadMoved from conflict


def _expect_head(connection: sa.Connection, filed: Filed, parent: Publication | None) -> None:
    head = publications.head(connection, filed.resource, filed.partition)
    if (head.number if head else None) != (parent.number if parent else None):
        raise HeadMoved


def _next_number(connection: sa.Connection, resource_id: str) -> int:
    highest = sa.select(sa.func.max(tables.publication.c.number)).where(tables.publication.c.resource == resource_id)
    return (connection.scalar(highest) or 0) + 1


def _publication(filed: Filed, report: BatchReport, number: int, parent: Publication | None, files: Files) -> Mapping[str, object]:
    return {
        "resource": filed.resource, "number": number, "partition": filed.partition, "parent": parent.number if parent else 0,
        "batch": filed.batch, "content_hash": filed.content_hash, "as_of": filed.as_of, "created_at": filed.now,
        "catalog_version": filed.catalog_version, "rows_path": str(files.rows), "changes_path": str(files.changes),
        "pushed": filed.pushed,
        "counts": {**report.counts(), "rows": report.trusted + report.carried},
    }  # fmt: skip


def _file_batch(connection: sa.Connection, filed: Filed, status: str, report: BatchReport, decision: Decision) -> None:
    """Replace the batch's line: a stopped batch may be checked again."""
    connection.execute(sa.delete(tables.batch).where(tables.batch.c.batch == filed.batch))
    values = {
        "batch": filed.batch, "resource": filed.resource, "partition": filed.partition, "status": status, "operator": filed.operator,
        "content_hash": filed.content_hash, "catalog_version": filed.catalog_version, "as_of": filed.as_of, "checked_at": filed.now,
        "weights": filed.weights,
        "report": report.stored(), "reasons": [{"name": one.name, "figure": one.figure, "limit": one.limit} for one in decision.findings],
    }  # fmt: skip
    connection.execute(sa.insert(tables.batch).values(**values))


def _file_outcomes(connection: sa.Connection, filed: Filed, outcomes: Iterable[Outcome]) -> None:
    connection.execute(sa.delete(tables.outcome).where(tables.outcome.c.batch == filed.batch))
    lines = [
        {
            "batch": filed.batch, "rule": one.rule.id, "resource": filed.resource, "indicator": one.rule.indicator,
            "severity": one.rule.severity,
            "evaluated": one.evaluated, "failed": one.failed, "undefined": one.undefined, "errored": one.errored, "skipped": one.skipped,
            "detail": one.detail,
        }
        for one in outcomes
    ]  # fmt: skip
    if lines:
        connection.execute(sa.insert(tables.outcome), lines)


def _file_scores(connection: sa.Connection, filed: Filed, counts: Iterable[Count]) -> None:
    connection.execute(sa.delete(tables.score).where(tables.score.c.batch == filed.batch))
    lines = [
        {
            "batch": filed.batch, "body": one.body.code, "division": one.body.division, "indicator": one.indicator,
            "resource": filed.resource, "satisfied": one.satisfied, "evaluated": one.evaluated, "errored": one.errored,
            "skipped": one.skipped,
        }
        for one in counts
    ]  # fmt: skip
    if lines:
        connection.execute(sa.insert(tables.score), lines)
