"""clean → check → gate → publish, for one landed batch. Safe to run twice on a batch and to be killed at any step.

    landed ─► partition ─► no-op? ─► scan ─► verdicts ─► quarantine ─► against the head ─► gate ─► files ─► one transaction

Files are written first, under names nobody has; the transaction makes them count. If another batch was published meanwhile, the
comparison with the head is made again; a batch that was published before answers with its stored report.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow.parquet as pq
import sqlalchemy as sa

from catalogs.model import Catalog
from connectors.lake import Lake
from connectors.push import CONNECTOR as PUSHED
from quality import changes, duplicates, gate, publications, publish, quarantine, reconcile, records, scan, score, verdicts
from quality import report as reports
from quality.check import across
from quality.check.batch import Surroundings, volume_jump
from quality.check.rows import Context
from quality.errors import ApprovalRefused, BatchIncomplete
from quality.files import claim
from quality.gate import Decision
from quality.job import SHANGHAI, Job
from quality.outcome import Outcome
from quality.partition import determine
from quality.publications import Publication
from quality.reconcile import usual_size
from quality.records import Files, HeadMoved
from quality.report import BatchReport, Stopwatch
from quality.rulebook import rulebook, strict
from quality.scan import Landed
from quality.score import Circumstances, Count
from quality.session import kept, outputs_of, session
from quality.sql import Sql, literal
from quality.store import upgrade
from quality.tickets.settle import settle, settle_heads

if TYPE_CHECKING:
    from connectors.landing import LandedBatch

KEPT_ROWS = 10
"""Batches up to this many rows are checked in the session the process keeps."""
ATTEMPTS = 20
"""How often a batch is compared anew because others published meanwhile, before giving up."""


def check(
    landed: LandedBatch,
    catalog: Catalog,
    *,
    lake: Lake | Path,
    database: sa.Engine,
    now: datetime,
    operator: str,
    accept_rejects: bool = False,
) -> BatchReport:
    """Clean, check and publish a landed batch, or stop it at the gate; then move the tickets it corrects. Raises QualityError."""
    upgrade(database)
    report = _checked(landed, catalog, lake, database, now, operator, accept_rejects)
    # A batch that was published before it was killed here is settled when it is checked again, or its file comes again.
    settle(catalog, _standing(landed, report, database), lake=lake, database=database, now=now)
    return report


def _standing(landed: LandedBatch, report: BatchReport, database: sa.Engine) -> str:
    """The batch whose rows stand: this one, or the head that it only repeats."""
    if report.noop:
        with database.connect() as connection:
            if (head := publications.head(connection, landed.resource, report.partition)) is not None:
                return head.batch
    return landed.batch


def check_waiting(
    catalog: Catalog,
    resource_id: str,
    *,
    lake: Lake | Path,
    database: sa.Engine,
    now: Callable[[], datetime],
    operator: str,
    before: str | None = None,
) -> list[BatchReport]:
    """Settles what was published and not settled, then checks every landed batch nobody checked, oldest first, up to batch `before`."""
    waiting = unchecked(database, lake, resource_id)
    settle_heads(catalog, resource_id, lake=lake, database=database, now=now())
    wanted = takewhile(lambda one: one.batch != before, waiting)
    return [check(one, catalog, lake=lake, database=database, now=now(), operator=operator) for one in wanted]


def _checked(
    landed: LandedBatch, catalog: Catalog, lake: Lake | Path, database: sa.Engine, now: datetime, operator: str, accept_rejects: bool
) -> BatchReport:
    with database.connect() as connection:
        known = records.stored_report(connection, landed.batch, lake)
        first = records.first_operator(connection, landed.batch)
        effective = changes.effective(catalog, connection)
    if known is not None and known[0] != "stopped":
        return known[1]
    resource, opened = effective.resources[landed.resource], Lake.of(lake)
    book = rulebook(resource, effective)
    job = Job(
        landed=landed, rows=open_rows(landed, opened), resource=resource, catalog=effective,
        book=strict(book) if landed.manifest.connector == PUSHED else book, lake=opened,
        database=database, now=now, operator=operator, first_operator=first or operator,
        accept_rejects=accept_rejects, watch=Stopwatch(),
    )  # fmt: skip
    with (kept if landed.manifest.rows <= KEPT_ROWS else session)(lake, catalog) as connection:
        return _run(connection, job)


def release(batch: str, catalog: Catalog, *, lake: Lake | Path, database: sa.Engine, now: datetime, operator: str) -> BatchReport:
    """Publish a stopped batch that a second person approved, against today's head. Raises ApprovalRefused where nobody did."""
    from connectors.landing import read_batch
    from quality.store import tables

    with database.connect() as connection:
        resource_id = connection.scalar(sa.select(tables.batch.c.resource).where(tables.batch.c.batch == batch))
        if resource_id is None or not gate.approved(connection, batch):
            raise ApprovalRefused(f"batch {batch} has no approval: a second person gives it first")
    landed = read_batch(lake, resource_id, batch)
    return check(landed, catalog, lake=lake, database=database, now=now, operator=operator)


