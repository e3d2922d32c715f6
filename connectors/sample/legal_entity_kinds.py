"""Dirt and defects of the legal-entity drops, each with the rules it must trip."""

from __future__ import annotations

from collections.abc import Sequence

from . import csv_drop, headers
from . import misspellings as wrong
from .companies import Sector
from .ledger import CONFLICT, RAW, Kind
from .places import Places

CODE, NAME, KIND, HEAD, HEAD_ID, FOUNDED, CAPITAL = headers.LEGAL_ENTITY[:7]
SCOPE, DIVISION, ADDRESS, REGISTRAR, REGISTRAR_CODE, VALID_TO, STATUS, APPROVED = headers.LEGAL_ENTITY[7:]
BAD = "quarantined"


def _r(*names: str) -> tuple[str, ...]:
    return tuple(f"legal_entity.{name}" for name in names)


REPAIRED = (
    Kind("padded_code", wrong.padded(CODE), share=0.02),
    Kind("lower_case_code", wrong.lowered(CODE), share=0.02),
    Kind("full_width_code", wrong.widened(CODE), share=0.01),
    Kind("padded_name", wrong.padded(NAME), share=0.01),
    Kind("lower_case_head_number", wrong.lowered(HEAD_ID), share=0.02),
    Kind("date_without_dashes", wrong.spelt(FOUNDED, "{y:04d}{m:02d}{d:02d}"), share=0.05),
    Kind("date_with_slashes", wrong.spelt(FOUNDED, "{y}/{m}/{d}"), share=0.04),
    Kind("date_in_chinese", wrong.spelt(APPROVED, "{y}年{m}月{d}日"), share=0.04),
    Kind("date_as_serial", wrong.serial(APPROVED), share=0.01),
)
BRACKETS = Kind("half_width_brackets", lambda row, n: {NAME: row[NAME].replace("（", "(").replace("）", ")")}, among="bracketed", least=5)

REJECTED = (
    Kind("code_wrong_check", lambda row, n: {CODE: wrong.wrong_credit_check(row[CODE], n)}, _r("credit_code.check_digit"), BAD),
    Kind("name_missing", wrong.lacking(NAME), _r("name.not_null"), BAD),
    Kind("status_missing", wrong.lacking(STATUS), _r("status.not_null"), BAD),
)
REJECTED_ENTERPRISES = (
    Kind("line_too_long", lambda row, n: {RAW: csv_drop.line(headers.LEGAL_ENTITY, row) + ",多出的一列"}, _r("row.well_formed"), BAD),
    Kind(
        "line_too_short", lambda row, n: {RAW: csv_drop.line(headers.LEGAL_ENTITY[:6], row)},
        _r("row.well_formed"), BAD,
    ),
    Kind("code_missing", wrong.lacking(CODE), _r("credit_code.not_null"), BAD),
    Kind("code_fifteen_long", lambda row, n: {CODE: row[CODE][:15]}, _r("credit_code.length", "credit_code.check_digit"), BAD),
    Kind("kind_missing", wrong.lacking(KIND), _r("entity_kind.in_partition"), BAD),
    Kind("kind_unknown", wrong.saying(KIND, "其他"), _r("entity_kind.in_codes", "entity_kind.in_partition"), BAD),
    Kind(
        "kind_of_another_file", lambda row, n: {KIND: "事业单位", CODE: wrong.recoded("12" + row[CODE][2:17])},
        _r("entity_kind.in_partition"), BAD,
    ),
    Kind("registrar_code_missing", wrong.lacking(REGISTRAR_CODE), _r("registrar_code.not_null"), BAD),
    Kind(
        "registrar_code_wrong_check", lambda row, n: {REGISTRAR_CODE: wrong.wrong_credit_check(row[REGISTRAR_CODE], n)},
        _r("registrar_code.check_digit"), BAD,
    ),
    Kind("status_unknown", wrong.saying(STATUS, "待核实"), _r("status.in_codes"), BAD),
)  # fmt: skip

