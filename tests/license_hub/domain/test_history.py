"""What stood at a past moment against a naive oracle that repaints a time line, record by record."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from license_hub.domain.history import Fact, standing
from license_hub.domain.lifecycle import STORED_STATES, State

START = datetime(2026, 1, 1, tzinfo=UTC)
STATES = sorted(STORED_STATES)


def facts_of(seed: int, events: int) -> list[Fact]:
    """Versions and acts in the order they were recorded; acts hold from some time before that."""
    rng = random.Random(seed)
    at, found = START, []
    for entry in range(events):
        at += timedelta(seconds=rng.choice((0, 1, 60, 3600, 86_400)))
        version = entry == 0 or rng.random() < 0.2
        since = None if entry == 0 else at if version else at - timedelta(seconds=rng.choice((0, 1, 3600, 86_400 * 30)))
        found.append(Fact(entry * 3 + rng.randrange(3), at, since, State(rng.choice(STATES)), version))
    return found


def painted(facts: list[Fact], moments: list[datetime], known_at: datetime) -> list[tuple[int, State] | None]:
    """The oracle: for each moment what the last painter left there."""
    line: list[list] = [[None, None] for _ in moments]
    for fact in facts:
        if fact.recorded_at <= known_at:
            for place, moment in enumerate(moments):
                if fact.since is None or moment >= fact.since:
                    line[place][1] = fact.state
                    if fact.version:
                        line[place][0] = fact.entry
    return [(version, state) if version is not None else None for version, state in line]


def check(seed: int, events: int) -> None:
    facts = facts_of(seed, events)
    rng = random.Random(-seed - 1)
    edges = [one.recorded_at for one in facts] + [one.since for one in facts if one.since]
    near = [edge + timedelta(seconds=step) for edge in rng.sample(edges, min(30, len(edges))) for step in (-1, 0, 1)]
    moments = [START - timedelta(days=400), *near, facts[-1].recorded_at + timedelta(days=1)]
    shuffled = rng.sample(facts, len(facts))
    for known_at in rng.sample(moments, 12):
        for moment, expected in zip(moments, painted(facts, moments, known_at), strict=True):
            found = standing(shuffled, moment, known_at)
            assert (found and (found.version, found.state)) == expected, (seed, moment, known_at)


@pytest.mark.parametrize("seed", range(100))
def test_standing_agrees_with_a_naive_oracle(seed):
    check(seed, 200)


@pytest.mark.nightly
def test_standing_agrees_with_a_naive_oracle_at_length():
    for seed in range(1000):
        check(seed, 500)
