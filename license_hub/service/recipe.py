"""A license source compiled for scanning: the columns a draft reads and how each becomes text. Picklable, for worker processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from catalogs.license_type import LicenseSource, LicenseType
from catalogs.model import Catalog
from license_hub.domain.holder import code_type
from license_hub.domain.policy import SealState, grade

_LIST_TYPES = ("holder_names", "holder_numbers")


@dataclass(frozen=True)
class Recipe:
    kind: LicenseType
    source: LicenseSource
    labels: Mapping[str, Mapping[str, str]]
    """Face column → labels of its code table: a face shows 餐饮服务经营者, not 2."""
    currencies: Mapping[str, str]
    """Money column → column of its currency."""
    holder_lists: bool
    """The holder columns hold `;` lists."""

    @property
    def type_id(self) -> str:
        return self.kind.id

    @property
    def resource(self) -> str:
        return self.source.resource

    @property
    def day_columns(self) -> tuple[str, ...]:
        """Columns of which only the day counts."""
        source = self.source
        return tuple(name for name in (source.issued_on_field, source.valid_from_field, source.valid_to_field) if name)

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column a draft reads, each once."""
        source = self.source
        single = (source.number_field, source.holder.name_field, source.holder.number_field, source.issuer_field, source.issuer_name_field)
        more = (*self.day_columns, source.area_field, source.status_field, *source.face.values())
        return tuple(dict.fromkeys(name for name in (*single, *more) if name))

    def code_types(self, numbers: Sequence[str]) -> list[str]:
        """The holder-code type of each number, by the catalogue or by the number's shape."""
        declared = self.source.holder.code_type
        return [code_type(one, self.kind.holder_kind) for one in numbers] if declared == "auto" else [declared] * len(numbers)

    def grade(self, holder_verified: bool, insecure: bool) -> str:
        """Trust grade: what is collected has no seal here; a development key's seal is there but proves nothing to others."""
        made = self.kind.origin == "made_for_issuer"
        seal = SealState.ABSENT if not made else SealState.PRESENT if insecure else SealState.VERIFIED
        return grade(seal, holder_verified, self.kind.grade_cap)


def compile_recipe(catalog: Catalog, kind: LicenseType, source: LicenseSource) -> Recipe:
    """Raises KeyError when the source names a field its resource does not have (the catalogue's loader refuses that first)."""
    resource = catalog.resources[source.resource]
    faces = {name: resource.field(name) for name in source.face.values()}
    return Recipe(
        kind=kind,
        source=source,
        # The status column stays a code: `status_map` reads it.
        labels={name: dict(catalog.codes[one.table].labels) for name, one in faces.items() if one.table and name != source.status_field},
        currencies={name: f"{name}_currency" for name, one in faces.items() if one.type == "money"},
        holder_lists=resource.field(source.holder.number_field).type in _LIST_TYPES,
    )


def recipes(catalog: Catalog, resource: str) -> list[Recipe]:
    """One a license type that rows of the resource make, in the catalogue's order."""
    found = [(kind, source) for kind in catalog.license_types.values() for source in kind.sources if source.resource == resource]
    return [compile_recipe(catalog, kind, source) for kind, source in found if kind.origin != "verify_only"]


def leaning_on(catalog: Catalog, base: str) -> list[Recipe]:
    """Recipes whose holders are looked up in that resource; rows that are their own base lean on their own resource."""
    found = [(kind, source) for kind in catalog.license_types.values() for source in kind.sources]
    leaning = [(kind, source) for kind, source in found if base in (source.holder_base or (source.resource,))]
    return [compile_recipe(catalog, kind, source) for kind, source in leaning if kind.origin != "verify_only"]
