"""Dirt and defects of the titles, each with the rules it must trip and what it does to the license."""

from __future__ import annotations

from collections.abc import Sequence

from . import headers
from . import misspellings as wrong
from .ledger import CONFLICT, Kind, Row
from .places import Places

(
    TITLE, UNIT, NAMES, NUMBERS, SHARED, RIGHT, LOCATION, DIVISION, AREA, USE, REGISTERED, VALID_TO, ORGAN, ORGAN_CODE, STATUS,
) = headers.REAL_ESTATE_TITLE  # fmt: skip
Holders = Sequence[tuple[str, str]]
"""Numbers and names."""
BAD = "quarantined"


def _r(*names: str) -> tuple[str, ...]:
    return tuple(f"real_estate_title.{name}" for name in names)


REFERENCE = _r("holder_numbers.reference")
PERSON = _r("holder_names.agrees_person")


def _elsewhere(row: Row, n: int) -> Row:
    """A holder registered in another made-up province, 98xxxx."""
    return {NUMBERS: wrong.renumbered(f"98{n % 80:02d}01{row[NUMBERS][6:17]}")}


def _unknown(row: Row, n: int) -> Row:
    """A holder of this province whom no register knows (born in the 18th century: nobody generated is)."""
    return {NUMBERS: wrong.renumbered(f"{row[NUMBERS][:6]}17{row[NUMBERS][8:17]}")}


def _held_by(holders: Holders) -> wrong.Change:
    """Another holder, in turn."""
    return lambda row, n: dict(zip((NUMBERS, NAMES), holders[n % len(holders)], strict=True))


def _held_by_the_dead(dead: Holders) -> wrong.Change:
    """A holder who died, of a right that is still registered as theirs."""
    change = _held_by(dead)
    return lambda row, n: {**change(row, n), STATUS: "现势"}


def _held_by_renamed(firms: Holders) -> wrong.Change:
    """A company under a name it is not registered with."""
    change = _held_by(firms)
    return lambda row, n: {**change(row, n), NAMES: f"{firms[n % len(firms)][1]}（旧名）"}


def _first_only(row: Row, n: int) -> Row:
    """Two names, one number."""
    for separator in (";", "、", "；"):
        if separator in row[NUMBERS]:
            return {NUMBERS: row[NUMBERS].split(separator)[0]}
    return {}


REPAIRED = (
    Kind("padded_title", wrong.padded(TITLE), share=0.02),
    Kind("half_width_brackets", lambda row, n: {TITLE: row[TITLE].replace("（", "(").replace("）", ")")}, share=0.03),
    Kind("lower_case_numbers", wrong.lowered(NUMBERS), share=0.02),
    Kind("full_width_number", wrong.widened(NUMBERS), among="sole", share=0.01),
    Kind("spaced_numbers", lambda row, n: {NUMBERS: f" {row[NUMBERS]} "}, share=0.01),
    Kind("lower_case_unit", wrong.lowered(UNIT), share=0.01),
    Kind("registered_without_dashes", wrong.spelt(REGISTERED, "{y:04d}{m:02d}{d:02d}"), share=0.05),
    Kind("registered_with_slashes", wrong.spelt(REGISTERED, "{y}/{m}/{d}"), share=0.05),
    Kind("registered_in_chinese", wrong.spelt(REGISTERED, "{y}年{m}月{d}日"), share=0.05),
    Kind("registered_as_serial", wrong.serial(REGISTERED), share=0.05),
)

REJECTED = (
    Kind("title_missing", wrong.lacking(TITLE), _r("title_no.not_null"), BAD),
    Kind("unit_too_short", lambda row, n: {UNIT: row[UNIT][:-2]}, _r("unit_no.pattern"), BAD),
    Kind("names_missing", wrong.lacking(NAMES), _r("holder_names.not_null"), BAD, among="sole"),
    Kind("numbers_missing", wrong.lacking(NUMBERS), _r("holder_numbers.not_null"), BAD, among="sole"),
    Kind("number_of_one_holder_only", _first_only, _r("holder_numbers.same_count"), BAD, among="shared"),
    Kind("location_missing", wrong.lacking(LOCATION), _r("location.not_null"), BAD),
    Kind("registered_missing", wrong.lacking(REGISTERED), _r("registered_on.not_null"), BAD),
    Kind("registered_unreadable", wrong.saying(REGISTERED, "2023-02-30"), _r("registered_on.not_null", "registered_on.parsed"), BAD),
    Kind(
        "registered_in_future", lambda row, n: {REGISTERED: wrong.far(n), VALID_TO: None},
        _r("registered_on.not_future"), BAD,
    ),
    Kind("organ_code_missing", wrong.lacking(ORGAN_CODE), _r("organ_code.not_null"), BAD),
    Kind(
        "organ_code_wrong_check", lambda row, n: {ORGAN_CODE: wrong.wrong_credit_check(row[ORGAN_CODE], n)},
        _r("organ_code.check_digit"), BAD,
    ),
    Kind("status_missing", wrong.lacking(STATUS), _r("status.not_null"), BAD),
    Kind("status_unknown", wrong.saying(STATUS, "冻结中"), _r("status.in_codes"), BAD),
)  # fmt: skip

