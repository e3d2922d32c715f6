"""Dirt and defects of the population delivery, each with the rules it must trip."""

from __future__ import annotations

from datetime import date, timedelta

from . import headers
from . import misspellings as wrong
from .ledger import CONFLICT, Kind, Row
from .places import Places

ID, NAME, SEX, ETHNICITY, BORN, DIVISION, ADDRESS, PHONE, STATUS, DIED, REGISTRAR, UPDATED, OPERATION = headers.POPULATION
BAD = "quarantined"


def _long_ago(n: int) -> str:
    return (date(1899, 12, 31) - timedelta(days=n)).isoformat()


def _later(row: Row) -> str:
    """The evening of the day the row was written (the office closes at 18:00)."""
    return f"{row[UPDATED][:10]} 23:30:00"


def _born(row: Row, iso: str) -> Row:
    """The person born on another day, number and date agreeing."""
    return {ID: wrong.renumbered(row[ID][:6] + iso.replace("-", "") + row[ID][14:17]), BORN: iso}


def _r(*names: str) -> tuple[str, ...]:
    return tuple(f"population.{name}" for name in names)


REPAIRED = (
    Kind("padded_number", wrong.padded(ID), share=0.02),
    Kind("full_width_number", wrong.widened(ID), share=0.008),
    Kind("lower_case_number", wrong.lowered(ID), share=0.02),
    Kind("fifteen_digits", lambda row, n: {ID: row[ID][:6] + row[ID][8:17]}, among="twentieth", share=0.005),
    Kind("spaced_name", lambda row, n: {NAME: row[NAME][0] + ("　" if n % 2 else "  ") + row[NAME][1:]}, share=0.01),
    Kind("date_without_dashes", wrong.spelt(BORN, "{y:04d}{m:02d}{d:02d}"), share=0.05),
    Kind("date_with_slashes", wrong.spelt(BORN, "{y}/{m}/{d}"), share=0.03),
    Kind("date_in_chinese", wrong.spelt(BORN, "{y}年{m}月{d}日"), share=0.02),
    Kind("date_as_serial", wrong.serial(BORN), among="twentieth", share=0.005),
    Kind("sex_as_code", lambda row, n: {SEX: "1" if row[SEX] == "男" else "2"}, share=0.05),
    Kind("ethnicity_as_code", wrong.saying(ETHNICITY, "01"), among="han", share=0.03),
)

REJECTED = (
    Kind("number_missing", lambda row, n: {ID: None if n % 2 else "  "}, _r("id_number.not_null"), BAD),
    Kind("number_too_short", lambda row, n: {ID: row[ID][:16]}, _r("id_number.length", "id_number.check_digit"), BAD),
    Kind("number_wrong_check", lambda row, n: {ID: wrong.wrong_check(row[ID], n)}, _r("id_number.check_digit"), BAD, share=0.002),
    Kind("name_missing", wrong.lacking(NAME), _r("name.not_null"), BAD),
    Kind("sex_missing", wrong.lacking(SEX), _r("sex.not_null"), BAD),
    Kind("sex_unknown_code", wrong.saying(SEX, "不详"), _r("sex.in_codes"), BAD),
    Kind("sex_contradicts_number", lambda row, n: {SEX: "女" if row[SEX] == "男" else "男"}, _r("sex.matches_id"), BAD),
    Kind("birth_missing", wrong.lacking(BORN), _r("birth_date.not_null"), BAD),
    Kind(
        "birth_impossible", lambda row, n: {BORN: f"{row[BORN][:4]}-13-45"},
        _r("birth_date.not_null", "birth_date.parsed"), BAD,
    ),
    Kind(
        "birth_contradicts_number", lambda row, n: {BORN: wrong.anniversary(row[BORN], 1)},
        _r("birth_date.matches_id"), BAD, among="adult",
    ),
    Kind(
        "birth_in_future", lambda row, n: _born(row, wrong.far(n)),
        _r("birth_date.not_future"), BAD, among="alive",
    ),
    Kind("status_missing", wrong.lacking(STATUS), _r("life_status.not_null"), BAD, among="alive"),
    Kind("status_unknown_code", wrong.saying(STATUS, "待查"), _r("life_status.in_codes"), BAD, among="alive"),
    Kind("operation_unknown", wrong.saying(OPERATION, "X"), _r("operation.pattern"), BAD),
)  # fmt: skip

