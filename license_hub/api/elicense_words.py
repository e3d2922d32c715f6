"""Licenses as the facade writes them: English names on the wire, the short names of GB/T 36903 in XML. Source: standards.md §1.2."""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree import ElementTree

from catalogs.license_type import LicenseType
from catalogs.model import Catalog
from license_hub.domain.license import FACE, FIELD_TITLES
from license_hub.domain.masking import Mask, mask_plan
from license_hub.domain.verdict import Verdict
from license_hub.service.read import MaskedLicense
from license_hub.service.search_held import Row

from .verifications import instant

STATE = "ZZZT"


def listed(catalog: Catalog, row: Row) -> dict[str, object]:
    """A catalogue row 目录信息."""
    return {"certIdentifier": row.identifier} | _wired(catalog, row.fields) | {"certificateStatus": state(catalog, row.verdict)}


def shown(catalog: Catalog, found: MaskedLicense) -> dict[str, object]:
    """certData: metadata, face fields, how far it is to be trusted."""
    surface = [{"name": name.removeprefix(FACE), "value": value} for name, value in found.fields.items() if name.startswith(FACE)]
    told = {"certIdentifier": found.identifier} | _wired(catalog, found.fields)
    return told | {"certificateStatus": state(catalog, found.verdict), "surface": surface, "trustLevel": found.grade,
                   "asOf": instant(found.verdict.as_of)}  # fmt: skip


def metadata(catalog: Catalog, found: MaskedLicense) -> str:
    """The metadata XML: short names, and the license's state."""
    root = ElementTree.Element("METADATA")
    for name in FIELD_TITLES:
        if value := found.fields.get(name):
            ElementTree.SubElement(root, name).text = value
    ElementTree.SubElement(root, STATE).text = state(catalog, found.verdict)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True)


def remarks(catalog: Catalog, kind: LicenseType) -> list[dict[str, object]]:
    """The field dictionary of a type: what its licenses may say, field by field, and which of it is shown under a mask."""
    plan: dict[str, Mask] = {}
    for source in kind.sources:
        for name, how in mask_plan(source, catalog.resources[source.resource]).items():
            plan[name] = how if plan.get(name, Mask.OPEN) is Mask.OPEN else plan[name]
    wire = catalog.elicense.wire
    known = [(short, wire[short], title) for short, title in FIELD_TITLES.items()]
    known += [(name, name, name.removeprefix(FACE)) for name in plan if name.startswith(FACE)]
    return [
        {"name": name, "columnName": column, "title": title, "masked": plan.get(name, Mask.HIDDEN) is not Mask.OPEN}
        for name, column, title in known
    ]


def state(catalog: Catalog, verdict: Verdict) -> str:
    """certState of that verdict."""
    return catalog.elicense.verdicts[verdict.code].state or "99"


def _wired(catalog: Catalog, fields: Mapping[str, str]) -> dict[str, object]:
    return {wire: fields[short] for short, wire in catalog.elicense.wire.items() if short in fields}
