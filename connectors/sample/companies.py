"""The sample province's legal entities: enterprises (9199…), public institutions (1299…) and social organisations (5199…)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from . import checkdigits, vocabulary
from .columns import day, digits, draw, join, letters, pick, strings
from .people import People

MAIN_WIDTH = 6
_SCATTER = 486_187_739
"""Odd and no multiple of 31: multiplying by it permutes the numbers below 31**6."""


@dataclass(frozen=True)
class Sector:
    """One kind of legal entity, delivered as one partition."""

    code: str
    """Code of the entity_kind table."""
    label: str
    file_name: str
    prefixes: tuple[str, ...]
    """First two characters of the credit code."""
    office: str
    share: float
    """Entities per person."""
    least: int
    oldest: date


SECTORS = (
    Sector("1", "企业", "legal_entity_1_enterprise.csv", ("91", "91", "91", "93"), "market", 0.08, 1000, date(1985, 1, 1)),
    Sector("2", "事业单位", "legal_entity_2_institution.csv", ("12",), "establishment", 0.01, 240, date(1952, 1, 1)),
    Sector("3", "社会组织", "legal_entity_3_association.csv", ("51", "52", "52", "53"), "civil", 0.01, 240, date(1989, 1, 1)),
)


@dataclass(frozen=True)
class Companies:
    """Arrays of one entry an entity, sector after sector; days count from 1970-01-01."""

    sector_at: np.ndarray
    county_at: np.ndarray
    codes: pa.Array
    names: pa.Array
    trades: pa.Array
    head_at: np.ndarray
    """Row of the legal representative among the people."""
    established_on: np.ndarray
    approved_on: np.ndarray

    def __len__(self) -> int:
        return len(self.sector_at)

    def of(self, sector: Sector) -> np.ndarray:
        """Rows of a sector."""
        return np.flatnonzero(self.sector_at == SECTORS.index(sector))


def make(people: People, heads: np.ndarray, as_of: date) -> Companies:
    """Draw the entities; `heads` are the persons who may represent one."""
    rng = np.random.default_rng([people.seed, 10])
    sizes = [max(sector.least, round(sector.share * len(people))) for sector in SECTORS]
    sector_at = np.repeat(np.arange(len(SECTORS)), sizes)
    size, latest = len(sector_at), day(as_of) - 40
    county_at = rng.choice(len(people.places.counties), size, p=people.places.shares)
    oldest = np.array([day(sector.oldest) for sector in SECTORS])[sector_at]
    established = latest - ((latest - oldest) * rng.random(size) ** 1.8).astype(np.int64)
    names, trades = _names(rng, people, sector_at, county_at)
    return Companies(
        sector_at=sector_at,
        county_at=county_at,
        codes=strings(_codes(rng, people, sector_at, county_at)),
        names=names,
        trades=trades,
        head_at=rng.choice(heads, size),
        established_on=established,
        approved_on=established + ((latest + 30 - established) * rng.random(size)).astype(np.int64),
    )


def code_matrix(prefixes: np.ndarray, divisions: np.ndarray, serials: np.ndarray, mark: bytes = b"MA") -> np.ndarray:
    """Credit codes with both check characters right: prefix (two characters), division number, mark and serial."""
    main = np.empty((len(serials), 8), dtype=np.uint8)
    main[:, :2] = np.frombuffer(mark, dtype=np.uint8)
    main[:, 2:] = letters(serials * _SCATTER % len(checkdigits.CREDIT_ALPHABET) ** MAIN_WIDTH, MAIN_WIDTH, checkdigits.CREDIT_ALPHABET)
    body = np.hstack([prefixes, digits(divisions, 6), main, checkdigits.organ(main)[:, None]])
    return np.hstack([body, checkdigits.credit(body)[:, None]])


def _codes(rng: np.random.Generator, people: People, sector_at: np.ndarray, county_at: np.ndarray) -> np.ndarray:
    chosen = rng.integers(0, 4, len(sector_at))
    table = [[sector.prefixes[n % len(sector.prefixes)] for n in range(4)] for sector in SECTORS]
    prefixes = np.array(table, dtype="S2")[sector_at, chosen].view(np.uint8).reshape(-1, 2)
    return code_matrix(prefixes, people.places.county_numbers[county_at], np.arange(1, len(sector_at) + 1))


def _names(rng: np.random.Generator, people: People, sector_at: np.ndarray, county_at: np.ndarray) -> tuple[pa.Array, pa.Array]:
    size, places = len(sector_at), people.places
    city = pick([county.city for county in places.counties], county_at)
    county = pick([county.name for county in places.counties], county_at)
    brands = [rng.integers(0, len(vocabulary.BRANDS), size) for _ in range(2)]
    brands[1] = np.where(brands[0] == brands[1], (brands[1] + 1) % len(vocabulary.BRANDS), brands[1])
    brand = join(*(pick(vocabulary.BRANDS, index) for index in brands))
    trades = pick(vocabulary.TRADES[0], draw(rng, vocabulary.TRADES, size))
    form = pick(vocabulary.COMPANY_FORMS[0], draw(rng, vocabulary.COMPANY_FORMS, size))
    enterprise = join(city, brand, trades, form)
    institution = join(city, county, pick(vocabulary.INSTITUTIONS[0], draw(rng, vocabulary.INSTITUTIONS, size)))
    association = join(city, brand, pick(vocabulary.ASSOCIATIONS[0], draw(rng, vocabulary.ASSOCIATIONS, size)))
    choices = pa.chunked_array([pa.concat_arrays([enterprise, institution, association])]).combine_chunks()
    return choices.take(pa.array(sector_at * size + np.arange(size))), trades
