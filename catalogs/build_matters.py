"""Turns documents of matters into the dataclasses of `catalogs.matter`. Expects documents that passed `catalogs.validate`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from .documents import Document
from .matter import (
    Area,
    Bundle,
    CancelWay,
    CheckWay,
    DeferWay,
    FormField,
    LicenseWay,
    Material,
    Matter,
    Prefill,
    PromiseWay,
    Review,
    ShareWay,
    Way,
)
from .reference_matters import is_former

WAYS = {one.kind: one for one in (LicenseWay, ShareWay, CheckWay, PromiseWay, DeferWay, CancelWay)}


def areas(data: dict) -> Mapping[str, Area]:
    return {name: Area(name, one["title"], one["excluded"]) for name, one in data["areas"].items()}


def matters(documents: Iterable[Document]) -> Mapping[str, Matter]:
    """All matters by id, bundles with what their matters ask for."""
    single = {one.id: one for one in (_matter(document.data) for document in documents if not is_former(document))}
    return {name: _united(one, [single[part] for part in one.bundle.matters]) if one.bundle else one for name, one in single.items()}


def former(documents: Iterable[Document]) -> Mapping[str, tuple[Matter, ...]]:
    """Former versions by id, oldest first; of a bundle with its matters as they were on the day it began."""
    versions: dict[str, list[Matter]] = {}
    for document in documents:
        versions.setdefault(document.data["id"], []).append(_matter(document.data))
    for known in versions.values():
        known.sort(key=lambda one: int(one.version))
    past = {name: known[:-1] for name, known in versions.items() if known[1:]}
    return {name: tuple(_as_it_was(one, versions) for one in known) for name, known in past.items()}


def _as_it_was(matter: Matter, versions: Mapping[str, Sequence[Matter]]) -> Matter:
    if matter.bundle is None:
        return matter
    parts = [[one for one in versions[name] if one.since <= matter.since] or versions[name][:1] for name in matter.bundle.matters]
    return _united(matter, [known[-1] for known in parts])


def _matter(data: dict) -> Matter:
    bundle = data.get("bundle")
    nested = {
        "audience": tuple(data["audience"]),
        "areas": tuple(data["areas"]),
        "parties": dict(data["parties"]),
        "reviews": tuple(Review(one["office"], one["by"], one["signed_on"], one["document_no"]) for one in data["reviews"]),
        "materials": tuple(map(_material, data["materials"])),
        "form": tuple(map(_form_field, data["form"])),
        "bundle": Bundle(bundle["lead"], tuple(bundle["cooperating"]), tuple(bundle["matters"])) if bundle else None,
    }
    return Matter(**{**data, **nested})


def _material(data: dict) -> Material:
    return Material(**{"department": None, **data, "ways": tuple(map(_way, data["ways"]))})


def _way(data: dict) -> Way:
    lists = {name: tuple(data[name]) for name in ("types", "face", "regions", "fields") if name in data}
    where = {"where": {name: tuple(values) for name, values in data["where"].items()}} if "where" in data else {}
    return WAYS[data["kind"]](**{**data, **lists, **where})


def _form_field(data: dict) -> FormField:
    return FormField(**{**data, "prefill": tuple(_prefill(one) for one in data["prefill"])})


def _prefill(data: dict) -> Prefill:
    return Prefill(**{"of": "", **data})


def _united(bundle: Matter, parts: Sequence[Matter]) -> Matter:
    """The bundle with the union of its matters' materials (by code), form fields (by name), parties and areas; what it says itself first.

    The check holds things of one code or name to be the same in all of them but for how much they are needed: the most counts.
    """
    all_of = (bundle, *parts)
    materials: dict[str, Material] = {}
    form: dict[str, FormField] = {}
    for part in all_of:
        for one in part.materials:
            known = materials.get(one.code, one)
            materials[one.code] = replace(known, necessity=min(known.necessity, one.necessity, key=_URGENCY.index))
        for field in part.form:
            known_field = form.get(field.name, field)
            form[field.name] = replace(known_field, required=known_field.required or field.required)
    return replace(
        bundle,
        audience=tuple(dict.fromkeys(one for part in all_of for one in part.audience)),
        areas=tuple(dict.fromkeys(one for part in all_of for one in part.areas)),
        parties={name: title for part in reversed(all_of) for name, title in part.parties.items()},
        materials=tuple(materials.values()),
        form=tuple(form.values()),
    )


_URGENCY = ("1", "3", "2")
"""Necessity, the most pressing first: asked, may follow later, may be given."""