WARNED = (
    Kind("title_misspelt", lambda row, n: {TITLE: f"权证字第{row[TITLE][-8:]}"}, _r("title_no.pattern")),
    Kind("unit_missing", wrong.lacking(UNIT), _r("unit_no.not_null")),
    Kind("unit_unknown_division", lambda row, n: {UNIT: f"998899{row[UNIT][6:]}"}, _r("unit_no.division_known")),
    Kind("shared_missing", wrong.lacking(SHARED), _r("ownership.not_null")),
    Kind("shared_unknown", wrong.saying(SHARED, "说不清"), _r("ownership.in_codes")),
    Kind("shared_with_nobody", wrong.saying(SHARED, "共同共有", "按份共有"), _r("ownership.sole_has_one"), among="sole"),
    Kind("right_missing", wrong.lacking(RIGHT), _r("right_type.not_null")),
    Kind("right_unknown", wrong.saying(RIGHT, "房改房"), _r("right_type.in_codes")),
    Kind("location_garbled", wrong.garbled(LOCATION), _r("location.clean_text")),
    Kind("division_missing", wrong.lacking(DIVISION), _r("division.not_null")),
    Kind("area_missing", wrong.lacking(AREA), _r("area.not_null")),
    Kind("area_unreadable", wrong.saying(AREA, "约一百平"), _r("area.not_null", "area.parsed")),
    Kind("area_zero", wrong.saying(AREA, "0.00"), _r("area.range")),
    Kind("use_unknown", wrong.saying(USE, "自住"), _r("land_use.in_codes")),
    Kind("registered_too_early", lambda row, n: {REGISTERED: f"2009-05-{n % 28 + 1:02d}"}, _r("registered_on.not_before")),
    Kind("term_unreadable", wrong.saying(VALID_TO, "不详"), _r("valid_to.parsed")),
    Kind("term_before_registered", lambda row, n: {VALID_TO: wrong.shifted(row[REGISTERED], -40)}, _r("valid_to.after_registered")),
    Kind("organ_missing", wrong.lacking(ORGAN), _r("organ_name.not_null")),
)  # fmt: skip

HOLDERS = (
    Kind("holder_elsewhere", _elsewhere, REFERENCE, among="sole", share=0.01),
    Kind("holder_with_passport", lambda row, n: {NUMBERS: f"X{9000000 + n}"}, REFERENCE, among="sole", share=0.005),
    Kind("holder_unknown", _unknown, REFERENCE, among="sole", license="held"),
    Kind("holder_renamed", lambda row, n: {NAMES: f"{row[NAMES]}某"}, PERSON, among="sole", share=0.004, license="held"),
    Kind("names_garbled", wrong.garbled(NAMES), (*_r("holder_names.clean_text"), *PERSON), among="sole", license="held"),
)

REPEATED = (
    Kind("identical_twin", lambda row, n: {}, repeats=True, share=0.004),
    Kind("newer_row", lambda row, n: {REGISTERED: wrong.shifted(row[REGISTERED], 1), AREA: "88.88"}, repeats=True),
    Kind("conflicting_twin", wrong.saying(AREA, "99.99"), _r(f"key.{CONFLICT}"), repeats=True),
)


def kinds(places: Places, missing: Holders, dead: Holders, firms: Holders) -> tuple[Kind, ...]:
    """All kinds; `missing` are persons the population base must not trust, `dead` those it knows to be dead, `firms` companies the
    legal-entity base trusts."""
    owners = (
        # The rule looks every holder up among persons, so a company is warned about; its license is issued all the same.
        Kind("holder_is_company", _held_by(firms), REFERENCE, among="sole", share=0.04),
        Kind(
            "holder_is_renamed_company",
            _held_by_renamed(firms),
            (*REFERENCE, *_r("holder_names.agrees_entity")),
            among="sole",
            license="held",
        ),
        Kind("holder_dead", _held_by_the_dead(dead), _r("holder_numbers.standing"), among="sole"),
        Kind("holder_not_trusted", _held_by(missing), REFERENCE, among="sole", share=0.008, license="held"),
    )
    divisions = (
        Kind("division_unknown", wrong.saying(DIVISION, *places.unknown), _r("division.known", "division.current")),
        Kind("division_retired", wrong.saying(DIVISION, *places.retired), _r("division.current")),
    )
    return (*REPAIRED, *REJECTED, *WARNED, *HOLDERS, *owners, *divisions, *REPEATED)
