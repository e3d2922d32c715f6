"""Holders 持证主体 and the types of their codes (GB/T 36903 Annex A). Source: standards.md §1.3."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import zip_longest

from catalogs import checkdigits
from catalogs.license_type import HolderMapping

CREDIT_CODE, OTHER_ORGANISATION, CITIZEN, PASSPORT, OTHER_PERSON = "001", "099", "111", "414", "999"

CODE_TYPES = {
    "001": "统一社会信用代码",
    "099": "其他法人或其他组织有效证件代码",
    "111": "公民身份号码",
    "114": "解放军军官证",
    "115": "武警警官证编号",
    "118": "解放军士兵证",
    "119": "武警士兵证编号",
    "120": "解放军文职人员证",
    "122": "武警文职人员证编号",
    "411": "外交护照号",
    "412": "公务护照号",
    "413": "公务普通护照号",
    "414": "普通护照号",
    "511": "台湾居民来往大陆通行证",
    "516": "港澳居民来往内地通行证",
    "999": "其他自然人有效证件代码",
}

_PASSPORT = re.compile(r"[A-Z]{1,2}[0-9]{6,8}|[A-Z][0-9]{4,8}[A-Z]?")
_SEPARATOR = ";"
OLD_CITIZEN_DIGITS = 15


@dataclass(frozen=True)
class Holder:
    """One holder; `code_type` is a key of CODE_TYPES, '' where there is no number."""

    name: str
    number: str
    code_type: str


def holders(mapping: HolderMapping, names: str, numbers: str, kind: str) -> tuple[Holder, ...]:
    """Holders from `;`-separated cleaned lists, in order; `kind` is the license type's holder_kind."""
    listed = zip_longest(names.split(_SEPARATOR), numbers.split(_SEPARATOR), fillvalue="") if names or numbers else ()
    found = []
    for raw_name, raw_number in listed:
        name, number = raw_name.strip(), raw_number.strip()
        if name or number:
            found.append(Holder(name, number, _code_type(mapping.code_type, number, kind)))
    return tuple(found)


@lru_cache(maxsize=65536)
def code_type(number: str, kind: str) -> str:
    """Type of a holder's number by its shape; `kind` (person, organisation, both) settles what the shape leaves open."""
    credit = checkdigits.uscc(number)
    citizen = checkdigits.citizen_id(number) and _has_birth_date(number)
    if credit and (not citizen or kind == "organisation"):
        return CREDIT_CODE
    if citizen:
        return CITIZEN
    if kind == "organisation":
        return OTHER_ORGANISATION
    return PASSPORT if _PASSPORT.fullmatch(number) else OTHER_PERSON


def well_formed(number: str, kind: str) -> bool:
    """Whether a number can be one of that type of CODE_TYPES, as far as its form tells."""
    text = "".join(number.split()).upper()
    if kind == CREDIT_CODE:
        return checkdigits.uscc(text)
    if kind == CITIZEN:
        return (checkdigits.citizen_id(text) and _has_birth_date(text)) or (len(text) == OLD_CITIZEN_DIGITS and text.isdigit())
    return kind in CODE_TYPES


def _code_type(declared: str, number: str, kind: str) -> str:
    if not number:
        return ""
    return code_type(number, kind) if declared == "auto" else declared


def _has_birth_date(number: str) -> bool:
    try:
        date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    return True
