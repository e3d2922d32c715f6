"""The civil-affairs department's marriages: who is married to whom, and what was dissolved. Both partners are people of the population."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from . import headers, ledger
from . import misspellings as wrong
from .columns import dates, day, digits, draw, join, pick, strings
from .ledger import CONFLICT, Columns, Kind, Ledger, Row
from .places import Places
from .world import World

NUMBER, KIND, NAMES, NUMBERS, REGISTERED, DIVISION, ORGAN, ORGAN_CODE, STATUS = headers.MARRIAGE
KEY = NUMBER
MARRIED, DIVORCED = 0.75, 0.08
"""Share of the men who are or were married, and of the marriages that were dissolved."""
AGE = 22 * 365.25
"""Days before which nobody marries."""
SEPARATORS = (";", "、", "；")
BAD = "quarantined"


@dataclass(frozen=True)
class Couples:
    """Arrays of one entry a marriage: rows of the people, days since 1970."""

    husbands: np.ndarray
    wives: np.ndarray
    registered: np.ndarray
    dissolved: np.ndarray
    """-1 = still married."""

    def __len__(self) -> int:
        return len(self.husbands)


def couples(world: World) -> Couples:
    """Adults of about one age, each in one marriage at most; the same for a world every time."""
    people, rng = world.people, np.random.default_rng([world.people.seed, 60])
    latest = day(world.request.as_of) - 1
    grown = world.adults[latest - people.born_on[world.adults] > AGE + 400]
    men, women = (_by_age(rng, people.born_on, grown[people.male[grown] == male]) for male in (True, False))
    size = min(len(men), len(women))
    chosen = np.sort(rng.choice(size, round(size * MARRIED), replace=False))
    men, women = men[chosen], women[chosen]
    first = np.maximum(people.born_on[men], people.born_on[women]) + int(AGE)
    registered = np.minimum(latest - 60, first + (rng.gamma(2.0, 900.0, len(men))).astype(np.int64))
    dissolved = np.where(
        rng.random(len(men)) < DIVORCED, registered + 1 + ((latest - registered) * rng.random(len(men))).astype(np.int64), -1
    )
    return Couples(men, women, np.maximum(registered, first), np.minimum(dissolved, latest))


def _by_age(rng: np.random.Generator, born_on: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return rows[np.argsort(born_on[rows] + rng.integers(-1200, 1200, len(rows)))]


def deliver(world: World, entries: Ledger) -> Columns:
    """The whole register: marriages, then divorces, the repeated rows last."""
    people, pairs = world.people, couples(world)
    ended = np.flatnonzero(pairs.dissolved >= 0)
    at = np.concatenate([np.arange(len(pairs)), ended])
    divorce = np.arange(len(at)) >= len(pairs)
    rng = np.random.default_rng([people.seed, 61])
    columns = _render(rng, world, pairs, at, divorce)
    dead = list(zip(people.numbers(world.dead[:200]).to_pylist(), people.names(world.dead[:200]).to_pylist(), strict=True))
    groups = {"married": ~divorce & (pairs.dissolved[at] < 0)}
    plan = ledger.plan(np.random.default_rng([people.seed, 62]), len(at), kinds(people.places, dead), groups)
    spoilt, repeated = ledger.spoil(columns, 0, plan, entries, KEY)
    return ledger.appended(spoilt, repeated)


def _render(rng: np.random.Generator, world: World, pairs: Couples, at: np.ndarray, divorce: np.ndarray) -> Columns:
    people, places = world.people, world.people.places
    days = np.where(divorce, pairs.dissolved[at], pairs.registered[at])
    county = people.home_at[pairs.husbands[at]]
    separator = pick(SEPARATORS, draw(rng, (SEPARATORS, (80, 15, 5)), len(at)))
    serial = strings(digits(np.arange(1, len(at) + 1), 6))
    status = np.where(divorce, 0, (pairs.dissolved[at] >= 0).astype(np.int8))
    return {
        NUMBER: join(pick(("J", "L"), divorce.astype(np.int8)), pick(places.codes, county), "-", dates(days, "%Y"), "-", serial),
        KIND: pick(("结婚", "离婚"), divorce.astype(np.int8)),
        NAMES: join(people.names(pairs.husbands[at]), separator, people.names(pairs.wives[at])),
        NUMBERS: join(people.numbers(pairs.husbands[at]), separator, people.numbers(pairs.wives[at])),
        REGISTERED: dates(days),
        DIVISION: pick(places.codes, county),
        ORGAN: pick(places.organ_names("civil"), county),
        ORGAN_CODE: pick(places.organs("civil"), county),
        STATUS: pick(("有效", "已解除"), status),
    }


def _r(*names: str) -> tuple[str, ...]:
    return tuple(f"marriage.{name}" for name in names)


def first(cell: str) -> str:
    """The first entry of a list."""
    return min((cell.split(separator)[0] for separator in SEPARATORS), key=len)


def instead(row: Row, header: str, value: str) -> Row:
    """The list with another first entry."""
    return {header: value + row[header][len(first(row[header])) :]}


def strangers(number: str) -> str:
    """A number of this province whom no register knows: born in the 18th century."""
    return wrong.renumbered(f"{number[:6]}17{number[8:17]}")


def elsewhere(number: str, n: int) -> str:
    """A number of another made-up province, 98xxxx."""
    return wrong.renumbered(f"98{n % 80:02d}01{number[6:17]}")


def kinds(places: Places, dead: Sequence[tuple[str, str]]) -> tuple[Kind, ...]:
    """All kinds; `dead` are numbers and names of persons whom the population knows to be dead."""
    died = {"among": "married", "share": 0.004}
    return (
        Kind("padded_number", wrong.padded(NUMBER), share=0.02),
        Kind("lower_case_numbers", wrong.lowered(NUMBERS), share=0.02),
        Kind("registered_without_dashes", wrong.spelt(REGISTERED, "{y:04d}{m:02d}{d:02d}"), share=0.05),
        Kind("registered_in_chinese", wrong.spelt(REGISTERED, "{y}年{m}月{d}日"), share=0.05),
        Kind("number_missing", wrong.lacking(NUMBER), _r("certificate_no.not_null"), BAD),
        Kind("kind_unknown", wrong.saying(KIND, "补领"), _r("kind.in_codes"), BAD),
        Kind("names_missing", wrong.lacking(NAMES), _r("holder_names.not_null"), BAD),
        Kind("numbers_missing", wrong.lacking(NUMBERS), _r("holder_numbers.not_null"), BAD),
        Kind("one_partner", lambda row, n: {one: first(row[one]) for one in (NAMES, NUMBERS)}, _r("holder_numbers.two"), BAD),
        Kind("registered_unreadable", wrong.saying(REGISTERED, "2019-02-30"), _r("registered_on.not_null", "registered_on.parsed"), BAD),
        Kind("registered_in_future", lambda row, n: {REGISTERED: wrong.far(n)}, _r("registered_on.not_future"), BAD),
        Kind("organ_code_wrong", wrong.miscoded(ORGAN_CODE), _r("organ_code.check_digit"), BAD),
        Kind("status_unknown", wrong.saying(STATUS, "待定"), _r("status.in_codes"), BAD),
        Kind("number_misspelt", lambda row, n: {NUMBER: f"字第{row[NUMBER][1:]}"}, _r("certificate_no.pattern", "kind.agrees_number")),
        Kind("division_unknown", wrong.saying(DIVISION, *places.unknown), _r("division.known")),
        Kind("organ_missing", wrong.lacking(ORGAN), _r("organ_name.not_null")),
        Kind(
            "partner_elsewhere", lambda row, n: instead(row, NUMBERS, elsewhere(first(row[NUMBERS]), n)),
            _r("holder_numbers.reference"), share=0.01,
        ),
        Kind(
            "partner_unknown", lambda row, n: instead(row, NUMBERS, strangers(first(row[NUMBERS]))),
            _r("holder_numbers.reference"), license="held",
        ),
        Kind(
            "partner_renamed", lambda row, n: instead(row, NAMES, f"{first(row[NAMES])}某"),
            _r("holder_names.agrees_person"), license="held",
        ),
        Kind(
            "partner_dead",
            lambda row, n: instead(row, NUMBERS, dead[n % len(dead)][0]) | instead(row, NAMES, dead[n % len(dead)][1]),
            _r("holder_numbers.standing"), **died,
        ),
        Kind("identical_twin", lambda row, n: {}, repeats=True, share=0.004),
        Kind("conflicting_twin", wrong.saying(ORGAN, "样例民政局"), _r(f"key.{CONFLICT}"), repeats=True),
    )  # fmt: skip
