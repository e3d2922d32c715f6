"""Who issued a licence whose row names no organ: the registrar named by positions 1 and 3–8 of its credit code.

- position 1 says the kind of registrar (`organs.yaml`), positions 3–8 the division it sat in
- a retired division → its successor in use, else its province; an unknown one → its province; an unknown province → national
- organ codes are computed samples with right check digits, and names carry the sample mark

Source: standards.md §2.2, §2.3.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from . import checkdigits
from .divisions import NATIONAL, current, full_name
from .model import Catalog, Division

Organ = tuple[str, str]
"""(credit code, name)"""

OTHER_REGISTRAR = "Y"
"""Kind for a first character the table does not know."""


class Organs(Mapping[str, Organ]):
    """'<registrar kind><division in use>' (e.g. '9450100') → organ; computed when asked, the same for ever."""

    def __init__(self, registrars: Mapping[str, str], national: str, mark: str, divisions: Mapping[str, Division]):
        self._registrars = registrars
        self._national = national
        self._mark = mark
        self._divisions = divisions

    def __getitem__(self, key: str) -> Organ:
        kind, division = key[:1], key[1:]
        if kind not in self._registrars or not self._sits(division):
            raise KeyError(key)
        place = self._national if division == NATIONAL else full_name(self._divisions, division)
        return _code(kind, division), f"{place}{self._registrars[kind]}{self._mark}"

    def __iter__(self) -> Iterator[str]:
        places = [NATIONAL, *(code for code, one in self._divisions.items() if one.until is None and code != NATIONAL)]
        return (kind + place for kind in self._registrars for place in places)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def kind(self, character: str) -> str:
        """The registrar kind of a credit code's first character."""
        return character if character in self._registrars else OTHER_REGISTRAR

    def seat(self, division: str) -> str:
        """The division in use whose organ answers for this one."""
        if division == NATIONAL:
            return NATIONAL
        province = division[:2] + "0000"
        return current(self._divisions, division) or current(self._divisions, province) or NATIONAL

    def _sits(self, division: str) -> bool:
        return division == NATIONAL or (division in self._divisions and self._divisions[division].until is None)


def issuer(catalog: Catalog, credit_code: str) -> Organ:
    """The organ that registered this credit code. Works for every 18-character code, also of unknown kind or division."""
    organs = catalog.organs
    return organs[organs.kind(credit_code[:1]) + organs.seat(credit_code[2:8])]


def issuer_by_prefix(catalog: Catalog, prefixes: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Organ]:
    """(position 1, positions 3–8) → organ, for the distinct pairs of a batch: one look-up a pair instead of one a row."""
    organs = catalog.organs
    return {(kind, division): organs[organs.kind(kind) + organs.seat(division)] for kind, division in set(prefixes)}


def _code(kind: str, division: str) -> str:
    """11 (organ of the state) + division + a generated organization code that says the kind + check characters."""
    body = f"YL{kind}00000"
    body = f"11{division}{body}{checkdigits.organization_check(body)}"
    return body + checkdigits.uscc_check(body)
