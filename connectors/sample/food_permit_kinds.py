"""Dirt and defects of the food permits, each with the rules it must trip and what it does to the license."""

from __future__ import annotations

from collections.abc import Sequence

from . import headers
from . import misspellings as wrong
from .ledger import CONFLICT, Kind, Row

(
    NUMBER, OPERATOR, CODE, HEAD, ADDRESS, FORM, ITEMS, ORGAN, ORGAN_CODE, ISSUED, VALID_TO, STATUS, UPDATED,
) = headers.FOOD_PERMIT  # fmt: skip
SHORT = {"食品销售经营者": "食品销售", "餐饮服务经营者": "餐饮服务", "单位食堂": "食堂"}
BAD = "quarantined"


def _r(*names: str) -> tuple[str, ...]:
    return tuple(f"food_permit.{name}" for name in names)


def _elsewhere(row: Row, n: int) -> Row:
    """An operator registered in another made-up province, 98xxxx."""
    return {CODE: wrong.recoded(row[CODE][:2] + f"98{n % 80:02d}01" + row[CODE][8:17])}


REPAIRED = (
    Kind("padded_number", wrong.padded(NUMBER), share=0.02),
    Kind("lower_case_number", wrong.lowered(NUMBER), share=0.02),
    Kind("full_width_code", wrong.widened(CODE), share=0.01),
    Kind("lower_case_code", wrong.lowered(CODE), share=0.02),
    Kind("padded_operator", wrong.padded(OPERATOR), share=0.01),
    Kind("issued_without_dashes", wrong.spelt(ISSUED, "{y:04d}{m:02d}{d:02d}"), share=0.05),
    Kind("issued_with_slashes", wrong.spelt(ISSUED, "{y}/{m}/{d}"), share=0.03),
    Kind("valid_to_in_chinese", wrong.spelt(VALID_TO, "{y}年{m}月{d}日"), share=0.03),
    Kind(
        "form_spelt_short",
        lambda row, n: {FORM: {"食品销售经营者": "食品销售", "餐饮服务经营者": "餐饮服务"}.get(row[FORM], "食堂")},
        share=0.03,
    ),
)

REJECTED = (
    Kind("number_missing", wrong.lacking(NUMBER), _r("permit_no.not_null"), BAD),
    Kind("number_too_short", lambda row, n: {NUMBER: row[NUMBER][:-1]}, _r("permit_no.pattern"), BAD),
    Kind("operator_missing", wrong.lacking(OPERATOR), _r("operator_name.not_null"), BAD),
    Kind("code_missing", wrong.lacking(CODE), _r("credit_code.not_null"), BAD),
    Kind(
        "code_wrong_check", lambda row, n: {CODE: wrong.wrong_credit_check(row[CODE], n)},
        _r("credit_code.check_digit", "credit_code.reference"), BAD,
    ),
    Kind("organ_code_missing", wrong.lacking(ORGAN_CODE), _r("issuing_organ_code.not_null"), BAD),
    Kind(
        "organ_code_wrong_check", lambda row, n: {ORGAN_CODE: wrong.wrong_credit_check(row[ORGAN_CODE], n)},
        _r("issuing_organ_code.check_digit"), BAD,
    ),
    Kind("issued_missing", wrong.lacking(ISSUED), _r("issued_on.not_null"), BAD),
    Kind("issued_unreadable", wrong.saying(ISSUED, "2022-02-30"), _r("issued_on.not_null", "issued_on.parsed"), BAD),
    Kind(
        "issued_in_future", lambda row, n: {ISSUED: wrong.far(n), VALID_TO: wrong.far(n + 365)},
        _r("issued_on.not_future"), BAD,
    ),
    Kind("valid_to_missing", wrong.lacking(VALID_TO), _r("valid_to.not_null"), BAD),
    Kind("valid_to_unreadable", wrong.saying(VALID_TO, "二〇二六年"), _r("valid_to.not_null", "valid_to.parsed"), BAD),
    Kind("valid_to_before_issued", lambda row, n: {VALID_TO: wrong.shifted(row[ISSUED], -1)}, _r("valid_to.after_issued"), BAD),
    Kind("status_missing", wrong.lacking(STATUS), _r("status.not_null"), BAD),
    Kind("status_unknown", wrong.saying(STATUS, "办理中"), _r("status.in_codes"), BAD),
)  # fmt: skip

