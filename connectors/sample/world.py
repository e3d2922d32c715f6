"""The made-up province before any department writes it down: who lives there, what is registered, and what is wrong with it.

The same request always gives the same world, so that a later delivery can be told from the request of the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np

from . import companies, legal_entity, people, places, population
from .columns import day
from .companies import SECTORS, Companies
from .ledger import Plan
from .people import People

LEAST_PERSONS = 2000
"""Fewer persons cannot carry every kind of defect and stay below the gate's share of rejects."""

MOST_DEAD = 500
"""Dead persons whom entities name as their heads."""


@dataclass(frozen=True)
class Request:
    """What to generate."""

    persons: int
    seed: int
    as_of: date


@dataclass(frozen=True)
class World:
    request: Request
    people: People
    register: Plan
    """What is wrong with the population delivery."""
    adults: np.ndarray
    """Rows of living persons of 20 to 90 years about whom the population delivery leaves no doubt."""
    companies: Companies
    drops: Mapping[str, Plan]
    """What is wrong with each sector's drop, by the sector's label."""

    @property
    def lost_people(self) -> np.ndarray:
        """Rows of persons the population base must not trust."""
        return np.flatnonzero(self.register.lost)

    @property
    def dead(self) -> np.ndarray:
        """Rows of persons the population base trusts and knows to be dead."""
        return _dead(self.people, self.register)

    @property
    def sound_companies(self) -> np.ndarray:
        return np.concatenate([self.companies.of(sector)[self.drops[sector.label].sound] for sector in SECTORS])

    @cached_property
    def standing(self) -> np.ndarray:
        """By entity: whether its drop says that it still is one."""
        found = np.zeros(len(self.companies), dtype=bool)
        for sector in SECTORS:
            rows = self.companies.of(sector)
            found[rows] = legal_entity.standing(self.companies, self.people, rows, self.request.as_of)
        return found

    @property
    def lost_companies(self) -> np.ndarray:
        """Rows of entities the legal-entity base must not trust."""
        return np.concatenate([self.companies.of(sector)[self.drops[sector.label].lost] for sector in SECTORS])


def imagine(request: Request) -> World:
    """Raises ValueError for too few persons, or too many for the calendar."""
    if request.persons < LEAST_PERSONS:
        raise ValueError(f"at least {LEAST_PERSONS} persons, not {request.persons}")
    province = people.make(places.load(), request.persons, request.seed, request.as_of)
    register = population.plan(province, request.as_of)
    age = (day(request.as_of) - province.born_on) / 365.25
    adults = np.flatnonzero(register.sound & (province.died_on < 0) & (age > 20) & (age < 90))
    entities = companies.make(province, adults, request.as_of)
    dead = _dead(province, register)[:MOST_DEAD]
    drops = {sector.label: legal_entity.plan(entities, province, sector, dead) for sector in SECTORS}
    return World(request, province, register, adults, entities, drops)


def _dead(province: People, register: Plan) -> np.ndarray:
    return np.flatnonzero(register.sound & (province.died_on >= 0))
