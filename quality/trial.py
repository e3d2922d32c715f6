"""A dry run of proposed changes: a stored batch judged again as the rules are and as they would be, compared, and nothing written.

- Rows of the landed file go through the engine's own scan, checks and counts, against what the batch met when it was checked: its
  partition's former head, its time. Other resources' heads are today's.
- Weights alone judge no row again: the stored counts are weighed anew.
- Scratch files of the session are removed at the end.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import duckdb
import sqlalchemy as sa

from catalogs.changes import Edit, faults, overlaid
from catalogs.model import Catalog, Rule
from connectors.lake import Lake
from connectors.landing import read_batch
from quality import changes, duplicates, engine, gate, publications, publish, score, verdicts
from quality.check.batch import volume_jump
from quality.errors import ChangeRefused
from quality.gate import Finding
from quality.job import SHANGHAI, Job
from quality.outcome import Outcome
from quality.partition import determine
from quality.publications import Publication
from quality.reconcile import usual_size
from quality.report import Stopwatch
from quality.responsible import Body
from quality.rulebook import rulebook
from quality.score import Circumstances, Count
from quality.scores import Measure, summed, weighted
from quality.session import fill, session
from quality.sql import literal
from quality.store import tables
from quality.verdicts import Tally


@dataclass(frozen=True)
class Judged:
    """A batch under one catalogue."""

    tally: Tally
    rules: Mapping[str, Rule]
    outcomes: Mapping[str, Outcome]
    """By rule."""
    quarantined: Mapping[Body, int]
    failed: Mapping[tuple[str, Body], int]
    """Rows by rule and body."""
    measures: Mapping[Body, Mapping[str, Measure]]
    weights: Mapping[str, float]
    findings: tuple[Finding, ...]
    """What the gate would stop it for."""

    def score(self, body: Body | None = None) -> float | None:
        if body is not None:
            return weighted(self.measures.get(body, {}).values(), self.weights)
        return weighted(summed(self.measures.values()).values(), self.weights)


@dataclass(frozen=True)
class Trial:
    """What would be otherwise."""

    batch: str
    resource: str
    partition: str
    as_of: datetime
    before: Judged
    after: Judged

    @property
    def rules(self) -> list[str]:
        """Rules whose verdicts, severity or being there differ."""
        ids = dict.fromkeys([*self.before.rules, *self.after.rules])
        return [one for one in ids if _told(self.before, one) != _told(self.after, one)]

    @property
    def bodies(self) -> list[Body]:
        """Bodies with other rows in quarantine or another score."""
        both = sorted({*self.before.measures, *self.after.measures}, key=lambda one: (one.code, one.division))
        return [one for one in both if _stands(self.before, one) != _stands(self.after, one)]

    def rows(self, rule: str) -> list[tuple[Body, int, int]]:
        """(body, rows that fail the rule before, and after), where there are any."""
        found = {body for side in (self.before, self.after) for name, body in side.failed if name == rule}
        ordered = sorted(found, key=lambda one: (one.code, one.division))
        return [(body, self.before.failed.get((rule, body), 0), self.after.failed.get((rule, body), 0)) for body in ordered]


def _told(side: Judged, rule: str) -> tuple[object, ...]:
    one, outcome = side.rules.get(rule), side.outcomes.get(rule)
    return (one.severity if one else None, dict(one.params) if one else None, outcome.failed if outcome else None)


def _stands(side: Judged, body: Body) -> tuple[object, ...]:
    return side.quarantined.get(body, 0), side.score(body)


def batches(connection: sa.Connection, resource_id: str) -> list[sa.Row]:
    """Deliveries a dry run may take, newest first, one a partition: (batch, partition, as_of)."""
    columns = (tables.batch.c.batch, tables.batch.c.partition, tables.batch.c.as_of)
    judged = sa.select(*columns).where(tables.batch.c.resource == resource_id, tables.batch.c.status.in_(("published", "stopped")))
    pushed = sa.select(tables.publication.c.batch).where(tables.publication.c.pushed.is_(True))
    rows = connection.execute(judged.where(tables.batch.c.batch.not_in(pushed)).order_by(tables.batch.c.checked_at.desc()))
    newest: dict[str, sa.Row] = {}
    for row in rows:
        newest.setdefault(row.partition, row)
    return list(newest.values())


def try_out(
    catalog: Catalog, resource_id: str, edits: Sequence[Edit], *, lake: Lake | Path, database: sa.Engine, batch: str | None = None
) -> Trial:
    """Judges the resource's newest delivery (or `batch`) with and without the edits. Raises ChangeRefused."""
    opened = Lake.of(lake)
    with database.connect() as reading:
        before = changes.effective(catalog, reading)
        standing = changes.edits_in_effect(catalog, reading).get(resource_id, [])
        found = faults(catalog, resource_id, edits, standing)
        if found:
            raise ChangeRefused("; ".join(found), faults=found)
        after = overlaid(catalog, resource_id, [*standing, *edits])
        met = _met(reading, resource_id, batch)
    with session(opened, catalog) as connection:
        first = _judge(connection, before, met, opened, database)
        alike = before.rules[resource_id] == after.rules[resource_id] and before.resources[resource_id] == after.resources[resource_id]
        then = first if alike else _judge(connection, after, met, opened, database)
    return Trial(met.batch, resource_id, met.partition, met.as_of, first, replace(then, weights=after.weights.of(resource_id)))