def unchecked(database: sa.Engine, lake: Lake | Path, resource_id: str) -> list[LandedBatch]:
    """Landed batches nobody has checked, oldest first."""
    from connectors.landing import batches

    upgrade(database)
    with database.connect() as connection:
        known = records.checked(connection, resource_id)
    return [landed for landed in reversed(list(batches(lake, resource_id))) if landed.batch not in known]


def open_rows(landed: LandedBatch, lake: Lake) -> Landed:
    """The batch's Parquet file. Raises BatchIncomplete."""
    path = landed.path / "rows.parquet"
    try:
        with lake.open(path) as file:
            columns = frozenset(pq.read_schema(file).names)
    except (OSError, ValueError) as error:
        raise BatchIncomplete(
            f"batch {landed.batch}: rows.parquet cannot be read ({type(error).__name__}): land the delivery again"
        ) from error
    missing = {"_source", "_line", "_raw"} - columns
    if missing:
        raise BatchIncomplete(f"batch {landed.batch}: rows.parquet lacks {', '.join(sorted(missing))}: land the delivery again")
    return Landed(lake.named(path), columns)


def _run(connection: duckdb.DuckDBPyConnection, job: Job) -> BatchReport:
    partition = determine(connection, job.rows, job.resource, job.landed.manifest.partition)
    head = _head(job, partition)
    if head is not None and head.content_hash == job.landed.manifest.content_hash and _went_by_the_same(job, head):
        return _noop(job, partition, head)
    outcomes = judge(connection, job, partition, head)
    with job.watch.lap("quarantine"):
        quarantine.name_rules(connection, job.book, verdicts.findings(connection))
        written = _outputs(connection, job) / "quarantine.parquet"
        rejected = quarantine.write(connection, job.rows, job.book, job.lake, job.landed.batch, written)
    for _ in range(ATTEMPTS):
        try:
            return _against_head(connection, job, partition, head, outcomes, rejected)
        except HeadMoved:
            with job.database.connect() as database:
                known = records.stored_report(database, job.landed.batch, job.lake)
            if known is not None and known[0] == "published":
                return known[1]
            head = _head(job, partition)
    raise HeadMoved(f"resource {job.resource.id}: other batches kept being published; check batch {job.landed.batch} again")


def judge(connection: duckdb.DuckDBPyConnection, job: Job, partition: str, head: Publication | None) -> list[Outcome]:
    """Scan and verdicts: view `judged` and an outcome for every rule."""
    context = Context(job.resource, job.catalog, job.as_of.astimezone(SHANGHAI).date(), partition or None)
    with job.watch.lap("scan"):
        scanned = scan.stage(connection, job.rows, job.book, context)
    with job.watch.lap("check"):
        return verdicts.judge(connection, job.book, scanned, _surroundings(job, head))


def _surroundings(job: Job, head: Publication | None) -> Surroundings:
    wanted = across.resources(job.book.batch_rules)
    with job.database.connect() as connection:
        paths = {name: [job.lake.named(path) for path in publications.rows_paths(connection, job.lake, name)] for name in sorted(wanted)}
    head_read = usual_size(job.database, head) if job.whole else None
    return Surroundings(as_of=job.as_of, now=job.now, read=job.landed.manifest.rows, head_read=head_read, references=paths)


def _head(job: Job, partition: str) -> Publication | None:
    with job.database.connect() as connection:
        return publications.head(connection, job.resource.id, partition)


def _went_by_the_same(job: Job, head: Publication) -> bool:
    """Whether the head was judged with the changes that are in effect now: else even the same rows are judged again."""
    with job.database.connect() as connection:
        known = records.stored_report(connection, head.batch, Path())
    return known is not None and list(known[1].changes) == list(job.catalog.changed_by.get(job.resource.id, ()))


def _noop(job: Job, partition: str, head: Publication) -> BatchReport:
    """The delivery is the head's, row for row: repeat its report."""
    with job.database.connect() as connection:
        _, of_head = records.stored_report(connection, head.batch, Path())
    report = reports.as_noop(of_head, job.landed.batch, job.watch.seconds)
    records.file_noop(job.database, job.filed(partition), report)
    return _located(report, job)


