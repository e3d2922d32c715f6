"""The education department's diplomas and degrees of people of the population, from made-up universities."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from . import companies, headers, ledger
from . import misspellings as wrong
from .columns import dates, day, digits, draw, join, pick, strings
from .ledger import CONFLICT, Columns, Kind, Ledger
from .marriage import elsewhere, strangers
from .world import World

NUMBER, KIND, NAME, ID, SCHOOL, SCHOOL_CODE, LEVEL, MAJOR, GRADUATED, STATUS = headers.EDUCATION
KEY = NUMBER
SHARE = 0.45
"""Of the adults, those who have a diploma."""
AGES = np.array([21, 22, 25, 29])
"""Age at graduation by level."""
LEVELS = (("专科", "本科", "硕士研究生", "博士研究生"), (45, 45, 9, 1))
STATUSES = (("有效", "撤销", "注销"), (985, 8, 7))
MAJORS = ("计算机科学与技术", "会计学", "护理学", "汉语言文学", "土木工程", "机械工程", "法学", "药学", "食品科学与工程", "数学与应用数学")
SCHOOLS = (
    ("样例大学", 990101), ("云江理工大学", 990102), ("云江师范大学", 990103), ("石泉医科大学", 990201),
    ("石泉农业大学", 990202), ("海陵海洋大学", 990301), ("云江职业技术学院", 990104), ("海陵财经学院", 990302),
)  # fmt: skip
"""Name and division of the made-up universities."""
BAD = "quarantined"


def school_codes() -> pa.Array:
    """Credit codes of the universities, both check characters right."""
    prefixes = np.tile(np.frombuffer(b"12", dtype=np.uint8), (len(SCHOOLS), 1))
    return strings(companies.code_matrix(prefixes, np.array([one for _, one in SCHOOLS]), np.arange(1, len(SCHOOLS) + 1), b"YX"))


def deliver(world: World, entries: Ledger) -> Columns:
    """All certificates: diplomas, then degrees, the repeated rows last."""
    people, latest = world.people, day(world.request.as_of) - 1
    rng = np.random.default_rng([people.seed, 63])
    graduates = np.sort(rng.choice(world.adults, round(len(world.adults) * SHARE), replace=False))
    level = draw(rng, LEVELS, len(graduates))
    graduated = _last_of_june(people.born_on[graduates], AGES[level])
    known = np.flatnonzero(graduated <= latest)
    with_degree = known[level[known] > 0]
    at = np.concatenate([known, with_degree])
    degree = np.arange(len(at)) >= len(known)
    columns = _render(rng, world, graduates[at], level[at], graduated[at], degree)
    plan = ledger.plan(np.random.default_rng([people.seed, 64]), len(at), KINDS, {})
    spoilt, repeated = ledger.spoil(columns, 0, plan, entries, KEY)
    return ledger.appended(spoilt, repeated)


def _last_of_june(born_on: np.ndarray, age: np.ndarray) -> np.ndarray:
    years = born_on.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + age
    return (years.astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64) + 180).astype(np.int64)


def _render(
    rng: np.random.Generator, world: World, who: np.ndarray, level: np.ndarray, graduated: np.ndarray, degree: np.ndarray
) -> Columns:
    people, size = world.people, len(who)
    school = (people.home_at[who] + level) % len(SCHOOLS)
    year, serial = dates(graduated, "%Y"), strings(digits(np.arange(1, size + 1), 7))
    code = strings(digits(10_001 + school, 5))
    middle = pick([*(f"{n:02d}" for n in range(1, 5)), ""], np.where(degree, 4, level))
    return {
        NUMBER: join(code, year, middle, serial),
        KIND: pick(("毕业证书", "学位证书"), degree.astype(np.int8)),
        NAME: people.names(who),
        ID: people.numbers(who),
        SCHOOL: pick([f"{name}（样例）" for name, _ in SCHOOLS], school),
        SCHOOL_CODE: school_codes().take(pa.array(school)),
        LEVEL: pick(LEVELS[0], level),
        MAJOR: pick(MAJORS, people.given_at[who, 0] % len(MAJORS)),
        GRADUATED: dates(graduated),
        STATUS: pick(STATUSES[0], draw(rng, STATUSES, size)),
    }


def _r(*names: str) -> tuple[str, ...]:
    return tuple(f"education.{name}" for name in names)


KINDS = (
    Kind("padded_number", wrong.padded(NUMBER), share=0.02),
    Kind("full_width_number", wrong.widened(NUMBER), share=0.01),
    Kind("lower_case_id", wrong.lowered(ID), share=0.02),
    Kind("graduated_without_dashes", wrong.spelt(GRADUATED, "{y:04d}{m:02d}{d:02d}"), share=0.05),
    Kind("level_spelt_short", lambda row, n: {LEVEL: {"专科": "大专", "本科": "大学本科"}.get(row[LEVEL], row[LEVEL])}, share=0.03),
    Kind("number_missing", wrong.lacking(NUMBER), _r("certificate_no.not_null"), BAD),
    Kind("kind_unknown", wrong.saying(KIND, "结业证明"), _r("kind.in_codes"), BAD),
    Kind("name_missing", wrong.lacking(NAME), _r("name.not_null"), BAD),
    Kind("id_missing", wrong.lacking(ID), _r("id_number.not_null"), BAD),
    Kind("id_wrong_check", wrong.misnumbered(ID), _r("id_number.check_digit", "id_number.reference"), BAD),
    Kind("level_unknown", wrong.saying(LEVEL, "预科"), _r("level.in_codes"), BAD),
    Kind("graduated_unreadable", wrong.saying(GRADUATED, "2019-02-30"), _r("graduated_on.not_null", "graduated_on.parsed"), BAD),
    Kind("graduated_in_future", lambda row, n: {GRADUATED: wrong.far(n)}, _r("graduated_on.not_future"), BAD),
    Kind("school_code_wrong", wrong.miscoded(SCHOOL_CODE), _r("school_code.check_digit"), BAD),
    Kind("status_unknown", wrong.saying(STATUS, "待定"), _r("status.in_codes"), BAD),
    Kind("number_too_short", lambda row, n: {NUMBER: row[NUMBER][:4] + row[NUMBER][5:]}, _r("certificate_no.pattern")),
    Kind("major_missing", wrong.lacking(MAJOR), _r("major.not_null")),
    Kind("school_missing", wrong.lacking(SCHOOL), _r("school.not_null")),
    Kind("holder_elsewhere", lambda row, n: {ID: elsewhere(row[ID], n)}, _r("id_number.reference"), share=0.01),
    Kind("holder_unknown", lambda row, n: {ID: strangers(row[ID])}, _r("id_number.reference"), license="held"),
    Kind("holder_renamed", lambda row, n: {NAME: f"{row[NAME]}某"}, _r("name.agrees_person"), license="held"),
    Kind("identical_twin", lambda row, n: {}, repeats=True, share=0.004),
    Kind("conflicting_twin", wrong.saying(MAJOR, "考古学"), _r(f"key.{CONFLICT}"), repeats=True),
)