@dataclass(frozen=True)
class _Met:
    """What the batch met when it was checked."""

    batch: str
    resource: str
    partition: str
    as_of: datetime
    checked_at: datetime
    head: Publication | None
    gone: int
    counts: Sequence[sa.Row]
    """Its stored scores."""


def _met(reading: sa.Connection, resource_id: str, batch: str | None) -> _Met:
    newest = batches(reading, resource_id)
    if not newest:
        raise ChangeRefused(f"resource {resource_id} has no checked delivery to try the change on: check one first")
    name = batch or newest[0].batch
    row = reading.execute(sa.select(tables.batch).where(tables.batch.c.batch == name, tables.batch.c.resource == resource_id)).one_or_none()
    if row is None:
        raise ChangeRefused(f"no checked batch {name} of {resource_id}: see `hub batch list`")
    published = publications.of_batch(reading, name)
    if published is None:
        head = publications.head(reading, resource_id, row.partition)
    else:
        head = publications.numbered(reading, resource_id, published.parent) if published.parent else None
    stored = reading.execute(sa.select(tables.score).where(tables.score.c.batch == name)).all()
    gone = row.report["removed"] + row.report["deleted"]
    return _Met(name, resource_id, row.partition, row.as_of, row.checked_at, head, gone, stored)


def _judge(connection: duckdb.DuckDBPyConnection, catalog: Catalog, met: _Met, lake: Lake, database: sa.Engine) -> Judged:
    landed = read_batch(lake, met.resource, met.batch)
    resource = catalog.resources[met.resource]
    book = rulebook(resource, catalog)
    job = Job(
        landed=landed, rows=engine.open_rows(landed, lake), resource=resource, catalog=catalog, book=book, lake=lake, database=database,
        now=met.checked_at, operator="", first_operator="", accept_rejects=False, watch=Stopwatch(),
    )  # fmt: skip
    partition = determine(connection, job.rows, resource, landed.manifest.partition)
    outcomes = engine.judge(connection, job, partition, met.head)
    if met.head is not None and resource.delivery.mode == "increment":
        duplicates.behind_head(connection, resource, publish.head_rows(connection, resource, lake.named(lake / met.head.rows_path)))
    score.tally(connection, book, literal(job.as_of.astimezone(SHANGHAI).date()))
    tally = verdicts.count(connection)
    counts = score.count(connection, book, catalog, outcomes, Circumstances(job.rows.columns, 0, 0, 0, 0))
    quarantined, failed = _rows(connection, book)
    return Judged(
        tally=tally, rules={rule.id: rule for rule in book.rules}, outcomes={one.rule.id: one for one in outcomes},
        quarantined=quarantined, failed=failed, measures=_measures(catalog, counts, met.counts),
        weights=catalog.weights.of(resource.id), findings=_findings(job, met, tally, outcomes),
    )  # fmt: skip