WARNED = (
    Kind("head_not_in_population", lambda row, n: {HEAD_ID: wrong.renumbered(row[HEAD_ID][:6] + "18" + row[HEAD_ID][8:17])},
         _r("legal_rep_id.reference")),
    Kind("address_missing", wrong.lacking(ADDRESS), _r("address.not_null")),
)  # fmt: skip
WARNED_ENTERPRISES = (
    Kind("code_organ_part_wrong", lambda row, n: {CODE: wrong.wrong_organ_part(row[CODE], n)}, _r("credit_code.org_part")),
    Kind("kind_contradicts_code", lambda row, n: {CODE: wrong.recoded("12" + row[CODE][2:17])}, _r("credit_code.kind_matches")),
    Kind("name_garbled", wrong.garbled(NAME), _r("name.clean_text")),
    Kind("name_too_short", lambda row, n: {NAME: row[NAME][:2]}, _r("name.length")),
    Kind("head_missing", wrong.lacking(HEAD), _r("legal_rep.not_null")),
    Kind("head_garbled", wrong.garbled(HEAD), _r("legal_rep.clean_text", "legal_rep.agrees")),
    Kind("head_misnamed", lambda row, n: {HEAD: f"{row[HEAD][0]}误写"}, _r("legal_rep.agrees")),
    Kind(
        "head_number_wrong_check", lambda row, n: {HEAD_ID: wrong.wrong_check(row[HEAD_ID], n)},
        _r("legal_rep_id.check_digit", "legal_rep_id.reference"),
    ),
    Kind("founded_missing", wrong.lacking(FOUNDED), _r("established_on.not_null")),
    Kind("founded_unreadable", wrong.saying(FOUNDED, "2012-02-31", "不详"), _r("established_on.not_null", "established_on.parsed")),
    Kind(
        "founded_in_future", lambda row, n: {FOUNDED: wrong.far(n), VALID_TO: None},
        _r("established_on.not_future", "approved_on.after_established"),
    ),
    Kind("founded_long_ago", lambda row, n: {FOUNDED: f"193{n % 10}-03-08"}, _r("established_on.not_before")),
    Kind("capital_unreadable", wrong.saying(CAPITAL, "若干", "壹佰万圆整（大写）等"), _r("capital.parsed")),
    Kind("capital_too_large", wrong.saying(CAPITAL, "9999999999万元"), _r("capital.range")),
    Kind("scope_garbled", wrong.garbled(SCOPE), _r("scope.clean_text")),
    Kind("division_missing", wrong.lacking(DIVISION), _r("division.not_null")),
    Kind("address_garbled", wrong.garbled(ADDRESS), _r("address.clean_text")),
    Kind("registrar_missing", wrong.lacking(REGISTRAR), _r("registrar_name.not_null")),
    Kind("term_unreadable", wrong.saying(VALID_TO, "不详"), _r("valid_to.parsed")),
    Kind("term_before_founded", lambda row, n: {VALID_TO: wrong.shifted(row[FOUNDED], -30)}, _r("valid_to.after_established")),
    Kind("approval_missing", wrong.lacking(APPROVED), _r("approved_on.not_null")),
    Kind("approval_unreadable", wrong.saying(APPROVED, "2019-13-01"), _r("approved_on.not_null", "approved_on.parsed")),
    Kind("approval_before_founded", lambda row, n: {APPROVED: wrong.shifted(row[FOUNDED], -9)}, _r("approved_on.after_established")),
    Kind("approval_in_future", lambda row, n: {APPROVED: wrong.far(n)}, _r("approved_on.not_future")),
)  # fmt: skip

REPEATED = (
    Kind("identical_twin", lambda row, n: {}, repeats=True, share=0.004),
    Kind("newer_row", lambda row, n: {APPROVED: wrong.shifted(row[APPROVED], 1), SCOPE: "以新核准的范围为准"}, repeats=True),
    Kind("conflicting_twin", lambda row, n: {SCOPE: "另一种说法的业务范围"}, _r(f"key.{CONFLICT}"), repeats=True),
)


def kinds(places: Places, sector: Sector, dead: Sequence[tuple[str, str]]) -> tuple[Kind, ...]:
    """The kinds of one drop: all of them among the enterprises, a few among the smaller two, whose rejects must stay rare.

    `dead`: numbers and names of persons whom the population base knows to be dead.
    """
    if sector.code != "1":
        return (*REPAIRED, *REJECTED, *WARNED, *REPEATED)
    headless = Kind(
        "head_dead", lambda row, n: {**dict(zip((HEAD_ID, HEAD), dead[n % len(dead)], strict=True)), STATUS: "存续"},
        _r("legal_rep_id.standing"),
    )  # fmt: skip
    warned = (*WARNED, *WARNED_ENTERPRISES, headless)
    return (*REPAIRED, BRACKETS, *REJECTED, *REJECTED_ENTERPRISES, *warned, *REPEATED, *_divisions(places))


def _divisions(places: Places) -> tuple[Kind, ...]:
    unknown, retired = places.unknown, places.retired
    return (
        Kind(
            "code_unknown_division", lambda row, n: {CODE: wrong.recoded(row[CODE][:2] + unknown[n % len(unknown)] + row[CODE][8:17])},
            _r("credit_code.division_known", "credit_code.division_current"),
        ),
        Kind(
            "code_retired_division", lambda row, n: {CODE: wrong.recoded(row[CODE][:2] + retired[n % len(retired)] + row[CODE][8:17])},
            _r("credit_code.division_current"),
        ),
        Kind("division_unknown", wrong.saying(DIVISION, *unknown), _r("division.known", "division.current")),
        Kind("division_retired", wrong.saying(DIVISION, *retired), _r("division.current")),
    )  # fmt: skip