WARNED = (
    Kind("name_mojibake", wrong.garbled(NAME), _r("name.clean_text")),
    Kind("name_one_character", lambda row, n: {NAME: row[NAME][0]}, _r("name.length")),
    Kind("ethnicity_unknown", wrong.saying(ETHNICITY, "未识别"), _r("ethnicity.in_codes")),
    Kind("born_before_1900", lambda row, n: _born(row, _long_ago(n)), _r("birth_date.not_before"), among="alive"),
    Kind("household_missing", wrong.lacking(DIVISION), _r("household_division.not_null")),
    Kind("address_missing", wrong.lacking(ADDRESS), _r("address.not_null")),
    Kind("address_mojibake", wrong.garbled(ADDRESS), _r("address.clean_text")),
    Kind("phone_malformed", wrong.saying(PHONE, "12345"), _r("phone.pattern")),
    Kind("death_unreadable", wrong.saying(DIED, "不详"), _r("death_date.parsed", "death_date.required_when_dead"), among="dead"),
    Kind("death_missing", wrong.lacking(DIED), _r("death_date.required_when_dead"), among="dead"),
    Kind("death_of_the_living", lambda row, n: {DIED: wrong.anniversary(row[BORN], 19)}, _r("death_date.empty_when_alive"), among="adult"),
    Kind("death_before_birth", lambda row, n: {DIED: wrong.anniversary(row[BORN], -2)}, _r("death_date.after_birth"), among="dead"),
    Kind("death_in_future", lambda row, n: {DIED: wrong.far(n)}, _r("death_date.not_future"), among="dead"),
    Kind("registrar_missing", wrong.lacking(REGISTRAR), _r("registrar_code.not_null")),
    Kind("registrar_wrong_check", lambda row, n: {REGISTRAR: row[REGISTRAR][:-1] + "?"}, _r("registrar_code.check_digit")),
    Kind("update_time_missing", wrong.lacking(UPDATED), _r("updated_at.not_null")),
)

REPEATED = (
    Kind("identical_twin", lambda row, n: {}, repeats=True, share=0.004),
    Kind("newer_row", lambda row, n: {PHONE: "15400000000", UPDATED: _later(row)}, repeats=True, share=0.002),
    Kind("conflicting_twin", wrong.saying(PHONE, "15400000001"), _r(f"key.{CONFLICT}"), repeats=True),
    Kind("deleted", wrong.saying(OPERATION, "D"), outcome="deleted", share=0.001),
    Kind("inserted_then_deleted", lambda row, n: {OPERATION: "D", UPDATED: _later(row)}, outcome="deleted", repeats=True),
)


def kinds(places: Places) -> tuple[Kind, ...]:
    """All kinds; those about divisions need to know which codes are retired and which never were."""
    unknown, retired = places.unknown, places.retired
    return (*REPAIRED, *REJECTED, *WARNED, *REPEATED,
        Kind(
            "number_unknown_division", lambda row, n: {ID: wrong.renumbered(unknown[n % len(unknown)] + row[ID][6:17])},
            _r("id_number.division_known"),
        ),
        Kind(
            "household_unknown", wrong.saying(DIVISION, *unknown),
            _r("household_division.known", "household_division.current"), share=0.001,
        ),
        Kind(
            "household_retired", wrong.saying(DIVISION, *retired),
            _r("household_division.current"), share=0.001,
        ),
    )  # fmt: skip
