"""A row's source values as people may see them: masked by the sensitivity of the field behind each header.

What no field of the catalogue describes is hidden: nobody has said how sensitive it is. Malformed rows are one raw text, hidden whole.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from catalogs.masking import Mask, mask_of, masked
from catalogs.model import Resource
from quality.duplicates import SEPARATOR

RAW = "_raw"


@dataclass(frozen=True)
class Cell:
    """One value of a row. `shown` is masked unless the row was opened; None where the source has none."""

    header: str
    field: str
    """Name in the catalogue, '' where no field describes it."""
    shown: str | None
    hidden: bool
    """Not shown whole."""


class Veil:
    """Shows rows of one resource."""

    def __init__(self, resource: Resource):
        self._resource = resource
        self._fields = {one.source: one for one in resource.fields}

    def cells(self, given: Mapping[str, object], *, whole: bool = False) -> list[Cell]:
        """From a row's values by source header, in the catalogue's order, others after."""
        order = [one for one in self._fields if one in given] + [one for one in given if one not in self._fields]
        return [self._cell(header, given[header], whole) for header in order]

    def key(self, key: str | None, *, whole: bool = False) -> str:
        """The key as people read it; '' for a row without one."""
        parts = (key or "").split(SEPARATOR) if key else []
        if whole or len(parts) != len(self._resource.key):
            return "|".join(parts) if whole else ""
        return "|".join(masked(part, mask_of(self._resource.field(name))) for name, part in zip(self._resource.key, parts, strict=True))

    def _cell(self, header: str, value: object, whole: bool) -> Cell:
        field = self._fields.get(header)
        if value is None:
            return Cell(header, field.name if field else "", None, False)
        how = Mask.OPEN if whole else mask_of(field) if field else Mask.HIDDEN
        return Cell(header, field.name if field else "", masked(str(value), how), how is not Mask.OPEN)


def at_fault(cells: Collection[Cell], fields: Collection[str]) -> list[Cell]:
    """The cells a rule looks at; the raw text of a malformed row."""
    return [one for one in cells if one.field in fields or one.header == RAW]
