"""The social-insurance register: employed people of the population with their employers, and residents without one."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from . import headers, ledger
from . import misspellings as wrong
from .columns import dates, day, digits, draw, join, pick, strings
from .companies import SECTORS
from .ledger import CONFLICT, Columns, Kind, Ledger, Row
from .marriage import elsewhere, strangers
from .world import World

NUMBER, ID, NAME, INSURANCE, EMPLOYER, EMPLOYER_CODE, JOINED, PAID, MONTHS, STATUS, AGENCY, AGENCY_CODE, DIVISION = headers.SOCIAL_INSURANCE
KEY = NUMBER
EMPLOYED, RETIRED = 0.6, 60
"""Share of the employed among those younger than that."""
INSURANCES = ("企业职工基本养老保险", "失业保险", "城乡居民基本养老保险")
CODES = ("1", "2", "4")
STATUSES = (("正常参保", "暂停参保", "终止参保"), (86, 11, 3))
FIRST_DAY, WORKING_AGE, MONTH = 9_497, 20, 30.44
"""Since 1996-01-01; years; days."""
BAD = "quarantined"


def deliver(world: World, entries: Ledger) -> Columns:
    """All enrolments: pensions of the employed, their unemployment insurance, residents' pensions; the repeated rows last."""
    people, today = world.people, day(world.request.as_of)
    rng = np.random.default_rng([people.seed, 67])
    young = (today - people.born_on[world.adults]) / 365.25 < RETIRED
    employed = world.adults[young & (rng.random(len(world.adults)) < EMPLOYED)]
    others = np.setdiff1d(world.adults, employed)
    who = np.concatenate([employed, employed, others])
    insurance = np.repeat(np.arange(3), [len(employed), len(employed), len(others)])
    employer = np.tile(rng.choice(_employers(world), len(employed)), 2)
    columns = _render(rng, world, who, insurance, employer)
    plan = ledger.plan(np.random.default_rng([people.seed, 68]), len(who), KINDS, {"employed": insurance < 2})
    spoilt, repeated = ledger.spoil(columns, 0, plan, entries, KEY)
    return ledger.appended(spoilt, repeated)


def _employers(world: World) -> np.ndarray:
    """Rows of enterprises about which the legal-entity drop leaves no doubt."""
    return np.intersect1d(world.companies.of(SECTORS[0]), world.sound_companies)


def _render(rng: np.random.Generator, world: World, who: np.ndarray, insurance: np.ndarray, employer: np.ndarray) -> Columns:
    people, places, size = world.people, world.people.places, len(who)
    today = day(world.request.as_of)
    status = draw(rng, STATUSES, size)
    earliest = np.minimum(today - 90, np.maximum(FIRST_DAY, people.born_on[who] + int(WORKING_AGE * 365.25)))
    joined = earliest + ((today - 90 - earliest) * rng.random(size) ** 1.5).astype(np.int64)
    end_of_month = _end_of_last_month(today)
    stopped = joined + 31 + ((end_of_month - 60 - joined).clip(0) * rng.random(size)).astype(np.int64)
    paid = np.where(status == 0, end_of_month, np.minimum(stopped, end_of_month))
    county = people.home_at[who]
    at = np.concatenate([employer, np.zeros(size - len(employer), dtype=np.int64)])
    alone = pa.array(insurance == 2)
    return {
        NUMBER: join(pick(places.codes, county), "-", pick(CODES, insurance), "-", strings(digits(np.arange(1, size + 1), 8))),
        ID: people.numbers(who),
        NAME: people.names(who),
        INSURANCE: pick(INSURANCES, insurance),
        EMPLOYER: pc.if_else(alone, pa.scalar(None, pa.string()), world.companies.names.take(pa.array(at))),
        EMPLOYER_CODE: pc.if_else(alone, pa.scalar(None, pa.string()), world.companies.codes.take(pa.array(at))),
        JOINED: dates(joined),
        PAID: dates(paid),
        MONTHS: pc.cast(pa.array(((paid - joined) / MONTH).astype(np.int64)), pa.string()),
        STATUS: pick(STATUSES[0], status),
        AGENCY: pick(places.organ_names("social_insurance"), county),
        AGENCY_CODE: pick(places.organs("social_insurance"), county),
        DIVISION: pick(places.codes, county),
    }


def _end_of_last_month(today: int) -> int:
    month = np.datetime64(today, "D").astype("datetime64[M]")
    return int(month.astype("datetime64[D]").astype(np.int64)) - 1


def _r(*names: str) -> tuple[str, ...]:
    return tuple(f"social_insurance.{name}" for name in names)


def _unknown_employer(row: Row, n: int) -> Row:
    return {EMPLOYER_CODE: wrong.stranger(row[EMPLOYER_CODE])}


KINDS = (
    Kind("padded_id", wrong.padded(ID), share=0.02),
    Kind("lower_case_id", wrong.lowered(ID), share=0.02),
    Kind("joined_in_chinese", wrong.spelt(JOINED, "{y}年{m}月{d}日"), share=0.05),
    Kind("number_missing", wrong.lacking(NUMBER), _r("record_no.not_null"), BAD),
    Kind("id_missing", wrong.lacking(ID), _r("id_number.not_null"), BAD),
    Kind("id_wrong_check", wrong.misnumbered(ID), _r("id_number.check_digit", "id_number.reference"), BAD),
    Kind("name_missing", wrong.lacking(NAME), _r("name.not_null"), BAD),
    Kind("insurance_unknown", wrong.saying(INSURANCE, "商业保险"), _r("insurance.in_codes"), BAD),
    Kind("joined_unreadable", wrong.saying(JOINED, "2019-02-30"), _r("joined_on.not_null", "joined_on.parsed"), BAD),
    Kind("status_unknown", wrong.saying(STATUS, "待定"), _r("status.in_codes"), BAD),
    Kind("agency_code_wrong", wrong.miscoded(AGENCY_CODE), _r("agency_code.check_digit"), BAD),
    Kind("months_negative", wrong.saying(MONTHS, "-3"), _r("months.range")),
    Kind("paid_before_joined", lambda row, n: {PAID: wrong.shifted(row[JOINED], -40)}, _r("paid_to.after_joined")),
    Kind("employer_missing", wrong.lacking(EMPLOYER_CODE), _r("employer_code.required_when_employed"), among="employed"),
    Kind(
        "employer_unknown",
        lambda row, n: {EMPLOYER_CODE: wrong.stranger(row[EMPLOYER_CODE])},
        _r("employer_code.reference"),
        among="employed",
    ),
    Kind("holder_elsewhere", lambda row, n: {ID: elsewhere(row[ID], n)}, _r("id_number.reference"), share=0.01),
    Kind("holder_unknown", lambda row, n: {ID: strangers(row[ID])}, _r("id_number.reference")),
    Kind("holder_renamed", lambda row, n: {NAME: f"{row[NAME]}某"}, _r("name.agrees_person")),
    Kind("identical_twin", lambda row, n: {}, repeats=True, share=0.004),
    Kind("conflicting_twin", wrong.saying(MONTHS, "7"), _r(f"key.{CONFLICT}"), repeats=True),
)
