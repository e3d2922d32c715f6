"""What quality work goes by: who answers for a row, indicators, their weights, and how tickets run. Part of `catalogs.model`'s Catalog."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Responsible:
    """Where a row says who answers for it: its registering organ (a field, or the registrar of a credit code) and the division."""

    organ: str | None = None
    registrar_of: str | None = None
    division: str | None = None


@dataclass(frozen=True)
class Indicator:
    """One of GB/T 36344's twenty. `good`: high or low; `counts`: how A and B are counted (catalogs/indicators.yaml)."""

    code: str
    title: str
    english: str
    good: str
    counts: str

    @property
    def dimension(self) -> str:
        return self.code[:2]


@dataclass(frozen=True)
class Weights:
    """What each indicator counts in a score. `resources` hold what differs from `default`."""

    version: str
    default: Mapping[str, float]
    resources: Mapping[str, Mapping[str, float]]
    source: str
    since: str

    def of(self, resource: str) -> Mapping[str, float]:
        """Indicator → weight, for one resource."""
        return {**self.default, **self.resources.get(resource, {})}


@dataclass(frozen=True)
class TicketPolicy:
    """How tickets run; days are working days unless they say otherwise. `days`: by kind (rule, correction, delivery); `reasons`: act →
    code → sentence; `doubts`: why somebody asks for a 校核, `purposes`: what rows are shown unmasked for, both code → sentence."""

    days: Mapping[str, int]
    extension_days: int
    remind_before: tuple[int, ...]
    escalate_after: int
    reopens_within_days: int
    """Calendar days in which a closed ticket opens again when the old value returns; later it takes a new one."""
    reasons: Mapping[str, Mapping[str, str]]
    doubts: Mapping[str, str]
    purposes: Mapping[str, str]
    source: str
    since: str


@dataclass(frozen=True)
class Bounds:
    least: float
    most: float


@dataclass(frozen=True)
class Lock:
    """Reject rules nobody may loosen. `of`: row, key or license (catalogs/changes.yaml)."""

    of: str
    checks: tuple[str, ...]
    because: str
    """In Chinese, for people."""


@dataclass(frozen=True)
class ChangePolicy:
    """What may be changed over the files. `thresholds`: check → params; `limits`: name → bounds."""

    thresholds: Mapping[str, tuple[str, ...]]
    limits: Mapping[str, Bounds]
    weights: Bounds
    locked: tuple[Lock, ...]
    source: str
    since: str
