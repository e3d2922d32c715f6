"""What a reader without need for the whole value sees: names by their first character, numbers by first and last, the rest not at all.

One mask for a value wherever it appears: two masked views of a license never join to more than either. What the plan does not
name is hidden. Source: threats.md "Masking" (no standard was found; the choice is ours).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from catalogs.model import LicenseSource, Resource
from license_hub.domain.license import FACE

OPEN_UP_TO = 2
"""Highest sensitivity shown whole: 1 open, 2 internal, 3 personal, 4 sensitive personal."""
STARS = "***"

_NAME_TYPES = ("person_name", "org_name", "holder_names")
_NUMBER_TYPES = ("citizen_id", "uscc", "certificate_number", "phone", "holder_numbers", "real_estate_unit")
_ALWAYS_OPEN = ("ZZBS", "ZZMC", "ZZLXDM", "ZZBFJG", "ZZBFJGDM", "ZZBFRQ", "ZZYXQQSRQ", "ZZYXQJZRQ", "CZZTDMLX", "CZZTDMLXDM", "SSGXQH")


class Mask(StrEnum):
    OPEN = "OPEN"
    NAME = "NAME"
    NUMBER = "NUMBER"
    HIDDEN = "HIDDEN"


def mask_plan(source: LicenseSource, resource: Resource) -> dict[str, Mask]:
    """Committed field name → mask, from the sensitivity and type of the resource fields behind it."""
    plan = dict.fromkeys(_ALWAYS_OPEN, Mask.OPEN)
    behind = {"ZZBH": source.number_field, "CZZT": source.holder.name_field, "CZZTDM": source.holder.number_field}
    behind.update({FACE + title: name for title, name in source.face.items()})
    for name, field_name in behind.items():
        field = resource.field(field_name)
        if field.sensitivity <= OPEN_UP_TO:
            plan[name] = Mask.OPEN
        elif field.type in _NAME_TYPES:
            plan[name] = Mask.NAME
        else:
            plan[name] = Mask.NUMBER if field.type in _NUMBER_TYPES else Mask.HIDDEN
    return plan


def mask(committed: Mapping[str, str], plan: Mapping[str, Mask]) -> dict[str, str]:
    """The fields as that reader sees them."""
    return {name: _masked(value, plan.get(name, Mask.HIDDEN)) for name, value in committed.items()}


def _masked(value: str, how: Mask) -> str:
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
