"""What each rule found: now, batch by batch, and at one body. For the pages of a resource, a rule and a batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from catalogs.model import Catalog
from connectors.lake import Lake
from quality.session import session
from quality.store import tables
from quality.store.tables_totals import total
from quality.tickets import failing

PASSED, FAILED, ERRORED, SKIPPED, SILENT = "passed", "failed", "errored", "skipped", "silent"


@dataclass(frozen=True)
class Finding:
    """A rule over one batch, or the newest ones of a resource. Nothing judged, errored and skipped are neither good nor bad."""

    rule: str
    indicator: str
    severity: str
    evaluated: int
    failed: int
    undefined: int
    errored: int
    skipped: int
    detail: str = ""
    """Why an errored or skipped rule has no counts."""

    @property
    def state(self) -> str:
        """passed | failed | errored | skipped | silent (judged no row)."""
        if self.errored:
            return ERRORED
        if self.skipped:
            return SKIPPED
        return FAILED if self.failed else PASSED if self.evaluated else SILENT

    @property
    def share(self) -> float | None:
        """Rows that passed of those judged."""
        return 1 - self.failed / self.evaluated if self.evaluated else None

    def plus(self, other: Finding) -> Finding:
        return Finding(
            self.rule, self.indicator, self.severity, self.evaluated + other.evaluated, self.failed + other.failed,
            self.undefined + other.undefined, self.errored + other.errored, self.skipped + other.skipped, self.detail or other.detail,
        )  # fmt: skip


def of_batches(connection: sa.Connection, batches: Iterable[str]) -> dict[str, dict[str, Finding]]:
    """Rule → batch → what it found."""
    found: dict[str, dict[str, Finding]] = {}
    for row in connection.execute(sa.select(tables.outcome).where(tables.outcome.c.batch.in_(list(batches)))):
        found.setdefault(row.rule, {})[row.batch] = _finding(row)
    return found


def together(by_batch: Mapping[str, Finding]) -> Finding:
    """A rule over several batches. Raises ValueError without any."""
    first, *others = by_batch.values()
    for one in others:
        first = first.plus(one)
    return first


def worst_batch(by_batch: Mapping[str, Finding]) -> str:
    """The batch with most failing rows."""
    return max(by_batch, key=lambda name: by_batch[name].failed)


def failing_rules(connection: sa.Connection, batches: Iterable[str]) -> dict[str, int]:
    """Resource → rules that fail now, over the batches given."""
    wanted = (tables.outcome.c.batch.in_(list(batches))) & (tables.outcome.c.failed > 0)
    query = sa.select(tables.outcome.c.resource, sa.func.count(sa.distinct(tables.outcome.c.rule))).where(wanted)
    return {resource: number for resource, number in connection.execute(query.group_by(tables.outcome.c.resource))}


@dataclass(frozen=True)
class Past:
    """A rule in one batch."""

    batch: str
    partition: str
    status: str
    checked_at: datetime
    finding: Finding


def history(connection: sa.Connection, resource: str, rule: str, since: datetime, limit: int = 400) -> list[Past]:
    """The rule in the resource's deliveries since then, newest first."""
    lines = sa.select(total.c.batch, total.c.partition, total.c.status, total.c.checked_at)
    mine = lines.where(total.c.resource == resource, total.c.checked_at >= since).order_by(total.c.checked_at.desc()).limit(limit)
    batches = {row.batch: row for row in connection.execute(mine)}
    found = sa.select(tables.outcome).where(tables.outcome.c.batch.in_(list(batches)), tables.outcome.c.rule == rule)
    by_batch = {row.batch: _finding(row) for row in connection.execute(found)}
    return [Past(row.batch, row.partition, row.status, row.checked_at, by_batch[name]) for name, row in batches.items() if name in by_batch]


def by_body(
    catalog: Catalog, batches: Sequence[str], rules: Sequence[str], *, lake: Lake | Path, database: sa.Engine
) -> list[tuple[str, str, str, int]]:
    """(rule, body, batch, failing rows): as many as a ticket opened now would hold. Reads the lake."""
    found: list[tuple[str, str, str, int]] = []
    opened = Lake.of(lake)
    with session(opened, catalog) as connection:
        for batch in batches:
            failing.stage(connection, database, opened, catalog, batch, rules)
            rows = connection.execute("SELECT rule, body, count(*) FROM failing GROUP BY ALL ORDER BY 3 DESC, 2").fetchall()
            found += [(rule, body, batch, number) for rule, body, number in rows]
    return found


def _finding(row: sa.Row) -> Finding:
    return Finding(row.rule, row.indicator, row.severity, row.evaluated, row.failed, row.undefined, row.errored, row.skipped, row.detail)
