"""What a reader without need for the whole value sees: names by their first character, numbers by first and last, the rest not at all.

One mask for a value wherever it appears: two masked views of a thing never join to more than either.
Source: threats.md "Masking" (no standard was found; the choice is ours).
"""

from __future__ import annotations

from enum import StrEnum

from .model import Field

OPEN_UP_TO = 2
"""Highest sensitivity shown whole: 1 open, 2 internal, 3 personal, 4 sensitive personal."""
STARS = "***"

_NAME_TYPES = ("person_name", "org_name", "holder_names")
_NUMBER_TYPES = ("citizen_id", "uscc", "certificate_number", "phone", "holder_numbers", "real_estate_unit")


class Mask(StrEnum):
    OPEN = "OPEN"
    NAME = "NAME"
    NUMBER = "NUMBER"
    HIDDEN = "HIDDEN"


def mask_of(field: Field) -> Mask:
    """By the field's sensitivity and type."""
    if field.sensitivity <= OPEN_UP_TO:
        return Mask.OPEN
    if field.type in _NAME_TYPES:
        return Mask.NAME
    return Mask.NUMBER if field.type in _NUMBER_TYPES else Mask.HIDDEN


def masked(value: str, how: Mask) -> str:
    """A value, or a `;` list of them, under a mask."""
    if how is Mask.OPEN:
        return value
    if how is Mask.HIDDEN:
        return STARS
    return ";".join(_one(part, how) for part in value.split(";"))


def _one(part: str, how: Mask) -> str:
    if how is Mask.NAME:
        # A one-character name would be shown whole.
        return part[0] + STARS if len(part) > 1 else STARS
    return f"{part[0]}{STARS}{part[-1]}" if len(part) > 3 else STARS
