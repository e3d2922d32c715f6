"""Bundles 一件事 against the matters they unite: what has one code or name in several of them must be one and the same thing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .references import Known


def parties(data: dict, known: Known) -> Mapping[str, str]:
    """Parties a matter may name: its own and, of a bundle, those of its matters."""
    return {name: title for one in (*_parts(data, known), data) for name, title in one["parties"].items()}


def faults(data: dict, known: Known) -> Iterator[tuple[str, str]]:
    """(key path, reason) of everything wrong in the bundle of one matter; nothing for a matter that is none."""
    bundle = data.get("bundle")
    if not bundle:
        return
    if known.complete:
        yield from _named(bundle, data, known)
    if bundle["lead"] in bundle["cooperating"]:
        yield "bundle.cooperating", f"{bundle['lead']} is the lead"
    parts = _parts(data, known)
    if data["state"] == "published":
        for one in parts:
            if one["state"] != "published":
                yield "bundle.matters", f"{one['id']} is not published, so the bundle cannot be"
    bodies = {one["department"] for one in parts} - {bundle["lead"], *bundle["cooperating"]}
    if bodies:
        yield "bundle.cooperating", f"{', '.join(sorted(bodies))} answers for a matter of the bundle and is not there"
    yield from _same([data, *parts])


def _named(bundle: dict, data: dict, known: Known) -> Iterator[tuple[str, str]]:
    if bundle["lead"] != data["department"]:
        yield "bundle.lead", f"is not the matter's department {data['department']}"
    for number, name in enumerate(bundle["cooperating"]):
        if name not in known.departments:
            yield f"bundle.cooperating[{number}]", f"no department {name}"
    for number, name in enumerate(bundle["matters"]):
        if name not in known.matters:
            yield f"bundle.matters[{number}]", f"no matter {name}"
        elif "bundle" in known.matters[name]:
            yield f"bundle.matters[{number}]", f"{name} is a bundle itself"


def _parts(data: dict, known: Known) -> list[dict]:
    named = data.get("bundle", {}).get("matters", ())
    return [known.matters[name] for name in named if name in known.matters and "bundle" not in known.matters[name]]


def _same(parts: list[dict]) -> Iterator[tuple[str, str]]:
    """How much a thing is needed may differ, the rest may not: else the union would depend on the order of the files."""
    for what, key, loose in (("materials", "code", "necessity"), ("form", "name", "required")):
        first: dict[str, tuple[str, dict]] = {}
        for part in parts:
            for one in part[what]:
                place, known = first.setdefault(one[key], (part["id"], one))
                if {**known, loose: None} != {**one, loose: None}:
                    yield "bundle.matters", f"{what} {one[key]} of {part['id']} is not the one of {place}"
    titles: dict[str, str] = {}
    for part in parts:
        for name, title in part["parties"].items():
            if titles.setdefault(name, title) != title:
                yield "bundle.matters", f"party {name} is {titles[name]} and {title}"