WARNED = (
    Kind("number_unknown_division", lambda row, n: {NUMBER: f"{row[NUMBER][:3]}998899{row[NUMBER][9:]}"}, _r("permit_no.division_known")),
    Kind(
        "form_contradicts_number", lambda row, n: {NUMBER: f"JY{int(row[NUMBER][2]) % 3 + 1}{row[NUMBER][3:]}"},
        _r("permit_no.business_form"),
    ),
    Kind("form_missing", wrong.lacking(FORM), _r("business_form.not_null")),
    Kind("form_unknown", wrong.saying(FORM, "网络经营"), _r("business_form.in_codes", "permit_no.business_form")),
    Kind("operator_garbled", wrong.garbled(OPERATOR), _r("operator_name.clean_text", "operator_name.agrees"), license="held"),
    Kind(
        "code_organ_part_wrong", lambda row, n: {CODE: wrong.wrong_organ_part(row[CODE], n)},
        _r("credit_code.org_part", "credit_code.reference"), license="held",
    ),
    Kind("head_garbled", wrong.garbled(HEAD), _r("legal_rep.clean_text", "legal_rep.agrees")),
    Kind("head_replaced", lambda row, n: {HEAD: f"{row[HEAD][0]}另任"}, _r("legal_rep.agrees")),
    Kind("address_missing", wrong.lacking(ADDRESS), _r("address.not_null")),
    Kind("address_garbled", wrong.garbled(ADDRESS), _r("address.clean_text")),
    Kind("items_missing", wrong.lacking(ITEMS), _r("items.not_null")),
    Kind("items_garbled", wrong.garbled(ITEMS), _r("items.clean_text")),
    Kind("organ_missing", wrong.lacking(ORGAN), _r("issuing_organ.not_null")),
    Kind(
        "issued_too_early", lambda row, n: {ISSUED: f"2014-05-{n % 28 + 1:02d}", VALID_TO: f"2019-05-{n % 28 + 1:02d}"},
        _r("issued_on.not_before"),
    ),
    Kind("valid_too_long", lambda row, n: {VALID_TO: wrong.anniversary(row[ISSUED], 6)}, _r("valid_to.five_years")),
    Kind("update_time_missing", wrong.lacking(UPDATED), _r("updated_at.not_null")),
    Kind("update_time_unreadable", wrong.saying(UPDATED, "昨天"), _r("updated_at.not_null", "updated_at.parsed")),
    Kind("operator_elsewhere", _elsewhere, _r("credit_code.reference"), share=0.01),
)  # fmt: skip

HELD = (
    Kind("operator_unknown", lambda row, n: {CODE: wrong.stranger(row[CODE])}, _r("credit_code.reference"), license="held"),
    Kind(
        "operator_renamed", lambda row, n: {OPERATOR: f"{row[OPERATOR][:2]}改名{row[OPERATOR][2:]}"},
        _r("operator_name.agrees"), license="held", share=0.005,
    ),
)  # fmt: skip

REPEATED = (
    Kind("identical_twin", lambda row, n: {}, repeats=True, share=0.004),
    Kind("newer_row", lambda row, n: {ITEMS: "热食类食品制售", UPDATED: f"{row[UPDATED][:10]} 23:30:00"}, repeats=True),
    Kind("conflicting_twin", wrong.saying(ADDRESS, "另一处经营场所"), _r(f"key.{CONFLICT}"), repeats=True),
)


def kinds(missing: Sequence[tuple[str, str]], struck_off: Sequence[tuple[str, str, str]]) -> tuple[Kind, ...]:
    """All kinds; `missing` are codes and names of operators that the legal-entity base must not trust, `struck_off` codes, names and
    heads of those that it trusts and knows to be no more."""
    lost = Kind(
        "operator_not_trusted", lambda row, n: dict(zip((CODE, OPERATOR), missing[n % len(missing)], strict=True)),
        _r("credit_code.reference"), license="held", share=0.01,
    )  # fmt: skip
    gone = Kind(
        "operator_struck_off",
        lambda row, n: {**dict(zip((CODE, OPERATOR, HEAD), struck_off[n % len(struck_off)], strict=True)), STATUS: "有效"},
        _r("credit_code.standing"), share=0.002,
    )  # fmt: skip
    return (*REPAIRED, *REJECTED, *WARNED, *HELD, lost, gone, *REPEATED)
