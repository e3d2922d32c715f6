"""What a license type says: how rows become licenses of it, and who holds them. Frozen dataclasses, as in `catalogs.model`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class HolderMapping:
    """Where a license finds its holder(s): names and numbers are fields of the row."""

    name_field: str
    number_field: str
    code_type: str
    """Holder-code type of standards.md §1.3 (001, 111), or 'auto' (by the number's shape, one by one)."""


@dataclass(frozen=True)
class LicenseSource:
    """How rows of one resource become licenses of a type."""

    resource: str
    number_field: str
    holder: HolderMapping
    holder_base: tuple[str, ...]
    """Empty tuple = `self`: the row itself is the base."""
    issuer_field: str | None
    """Field with the issuing organ's credit code, or None → `issuer_table` by positions 1 and 3–8 of `number_field`."""
    issuer_name_field: str | None
    applies_field: str | None
    applies_prefixes: tuple[str, ...]
    """The row makes a license of this type if the field starts with one of these; no field = always."""
    face: Mapping[str, str]
    """Face field title (Chinese, as printed) → resource field."""
    issued_on_field: str | None
    valid_from_field: str | None
    valid_to_field: str | None
    """Empty value of valid_to = 长期 (long-term)."""
    status_field: str | None
    status_map: Mapping[str, str]
    """Source status code → lifecycle state name (domain.lifecycle.State)."""
    area_field: str | None


@dataclass(frozen=True)
class LicenseType:
    id: str
    name: str
    type_code: str
    """21 characters: 18 credit code of the defining authority + 3 digits."""
    defining_authority: str
    origin: str  # collected, made_for_issuer or verify_only
    holder_kind: str  # person, organisation or both
    commission: str | None
    """The issuing organs' recorded commission, for made_for_issuer."""
    sources: tuple[LicenseSource, ...]
    grade_cap: str
    """Best trust grade A–D this type may reach."""
    source: str
    since: str
