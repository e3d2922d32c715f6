"""The health department's birth certificates: children of the population, and newborns whom no register has yet."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from . import companies, headers, ledger
from . import misspellings as wrong
from .columns import dates, day, digits, draw, join, pick, strings
from .ledger import CONFLICT, Columns, Kind, Ledger
from .marriage import Couples, couples, elsewhere, first, instead, strangers
from .places import Places
from .world import World

NUMBER, NAME, SEX, BORN, CHILD, NAMES, NUMBERS, PLACE, PLACE_CODE, DIVISION, ISSUED, STATUS = headers.BIRTH
KEY = NUMBER
OLDEST, NEWEST = 18, 28
"""Years back to which certificates are kept as data; days for which a newborn is without a number."""
NEWBORN, LEAST = 0.004, 60
"""Newborns per person."""
STATUSES = (("有效", "撤销"), (995, 5))
ATTEMPTS = 16
"""Couples tried for each child, until one has its surname."""
BAD = "quarantined"


def deliver(world: World, entries: Ledger) -> Columns:
    """All certificates, the newborns' after the children's, the repeated rows last."""
    people, today = world.people, day(world.request.as_of)
    rng = np.random.default_rng([people.seed, 65])
    pairs = couples(world)
    children = np.flatnonzero(world.register.sound & (people.died_on < 0) & (today - people.born_on < OLDEST * 365))
    newborns = max(LEAST, round(NEWBORN * len(people)))
    models = rng.choice(children, newborns)
    born = np.concatenate([people.born_on[children], today - 2 - rng.integers(1, NEWEST, newborns)])
    surname = np.concatenate([people.surname_at[children], people.surname_at[models]])
    parents = _parents(rng, world, pairs, born, surname)
    found = np.flatnonzero(parents >= 0)
    shown = np.concatenate([children, models])
    columns = _render(rng, world, pairs, parents[found], shown[found], born[found], found >= len(children))
    plan = ledger.plan(np.random.default_rng([people.seed, 66]), len(found), kinds(people.places), {"numbered": found < len(children)})
    spoilt, repeated = ledger.spoil(columns, 0, plan, entries, KEY)
    return ledger.appended(spoilt, repeated)


def _parents(rng: np.random.Generator, world: World, pairs: Couples, born: np.ndarray, surname: np.ndarray) -> np.ndarray:
    """A couple for each child whose mother was 21 to 40, by preference one of its surname; -1 where there is none."""
    mothers = world.people.born_on[pairs.wives]
    order = np.argsort(mothers)
    low = np.searchsorted(mothers[order], born - 40 * 365)
    high = np.searchsorted(mothers[order], born - 21 * 365)
    drawn = low[:, None] + (rng.random((len(born), ATTEMPTS)) * (high - low)[:, None]).astype(np.int64)
    candidates = order[np.clip(drawn, 0, len(order) - 1)]
    like = world.people.surname_at[pairs.husbands][candidates] == surname[:, None]
    return np.where(high > low, candidates[np.arange(len(born)), np.argmax(like, axis=1)], -1)


def _render(
    rng: np.random.Generator, world: World, pairs: Couples, parents: np.ndarray, shown: np.ndarray, born: np.ndarray, newborn: np.ndarray
) -> Columns:
    """`shown` are rows of the children themselves; of a newborn, the row its given name and sex are taken from."""
    people, places, size = world.people, world.people.places, len(parents)
    father, mother = pairs.husbands[parents], pairs.wives[parents]
    named = replace(
        people, surname_at=np.where(newborn, people.surname_at[father], people.surname_at[shown]), given_at=people.given_at[shown]
    )
    county = people.home_at[mother]
    issued = np.minimum(day(world.request.as_of) - 1, born + rng.integers(1, 12, size))
    return {
        NUMBER: join("T", strings(digits(100_000_000 + np.arange(1, size + 1), 9))),
        NAME: named.names(np.arange(size)),
        SEX: pick(("女", "男"), people.male[shown].astype(np.int8)),
        BORN: dates(born),
        CHILD: pc.if_else(pa.array(newborn), pa.scalar(None, pa.string()), people.numbers(shown)),
        NAMES: join(people.names(mother), ";", people.names(father)),
        NUMBERS: join(people.numbers(mother), ";", people.numbers(father)),
        PLACE: pick([f"{one.city}{one.name}妇幼保健院（样例）" for one in places.counties], county),
        PLACE_CODE: _hospital_codes(places).take(pa.array(county)),
        DIVISION: pick(places.codes, county),
        ISSUED: dates(issued),
        STATUS: pick(STATUSES[0], draw(rng, STATUSES, size)),
    }


def _hospital_codes(places: Places) -> pa.Array:
    prefixes = np.tile(np.frombuffer(b"12", dtype=np.uint8), (len(places.codes), 1))
    return strings(companies.code_matrix(prefixes, places.county_numbers, np.arange(1, len(places.codes) + 1), b"YH"))


def _r(*names: str) -> tuple[str, ...]:
    return tuple(f"birth.{name}" for name in names)


def kinds(places: Places) -> tuple[Kind, ...]:
    return (
        Kind("padded_number", wrong.padded(NUMBER), share=0.02),
        Kind("lower_case_number", wrong.lowered(NUMBER), share=0.02),
        Kind("born_without_dashes", wrong.spelt(BORN, "{y:04d}{m:02d}{d:02d}"), share=0.05),
        Kind("number_missing", wrong.lacking(NUMBER), _r("certificate_no.not_null"), BAD),
        Kind("child_name_missing", wrong.lacking(NAME), _r("child_name.not_null"), BAD),
        Kind("sex_unknown", wrong.saying(SEX, "不详"), _r("sex.in_codes"), BAD),
        Kind("parents_missing", wrong.lacking(NUMBERS), _r("holder_numbers.not_null"), BAD),
        Kind("one_number_only", lambda row, n: {NUMBERS: first(row[NUMBERS])}, _r("holder_numbers.same_count"), BAD),
        Kind("issued_unreadable", wrong.saying(ISSUED, "2024-02-30"), _r("issued_on.not_null", "issued_on.parsed"), BAD),
        Kind("place_code_wrong", wrong.miscoded(PLACE_CODE), _r("institution_code.check_digit"), BAD),
        Kind("number_misspelt", lambda row, n: {NUMBER: f"出证{row[NUMBER][1:]}"}, _r("certificate_no.pattern")),
        Kind("issued_before_birth", lambda row, n: {ISSUED: wrong.shifted(row[BORN], -3)}, _r("issued_on.after_birth")),
        Kind("child_wrong_check", wrong.misnumbered(CHILD), _r("child_number.check_digit"), among="numbered"),
        Kind("division_unknown", wrong.saying(DIVISION, *places.unknown), _r("division.known")),
        Kind(
            "mother_elsewhere", lambda row, n: instead(row, NUMBERS, elsewhere(first(row[NUMBERS]), n)),
            _r("holder_numbers.reference"), share=0.01,
        ),
        Kind(
            "mother_unknown", lambda row, n: instead(row, NUMBERS, strangers(first(row[NUMBERS]))),
            _r("holder_numbers.reference"), license="held",
        ),
        Kind(
            "mother_renamed", lambda row, n: instead(row, NAMES, f"{first(row[NAMES])}某"),
            _r("holder_names.agrees_person"), license="held",
        ),
        Kind("identical_twin", lambda row, n: {}, repeats=True, share=0.004),
        Kind("conflicting_twin", wrong.saying(PLACE, "样例人民医院"), _r(f"key.{CONFLICT}"), repeats=True),
    )  # fmt: skip
