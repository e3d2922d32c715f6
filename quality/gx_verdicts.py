"""The checks no core expectation covers, as plain Python over cleaned values: what GX runs, and what the SQL is held against.

- `COLUMN` judges one value, `COLUMNS` the values of one row; both are factories `(params, catalog, …) -> verdict`.
- `ROWS` are the checks that may be undefined although their inputs are there: true, false or None.
- Inputs are there (missing ones are left out), except in `in_partition`, which judges empty values too.
- No SQL, nothing shared with `quality/check`.

Source: docs/architecture.md, "Row checks".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any

from catalogs import checkdigits
from catalogs.model import Catalog

Params = Mapping[str, Any]
Verdict = Callable[..., bool]


def _check_digit(params: Params, catalog: Catalog) -> Verdict:
    return {
        "citizen_id": checkdigits.citizen_id,
        "uscc": checkdigits.uscc,
        "license_identifier": checkdigits.license_identifier,
    }[params["kind"]]


def _part(params: Params) -> Callable[[str], str]:
    """Cuts the code out of a value; `start` counts from 1, without it the whole value is the code."""
    if "start" not in params:
        return lambda value: value
    begin, length = int(params["start"]) - 1, int(params.get("length", 6))
    return lambda value: value[begin : begin + length]


def _division(params: Params) -> Callable[[str], str]:
    """The six digits of the division; a rule that asks for two or four names a province or city."""
    part, short = _part(params), "start" in params and int(params.get("length", 6)) < 6
    return (lambda value: part(value).ljust(6, "0")) if short else part


def _with_parents(codes: Iterable[str]) -> frozenset[str]:
    """The codes, and the cities (xxxx00) and provinces (xx0000) they lie in."""
    return frozenset(whole for code in codes for whole in (code, code[:4] + "00", code[:2] + "0000"))


def _division_known(params: Params, catalog: Catalog) -> Verdict:
    division, known = _division(params), _with_parents(catalog.divisions)
    return lambda value: division(value) in known


def _division_current(params: Params, catalog: Catalog) -> Verdict:
    division = _division(params)
    current = _with_parents(code for code, spell in catalog.divisions.items() if spell.until is None)
    return lambda value: division(value) in current


def _division_matches(params: Params, catalog: Catalog, against: str | None) -> Verdict:
    part, aliases = _part(params), catalog.codes[params["table"]].aliases
    return lambda value, named: part(value) == aliases.get(named, named)


def _clean_text(params: Params, catalog: Catalog) -> Verdict:
    return text_is_clean


DAMAGE = ("锟斤拷", "烫烫烫", "屯屯屯", "ï¿½", "â€")
"""What the usual wrong decodings leave behind."""


def text_is_clean(text: str) -> bool:
    """No lost, private-use or unassigned character, no trace of a wrong decoding, no question mark next to a Chinese character."""
    if any(_is_lost(one) for one in text) or any(trace in text for trace in DAMAGE):
        return False
    around = zip(" " + text, text, text[1:] + " ", strict=False)
    return not any(one == "?" and (_is_chinese(before) or _is_chinese(after)) for before, one, after in around)


def _is_lost(character: str) -> bool:
    """Ideographs newer than this Python's Unicode tables are names, not damage."""
    recent_ideograph = "\U00020000" <= character <= "\U000323af"
    return character == "\N{REPLACEMENT CHARACTER}" or (unicodedata.category(character) in ("Co", "Cn") and not recent_ideograph)


def _is_chinese(character: str) -> bool:
    """Ideographs and the punctuation and kana set among them."""
    return "\u2e80" <= character <= "\u9fff" or "\uf900" <= character <= "\ufaff" or "\U00020000" <= character <= "\U000323af"


def _same_count(params: Params, catalog: Catalog, against: str | None) -> Verdict:
    return lambda left, right: left.count(";") == right.count(";")


def _in_partition(params: Params, catalog: Catalog, against: str | None) -> Verdict:
    return lambda value, _: value == against


_CITIZEN_FORM = re.compile("[0-9]{17}[0-9X]")


def org_part_check_digit(code: str) -> bool | None:
    """Undefined unless the code passes its own check."""
    return checkdigits.organization_part(code) if checkdigits.uscc(code) else None


def birth_matches_id(born: date, number: str) -> bool | None:
    """Undefined unless the number has the form of a citizen number."""
    return f"{born.year:04}{born.month:02}{born.day:02}" == number[6:14] if _CITIZEN_FORM.fullmatch(number) else None


def sex_matches_id(sex: str, number: str) -> bool | None:
    """Men (1) have an odd 17th digit, women (2) an even one; others, and other numbers, are undefined."""
    return int(number[16]) % 2 == int(sex) % 2 if sex in ("1", "2") and _CITIZEN_FORM.fullmatch(number) else None


COLUMN: Mapping[str, Callable[[Params, Catalog], Verdict]] = {
    "check_digit": _check_digit,
    "division_known": _division_known,
    "division_current": _division_current,
    "clean_text": _clean_text,
}
COLUMNS: Mapping[str, Callable[[Params, Catalog, str | None], Verdict]] = {
    "division_matches": _division_matches,
    "same_count": _same_count,
    "in_partition": _in_partition,
}
ROWS: Mapping[str, Callable[..., bool | None]] = {
    "org_part_check_digit": org_part_check_digit,
    "birth_matches_id": birth_matches_id,
    "sex_matches_id": sex_matches_id,
}