def _against_head(
    connection: duckdb.DuckDBPyConnection, job: Job, partition: str, head: Publication | None, outcomes: Sequence[Outcome], rejected: Path
) -> BatchReport:
    """Compare, decide, publish. Raises HeadMoved."""
    with job.watch.lap("compare"):
        past = publish.head_rows(connection, job.resource, job.lake.named(job.lake / head.rows_path)) if head else None
        if past is not None and job.resource.delivery.mode == "increment":
            duplicates.behind_head(connection, job.resource, past)
        # A pushed row is as new as can be.
        newer = [] if job.pushed else reconcile.pushed_since(job.database, job.resource.id, partition, job.as_of)
        if past is not None:
            duplicates.behind_pushed(connection, job.resource, past, newer)
        score.tally(connection, job.book, literal(job.as_of.astimezone(SHANGHAI).date()))
        tally = verdicts.count(connection).balanced(job.landed.manifest.rows, job.landed.batch)
        difference = publish.compare(connection, job.resource, past, whole=job.whole, newer=newer)
        differing = reconcile.against(connection, job.database, job.resource, None if job.pushed else past, newer, whole=job.whole)
    with job.watch.lap("score"):
        counts = _scored(connection, job, difference, head, outcomes)
    decision = _decide(job, tally, difference, head, outcomes)
    report = reports.make(
        job.landed.batch, partition, tally, outcomes, gate=decision.gate, removed=difference.removed, carried=difference.carried,
        quarantine=str(rejected.relative_to(job.lake)), seconds=job.watch.seconds,
        changes=job.catalog.changed_by.get(job.resource.id, ()),
    )  # fmt: skip
    filed = job.filed(partition)
    if job.pushed and not tally.trusted + tally.superseded + tally.deleted:
        # One row that fails is refused to its sender, who corrects it and sends it again: nobody has to approve anything.
        rejected_alone = Decision("stopped", decision.findings)
        records.file_stopped(job.database, filed, replace(report, gate="stopped"), outcomes, counts, rejected_alone, status="rejected")
        return _located(replace(report, gate="stopped"), job)
    if decision.gate == "stopped":
        records.file_stopped(job.database, filed, report, outcomes, counts, decision)
        return _located(report, job)
    with job.watch.lap("publish"):
        files = _write(connection, job, past)
    accepted_by = job.operator if _used_acceptance(job, decision) else None
    done = records.publish(
        job.database, filed, report, outcomes, counts, decision, parent=head, files=files, accepted_by=accepted_by, differing=differing
    )
    return _located(done, job)


def _scored(
    connection: duckdb.DuckDBPyConnection, job: Job, difference: publish.Difference, head: Publication | None, outcomes: Sequence[Outcome]
) -> list[Count]:
    """None for a pushed row: one row says nothing about the quality of a resource."""
    if job.pushed:
        return []
    with job.database.connect() as database:
        cycles, arrived = records.arrivals(database, job.resource, job.as_of)
    head_rows = head.counts["rows"] if head and job.whole else 0
    around = Circumstances(job.rows.columns, head_rows, difference.gone, cycles, arrived)
    return score.count(connection, job.book, job.catalog, outcomes, around)


def _decide(
    job: Job, tally: verdicts.Tally, difference: publish.Difference, head: Publication | None, outcomes: Sequence[Outcome]
) -> Decision:
    usual = usual_size(job.database, head) if job.whole else None
    jump = volume_jump(tally.read, usual) if usual is not None else None
    head_rows = head.counts["rows"] if head else 0
    found = gate.inspect(job.resource.limits, tally, jump=jump, gone=difference.gone, head_rows=head_rows, outcomes=outcomes)
    with job.database.connect() as connection:
        approved = gate.approved(connection, job.landed.batch)
    return gate.decide(found, accept_rejects=job.accept_rejects, approved=approved)


def _used_acceptance(job: Job, decision: Decision) -> bool:
    return job.accept_rejects and any(one.name == gate.MAX_REJECTS for one in decision.findings)


def _write(connection: duckdb.DuckDBPyConnection, job: Job, past: Sql | None) -> Files:
    """Head and change set under their lasting names."""
    lake, folder = job.lake, job.lake / "trusted" / job.resource.id / job.landed.batch
    made = {name: _outputs(connection, job) / f"{name}.parquet" for name in ("rows", "changes", "superseded")}
    publish.write_rows(connection, job.resource, job.landed.batch, past, lake.named(made["rows"]))
    if past is not None:
        publish.write_changes(connection, job.resource, job.landed.batch, past, lake.named(made["changes"]))
    publish.write_superseded(connection, job.resource, lake.named(made["superseded"]))
    claim(lake, made["superseded"], folder, "superseded", reuse=True)
    rows = claim(lake, made["rows"], folder, "rows").relative_to(lake)
    changes = claim(lake, made["changes"], folder, "changes").relative_to(lake) if past is not None else rows
    return Files(rows, changes)


def _outputs(connection: duckdb.DuckDBPyConnection, job: Job) -> Path:
    """Folder of the same last names as the lasting one: an encrypted file belongs to its resource and batch."""
    folder = outputs_of(connection) / job.resource.id / job.landed.batch
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _located(report: BatchReport, job: Job) -> BatchReport:
    """With the quarantine's path as the caller can open it."""
    return replace(report, quarantine=str(job.lake / report.quarantine))
