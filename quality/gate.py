"""The gate: a batch that is too bad or too different is stopped whole until a second person lets it through.

- findings: `max_rejects` (share of rejected rows), `volume` (size against the partition's last batch), `max_removed` (keys removed or
  deleted, beyond a floor), and every failed batch rule of severity reject by its id
- `--accept-rejects` lifts `max_rejects` alone, under the operator's name
- an approval covers what was found when it was given, and no more: a worse figure stops the batch again
- a broken balance is no finding: it is raised elsewhere, and nobody can approve it
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from catalogs.model import Limits
from quality.errors import ApprovalRefused
from quality.outcome import Outcome
from quality.store import tables
from quality.verdicts import Tally

MAX_REJECTS = "max_rejects"
MAX_REMOVED = "max_removed"
VOLUME = "volume"


@dataclass(frozen=True)
class Finding:
    """Why the gate stops: a name, the figure found and the limit."""

    name: str
    figure: float
    limit: float


@dataclass(frozen=True)
class Decision:
    """pass | stopped | accepted, with what was found."""

    gate: str
    findings: tuple[Finding, ...]


def inspect(limits: Limits, tally: Tally, *, jump: float | None, gone: int, head_rows: int, outcomes: Iterable[Outcome]) -> list[Finding]:
    """Everything that speaks against publishing. `jump`: share of change in size, None where there is nothing to compare with;
    `gone`: keys of the head removed or deleted."""
    found = []
    rejects = tally.quarantined / tally.read if tally.read else 0.0
    if rejects > limits.max_rejects:
        found.append(Finding(MAX_REJECTS, rejects, limits.max_rejects))
    if jump is not None and jump > limits.volume_band:
        found.append(Finding(VOLUME, jump, limits.volume_band))
    most = max(limits.removed_floor, limits.max_removed * head_rows)
    if gone > most:
        found.append(Finding(MAX_REMOVED, float(gone), float(most)))
    for outcome in outcomes:
        if outcome.rule.severity == "reject" and outcome.rule.check in ("freshness", "volume") and outcome.failed:
            found.append(Finding(outcome.rule.id, 1.0, 0.0))
    return found


def decide(findings: Iterable[Finding], *, accept_rejects: bool, approved: Mapping[str, float]) -> Decision:
    """`approved`: finding → the figure a second person let through."""
    found = tuple(findings)
    if not found:
        return Decision("pass", ())
    lifted = (accept_rejects and one.name == MAX_REJECTS or one.figure <= approved.get(one.name, -1.0) for one in found)
    return Decision("accepted" if all(lifted) else "stopped", found)


def approve(connection: sa.Connection, batch: str, name: str, reason: str, now: datetime) -> None:
    """Record the second name for a stopped batch. Raises ApprovalRefused."""
    row = connection.execute(sa.select(tables.batch).where(tables.batch.c.batch == batch)).one_or_none()
    if row is None:
        raise ApprovalRefused(f"batch {batch} was never checked: see the list of checked batches")
    if row.status != "stopped":
        raise ApprovalRefused(f"batch {batch} is {row.status}, not stopped: there is nothing to approve")
    if not name.strip() or not reason.strip():
        raise ApprovalRefused(f"batch {batch}: an approval needs a name and a reason")
    if name.strip().casefold() == row.operator.strip().casefold():
        raise ApprovalRefused(f"batch {batch} was checked under the same name: a second person has to approve it")
    record(connection, batch, "approve", name.strip(), reason.strip(), {one["name"]: one["figure"] for one in row.reasons}, now)


def record(connection: sa.Connection, batch: str, kind: str, name: str, reason: str, figures: Mapping[str, float], now: datetime) -> None:
    """A line in quality_approval."""
    values = {"batch": batch, "kind": kind, "name": name, "reason": reason, "figures": dict(figures), "at": now}
    connection.execute(sa.insert(tables.approval).values(values))


def approved(connection: sa.Connection, batch: str) -> dict[str, float]:
    """What second persons have let through for this batch: finding → highest figure."""
    query = sa.select(tables.approval.c.figures).where((tables.approval.c.batch == batch) & (tables.approval.c.kind == "approve"))
    covered: dict[str, float] = {}
    for (figures,) in connection.execute(query):
        for name, figure in figures.items():
            covered[name] = max(covered.get(name, figure), figure)
    return covered
