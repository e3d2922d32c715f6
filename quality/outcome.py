"""What one rule found in one batch."""

from __future__ import annotations

from dataclasses import dataclass

from catalogs.model import Rule


@dataclass(frozen=True)
class Outcome:
    """Rule × batch. `evaluated` = rows (or batches) with a verdict, failed ones included; `undefined` = rows without one."""

    rule: Rule
    evaluated: int
    failed: int
    undefined: int
    errored: int = 0
    skipped: int = 0
    detail: str = ""
    """Why there are no counts. Never a value."""


def errored(rule: Rule, kind: str) -> Outcome:
    """The rule's SQL failed; nothing is known about the data."""
    return Outcome(rule, 0, 0, 0, errored=1, detail=kind)


def skipped(rule: Rule, why: str) -> Outcome:
    return Outcome(rule, 0, 0, 0, skipped=1, detail=why)
