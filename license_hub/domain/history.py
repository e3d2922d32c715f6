"""What stood of a license at a past moment, as it was known at another: pure, over everything that was ever recorded of it.

Two times, apart: `valid_at` is the moment asked about, `known_at` the moment whose knowledge answers.
- Known is what was recorded by `known_at` (inclusive).
- Of what is known, a fact holds from its `since` on, and a later record overrides an earlier one from there on: so a revocation noticed
  today with effect from last month changes what we say now of last week, and not what we said last week.
- The first version reaches back without limit (its own dates say when it begins); a later version holds from when it was recorded.
- A status act holds from the day its notice names (Shanghai midnight), an act by publication from when it was recorded.
- A version starts in the state it was issued in; so does the state of its license.

Source: design.md decision 12; issue 3 §2.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time

from license_hub.domain.lifecycle import SHANGHAI, State


@dataclass(frozen=True)
class Fact:
    """A version or a status act. `since` None: without limit backwards."""

    entry: int
    """Place in the log: the order in which things became known."""
    recorded_at: datetime
    since: datetime | None
    state: State
    version: bool
    """It is a version; else an act on the license."""


@dataclass(frozen=True)
class Standing:
    """`version`: entry of the version that stood; `decisive`: entry of the fact that gave the state."""

    version: int
    decisive: int
    state: State


def standing(facts: Iterable[Fact], valid_at: datetime, known_at: datetime) -> Standing | None:
    """What stood then; None where nothing was known of the license."""
    version: Fact | None = None
    decisive: Fact | None = None
    for fact in facts:
        if fact.recorded_at > known_at or (fact.since is not None and fact.since > valid_at):
            continue
        if fact.version and (version is None or fact.entry > version.entry):
            version = fact
        if decisive is None or fact.entry > decisive.entry:
            decisive = fact
    return Standing(version.entry, decisive.entry, decisive.state) if version and decisive else None


def begins(day: date) -> datetime:
    """The instant a day begins in Shanghai."""
    return datetime.combine(day, time(), SHANGHAI)
