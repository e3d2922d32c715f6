"""What happens in the province between the first delivery and the second: who is corrected, changed, ended, spoiled, gone.

Persons and enterprises only; the permits and titles come again as they were, and what they were held for may be settled.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .companies import SECTORS
from .ledger import Plan
from .world import World

CORRECTED_EVERY = 3
"""Of the quarantined rows of each kind, every third is corrected."""
CHANGED, ENDED, SPOILED, GONE = 25, 8, 4, 6


@dataclass(frozen=True)
class Turn:
    """Rows of one delivery and what happens to them. No row is in two of the arrays; all but `corrected` were clean before."""

    corrected: np.ndarray
    changed: np.ndarray
    """Their content changes."""
    ended: np.ndarray
    """Their status changes: persons who die, entities struck off."""
    spoiled: np.ndarray
    """They come without a name: the last trusted row stays."""
    gone: np.ndarray
    """They come with operation D (persons), or not at all (entities)."""


def of_people(world: World) -> Turn:
    """Heads of entities stay as they are, so that no reference to them breaks."""
    free = np.setdiff1d(np.intersect1d(world.adults, _clean(world.register)), world.companies.head_at)
    return _turn(np.random.default_rng([world.request.seed, 50]), world.register, free)


def of_enterprises(world: World, in_force: np.ndarray) -> Turn:
    """`in_force` says which rows of the drop have a status that may end."""
    plan = world.drops[SECTORS[0].label]
    return _turn(np.random.default_rng([world.request.seed, 51]), plan, np.intersect1d(_clean(plan), np.flatnonzero(in_force)))


def _clean(plan: Plan) -> np.ndarray:
    """Rows that carry no kind at all."""
    return np.setdiff1d(np.arange(len(plan.sound)), np.concatenate(list(plan.rows.values())))


def _turn(rng: np.random.Generator, plan: Plan, free: np.ndarray) -> Turn:
    rejected = [plan.rows[kind.name][::CORRECTED_EVERY] for kind in plan.kinds if kind.outcome == "quarantined"]
    chosen = rng.choice(free, CHANGED + ENDED + SPOILED + GONE, replace=False)
    parts = np.split(chosen, np.cumsum([CHANGED, ENDED, SPOILED]))
    return Turn(np.sort(np.concatenate(rejected)), *(np.sort(part) for part in parts))


def replanned(plan: Plan, turn: Turn, nameless: str) -> Plan:
    """The plan of the second drop: corrected rows carry nothing, spoiled ones the kind `nameless`."""
    rejecting = {kind.name for kind in plan.kinds if kind.outcome == "quarantined"}
    rows = {name: np.setdiff1d(found, turn.corrected) if name in rejecting else found for name, found in plan.rows.items()}
    rows[nameless] = np.union1d(rows[nameless], turn.spoiled)
    return replace(plan, rows=rows)


def settled(missing: np.ndarray, corrected: np.ndarray, named: int) -> int:
    """How many of `named` rows, which name the missing holders in turn, name one who is now corrected."""
    return int(np.isin(missing[np.arange(named) % len(missing)], corrected).sum())
