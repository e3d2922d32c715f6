"""The sample province's people, as compact arrays: who exists, before any department writes them down.

A person is a few small integers, so that five million fit in some 120 MB; departments render the rows they need.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from . import checkdigits, vocabulary
from .columns import day, digits, draw, join, pick, strings
from .places import Places

MIDDLE_DOT = "·"
SEQUENCES = 500
"""Sequence numbers a division has for one sex on one day (odd = male, even = female)."""


@dataclass(frozen=True)
class People:
    """Arrays of one entry a person; `*_at` are indexes into a word list, days count from 1970-01-01."""

    places: Places
    born_on: np.ndarray
    male: np.ndarray
    county_at: np.ndarray
    """Division of the identity number (where first registered)."""
    home_at: np.ndarray
    """County of today's household registration."""
    sequence: np.ndarray
    surname_at: np.ndarray
    given_at: np.ndarray
    """First and second given-name character, shape (n, 2); -1 = none."""
    ethnicity_at: np.ndarray
    died_on: np.ndarray
    """-1 = alive."""
    seed: int

    def __len__(self) -> int:
        return len(self.born_on)

    def number_matrix(self, rows: np.ndarray) -> np.ndarray:
        """18-digit numbers as an ASCII matrix."""
        days = self.born_on[rows].astype("datetime64[D]")
        years = days.astype("datetime64[Y]")
        months = days.astype("datetime64[M]")
        written = (years.astype(np.int64) + 1970) * 10_000
        written += ((months - years.astype("datetime64[M]")).astype(np.int64) + 1) * 100
        written += (days - months.astype("datetime64[D]")).astype(np.int64) + 1
        out = np.empty((len(rows), 18), dtype=np.uint8)
        out[:, :6] = digits(self.places.county_numbers[self.county_at[rows]], 6)
        out[:, 6:14] = digits(written, 8)
        out[:, 14:17] = digits(self.sequence[rows], 3)
        out[:, 17] = checkdigits.citizen(out[:, :17])
        return out

    def numbers(self, rows: np.ndarray) -> pa.Array:
        """18-digit numbers as text."""
        return strings(self.number_matrix(rows))

    def names(self, rows: np.ndarray) -> pa.Array:
        """Surname and given name."""
        surname = pick(vocabulary.SURNAMES[0], self.surname_at[rows])
        return join(surname, *(_given(self.given_at[rows, place]) for place in (0, 1)))


def _given(index: np.ndarray) -> pa.Array:
    words = [word for cohort in vocabulary.MALE + vocabulary.FEMALE for word in cohort[0]]
    return pick([*words, ""], np.where(index < 0, len(words), index))


def make(places: Places, size: int, seed: int, as_of: date) -> People:
    """Draw the people alive, or dead within living memory, on that day."""
    rng = np.random.default_rng([seed, 1])
    today = day(as_of)
    born_on = _births(rng, size, today)
    male = rng.random(size) < 0.512
    county_at = rng.choice(len(places.counties), size, p=places.shares).astype(np.int16)
    moved = rng.random(size) < 0.18
    home_at = np.where(moved, rng.choice(len(places.counties), size, p=places.shares), county_at).astype(np.int16)
    return People(
        places=places,
        born_on=born_on,
        male=male,
        county_at=county_at,
        home_at=home_at,
        sequence=_sequences(born_on, county_at, male),
        surname_at=draw(rng, vocabulary.SURNAMES, size).astype(np.int16),
        given_at=_given_names(rng, born_on, male),
        ethnicity_at=draw(rng, vocabulary.ETHNICITIES, size).astype(np.int8),
        died_on=_deaths(rng, born_on, today),
        seed=seed,
    )


def _births(rng: np.random.Generator, size: int, today: int) -> np.ndarray:
    groups = draw(rng, (tuple(map(str, range(19))), vocabulary.AGE_GROUPS), size)
    return (today - 30 - groups.astype(np.int64) * 1826 - rng.integers(0, 1826, size)).astype(np.int32)


def _deaths(rng: np.random.Generator, born_on: np.ndarray, today: int) -> np.ndarray:
    """Deaths of the last five years that a register still carries; likelier with age (about 1 in 9 a decade past 60)."""
    age = (today - born_on) / 365.25
    risk = np.minimum(0.6, 0.0012 * np.exp(np.maximum(0, age - 30) / 13))
    died = today - 1 - rng.integers(0, 1826, len(born_on))
    return np.where((rng.random(len(born_on)) < risk) & (died > born_on), died, -1).astype(np.int32)


def _sequences(born_on: np.ndarray, county_at: np.ndarray, male: np.ndarray) -> np.ndarray:
    """A sequence number of the right parity, unique within division, day and sex. Raises ValueError where a day is over-full."""
    cell = (born_on.astype(np.int64) - born_on.min()) * 4096 + county_at.astype(np.int64) * 2 + male
    order = np.argsort(cell, kind="stable")
    ordered = cell[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    rank = np.arange(len(ordered)) - np.repeat(starts, np.diff(np.r_[starts, len(ordered)]))
    if rank.max() >= SEQUENCES:
        raise ValueError(f"more than {SEQUENCES} births of one sex on one day in one county: generate fewer persons")
    sequence = np.empty(len(cell), dtype=np.int16)
    scattered = (rank * 137 + ordered % 499) % SEQUENCES
    sequence[order] = np.where(male[order], scattered * 2 + 1, scattered * 2)
    return sequence


def _given_names(rng: np.random.Generator, born_on: np.ndarray, male: np.ndarray) -> np.ndarray:
    """Characters by sex and cohort; some names have one only."""
    size = len(born_on)
    given = np.full((size, 2), -1, dtype=np.int16)
    cohort = np.searchsorted([day(date(year, 1, 1)) for year in vocabulary.COHORT_STARTS], born_on, side="right")
    single = rng.random(size) < np.asarray(vocabulary.ONE_CHARACTER_SHARE)[cohort]
    offset = 0
    for sex, cohorts in ((True, vocabulary.MALE), (False, vocabulary.FEMALE)):
        for number, words in enumerate(cohorts):
            rows = np.flatnonzero((male == sex) & (cohort == number))
            given[rows, 0] = draw(rng, words, len(rows)) + offset
            given[rows, 1] = np.where(single[rows], -1, draw(rng, words, len(rows)) + offset)
            offset += len(words[0])
    return given
