"""Whether what an asker claims agrees with a license. Spelling that carries no meaning is ignored: width, spaces, case, date form."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date

from license_hub.domain.license import FACE, FIELD_TITLES

_TITLES = {title: name for name, title in FIELD_TITLES.items()}
_DATE = re.compile(r"([0-9]{4})(?:[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?|([0-9]{2})([0-9]{2}))")


def differing(committed: Mapping[str, str], claims: Mapping[str, str]) -> list[str]:
    """Claims that differ, by the asker's own names for the fields: short name, face title or metadata title."""
    names = {claim: _field(claim, committed) for claim in claims}
    wrong = set(mismatched(committed, {names[claim]: value for claim, value in claims.items()}))
    return [claim for claim, name in names.items() if name in wrong]


def _field(claim: str, committed: Mapping[str, str]) -> str:
    if claim in committed or claim in FIELD_TITLES:
        return claim
    return FACE + claim if FACE + claim in committed else _TITLES.get(claim, claim)


def mismatched(committed: Mapping[str, str], claimed: Mapping[str, str]) -> tuple[str, ...]:
    """Names of claimed fields the license does not have or has differently, sorted."""
    return tuple(sorted(name for name, value in claimed.items() if comparable(committed.get(name, "")) != comparable(value)))


def comparable(value: str) -> str:
    """The value without differences of spelling; a `;` list in any order."""
    text = "".join(unicodedata.normalize("NFKC", value).split()).casefold()
    if ";" in text:
        return ";".join(sorted(part for part in text.split(";") if part))
    return _iso(text)


def _iso(text: str) -> str:
    found = _DATE.fullmatch(text)
    if not found:
        return text
    try:
        return date(int(found[1]), int(found[2] or found[4]), int(found[3] or found[5])).isoformat()
    except ValueError:
        return text
