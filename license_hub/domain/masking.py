"""A license as a reader without need for the whole of it sees it: each committed field under the mask of the resource field behind it.

What the plan does not name is hidden. The masks themselves are `catalogs.masking`, the same for a value wherever it appears.
"""

from __future__ import annotations

from collections.abc import Mapping

from catalogs.license_type import LicenseSource
from catalogs.masking import STARS, Mask, mask_of, masked
from catalogs.model import Resource
from license_hub.domain.license import fields_behind

__all__ = ["STARS", "Mask", "mask", "mask_plan"]

_ALWAYS_OPEN = ("ZZBS", "ZZMC", "ZZLXDM", "ZZBFJG", "ZZBFJGDM", "ZZBFRQ", "ZZYXQQSRQ", "ZZYXQJZRQ", "CZZTDMLX", "CZZTDMLXDM", "SSGXQH")


def mask_plan(source: LicenseSource, resource: Resource) -> dict[str, Mask]:
    """Committed field name → mask, from the resource fields behind it."""
    plan = dict.fromkeys(_ALWAYS_OPEN, Mask.OPEN)
    return {name: mask_of(resource.field(field)) for name, field in fields_behind(source).items()} | plan


def mask(committed: Mapping[str, str], plan: Mapping[str, Mask]) -> dict[str, str]:
    """The fields as that reader sees them."""
    return {name: masked(value, plan.get(name, Mask.HIDDEN)) for name, value in committed.items()}
