"""What became of a batch: the names of the command line's JSON, in its order."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace

from quality.outcome import Outcome
from quality.verdicts import Tally


@dataclass(frozen=True)
class BatchReport:
    batch: str
    publication: int | None
    """Number of the publication made, or of the head it equals; None where the gate stopped it."""
    published: bool
    noop: bool
    gate: str
    """pass | stopped | accepted"""
    read: int
    trusted: int
    quarantined: int
    superseded: int
    deleted: int
    removed: int
    carried: int
    """Head rows that stay from the publication before, stale ones included."""
    warned: int
    rules: Mapping[str, Mapping[str, object]]
    """Rule id → severity, failed."""
    quarantine: str
    """Path of the quarantine file, relative to the lake."""
    seconds: Mapping[str, float]
    partition: str
    changes: Sequence[int] = ()
    """Numbers of the approved changes it went by (quality/changes.py)."""

    def stored(self) -> dict:
        """As the database keeps it."""
        return asdict(self)

    def counts(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in COUNTS}


COUNTS = ("read", "trusted", "quarantined", "superseded", "deleted", "removed", "carried", "warned")


def make(
    batch: str,
    partition: str,
    tally: Tally,
    outcomes: Sequence[Outcome],
    *,
    gate: str,
    removed: int,
    carried: int,
    quarantine: str,
    seconds: Mapping[str, float],
    changes: Sequence[int] = (),
) -> BatchReport:
    """The report of a batch that is not published (yet)."""
    return BatchReport(
        batch=batch, publication=None, published=False, noop=False, gate=gate, removed=removed, carried=carried, quarantine=quarantine,
        partition=partition, seconds=seconds, rules=failed_by_rule(outcomes), changes=list(changes), **asdict(tally),
    )  # fmt: skip


def failed_by_rule(outcomes: Sequence[Outcome]) -> dict[str, dict[str, object]]:
    return {one.rule.id: {"severity": one.rule.severity, "failed": one.failed} for one in outcomes}


def as_noop(head: BatchReport, batch: str, seconds: Mapping[str, float]) -> BatchReport:
    """A delivery equal to the head repeats the head's publication and balance."""
    return replace(head, batch=batch, published=False, noop=True, gate="pass", seconds=seconds)


@dataclass
class Stopwatch:
    """Seconds by stage; a monotonic timer, not the clock."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def lap(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = round(self.seconds.get(name, 0.0) + time.perf_counter() - began, 3)