def _measures(catalog: Catalog, counts: Sequence[Count], stored: Sequence[sa.Row]) -> dict[Body, dict[str, Measure]]:
    """The counts, and of the stored ones those no rule can change: what is true of the delivery and its days."""
    found: dict[Body, dict[str, Measure]] = defaultdict(dict)
    for row in stored:
        if catalog.indicators[row.indicator].counts in ("records", "arrivals"):
            one = Measure(catalog.indicators[row.indicator], row.satisfied, row.evaluated, row.errored, row.skipped)
            found[Body(row.body, row.division)][row.indicator] = one
    for one in counts:
        measure = Measure(catalog.indicators[one.indicator], one.satisfied, one.evaluated, one.errored, one.skipped)
        known = found[one.body].get(one.indicator)
        found[one.body][one.indicator] = known.plus(measure) if known and measure.evaluated else known or measure
    return dict(found)


def _rows(connection: duckdb.DuckDBPyConnection, book) -> tuple[dict[Body, int], dict[tuple[str, Body], int]]:
    """Rows in quarantine by body, and rows by failed rule and body. Needs `located`."""
    quarantined = {Body(body, seat): rows for body, seat, rows in connection.execute(_QUARANTINED).fetchall()}
    fill(connection, _BITS, list(book.bits.items()), 2)
    return quarantined, {(rule, Body(body, seat)): rows for rule, body, seat, rows in connection.execute(_FAILED).fetchall()}


_QUARANTINED = "SELECT body, seat, sum(rows)::BIGINT FROM located WHERE fate = 'quarantined' GROUP BY ALL"
_BITS = "CREATE OR REPLACE TEMP TABLE bits AS SELECT unnest($1::VARCHAR[]) AS rule, unnest($2::BIGINT[]) AS bit"
_FAILED = "SELECT rule, body, seat, sum(rows)::BIGINT FROM located JOIN bits ON failed & bit <> 0 GROUP BY ALL"


def _findings(job: Job, met: _Met, tally: Tally, outcomes: Sequence[Outcome]) -> tuple[Finding, ...]:
    usual = usual_size(job.database, met.head) if job.whole else None
    jump = volume_jump(tally.read, usual) if usual is not None else None
    head_rows = met.head.counts["rows"] if met.head else 0
    return tuple(gate.inspect(job.resource.limits, tally, jump=jump, gone=met.gone, head_rows=head_rows, outcomes=outcomes))


def figures(found: Trial) -> dict[str, object]:
    """A dry run in JSON's words: counts and scores, no row."""
    sides = (found.before, found.after)
    bodies = [
        [body.code, body.division, *(side.quarantined.get(body, 0) for side in sides), *(side.score(body) for side in sides)]
        for body in found.bodies
    ]
    names = ("body", "division", "quarantined_before", "quarantined_after", "score_before", "score_after")
    return {
        "batch": found.batch, "resource": found.resource, "partition": found.partition,
        "before": _side(found.before), "after": _side(found.after),
        "rules": [_rule(found, rule) for rule in found.rules],
        "bodies": [dict(zip(names, one, strict=True)) for one in bodies],
    }  # fmt: skip


def _side(side: Judged) -> dict[str, object]:
    counts = {name: getattr(side.tally, name) for name in ("read", "trusted", "quarantined", "superseded", "deleted", "warned")}
    return counts | {"score": side.score(), "gate": [one.name for one in side.findings]}


def _rule(found: Trial, rule: str) -> dict[str, object]:
    kept = [side.rules.get(rule) for side in (found.before, found.after)]
    failed = [side.outcomes[rule].failed if rule in side.outcomes else 0 for side in (found.before, found.after)]
    bodies = [{"body": body.code, "division": body.division, "before": was, "after": now} for body, was, now in found.rows(rule)]
    severities = [one.severity if one else "off" for one in kept]
    return {
        "rule": rule, "severity_before": severities[0], "severity_after": severities[1], "failed_before": failed[0],
        "failed_after": failed[1], "bodies": bodies,
    }  # fmt: skip
