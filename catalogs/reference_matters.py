"""Matters against what they name: codes, departments, license types, resources, reviews, and promises where none may be asked for.

What bundles unite is judged in `reference_bundles`. Source: standards.md §6.2; issue 5 §1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from . import checkdigits, reference_bundles
from .documents import Document, of_kind
from .matter import DRAFT, GOVERNMENT, OFFICES, PUBLISHED

if TYPE_CHECKING:
    from .references import Known

CREDIT_CODE = slice(0, 18)
LEVEL = 18
BASIC_CODE = slice(19, 31)
NUMBER_TYPES = ("citizen_id", "uscc", "holder_numbers")
"""Types of fields by which a holder is looked up."""
VERIFY_ONLY = "verify_only"


def faults(data: dict, known: Known) -> Iterator[tuple[str, str]]:
    """(key path, reason) of everything wrong in one matter."""
    yield from _codes(data, known)
    yield from _reviews(data)
    yield from _named(data, known)
    yield from _repeated(data["materials"], "materials", "code")
    yield from _repeated(data["form"], "form", "name")
    parties = reference_bundles.parties(data, known)
    for number, material in enumerate(data["materials"]):
        for where, reason in _material(material, data, parties, known):
            yield f"materials[{number}].{where}", reason
    for number, field in enumerate(data["form"]):
        for place, one in enumerate(field["prefill"]):
            for where, reason in _prefill(one, parties, known):
                yield f"form[{number}].prefill[{place}].{where}", reason
    yield from reference_bundles.faults(data, known)


def is_former(document: Document) -> bool:
    """Whether the file holds a former version: `<id>-<version>.yaml` beside `<id>.yaml`."""
    return "-" in PurePosixPath(document.path).stem


def versions(documents: list[Document]) -> Iterator[str]:
    """Former versions of one matter against the current one: published, numbered upwards, each since a later day."""
    of: dict[str, list[Document]] = {}
    for document in of_kind(documents, "matter"):
        of.setdefault(document.data["id"], []).append(document)
    for found in of.values():
        found.sort(key=lambda one: (not is_former(one), int(one.data["version"])))
        if is_former(found[-1]):
            yield f"{found[-1].path}: id: no file {found[-1].data['id']}.yaml has the current version"
        for document in found:
            if is_former(document) and document.data["state"] != PUBLISHED:
                yield f"{document.path}: state: a former version was published; what never was is no version"
        for earlier, later in pairwise(found):
            if int(later.data["version"]) <= int(earlier.data["version"]):
                yield f"{later.path}: version: {later.data['version']} does not come after {earlier.data['version']} of {earlier.path}"
            elif later.data["since"] <= earlier.data["since"]:
                yield f"{later.path}: since: {later.data['since']} is not after {earlier.data['since']} of {earlier.path}"


def _codes(data: dict, known: Known) -> Iterator[tuple[str, str]]:
    code, department = data["task_code"], known.departments.get(data["department"])
    if not checkdigits.uscc(code[CREDIT_CODE]):
        yield "task_code", "the check character of its credit code (characters 1–18) is wrong (GB 32100)"
    if code[LEVEL] != data["level"]:
        yield "task_code", f"character 19 is {code[LEVEL]}, the level is {data['level']}"
    if code[BASIC_CODE] != data["code"]:
        yield "task_code", f"characters 20–31 are not the 基本编码 {data['code']}"
    if not department:
        return
    if code[CREDIT_CODE] != department["credit_code"]:
        yield "task_code", f"its credit code is not that of {data['department']}"
    if data["level"] != level(department["division"]):
        yield "level", f"{data['department']} sits in {department['division']}, that is level {level(department['division'])}"


def level(division: str) -> str:
    """行使层级 of a body that sits there: 1 国, 2 省, 3 市, 4 县."""
    if division in ("000000", "100000"):
        return "1"
    return "2" if division.endswith("0000") else "3" if division.endswith("00") else "4"


def _reviews(data: dict) -> Iterator[tuple[str, str]]:
    """三方审核: each office once, by a person of its own; published once all three agreed, not in force before they did."""
    by: dict[str, str] = {}
    for number, one in enumerate(data["reviews"]):
        if one["office"] in by.values():
            yield f"reviews[{number}].office", f"{one['office']} is there twice"
        elif one["by"] in by:
            yield f"reviews[{number}].by", f"{one['by']} has answered for {by[one['by']]} already"
        by.setdefault(one["by"], one["office"])
        if data["state"] == PUBLISHED and one["signed_on"] > data["since"]:
            yield f"reviews[{number}].signed_on", f"is after since {data['since']}: nothing is in force before the offices agreed"
    missing = [office for office in OFFICES if office not in {one["office"] for one in data["reviews"]}]
    if data["state"] == PUBLISHED and missing:
        yield "state", f"published without the review of {', '.join(missing)}"
    if data["state"] == "draft" and data["reviews"]:
        yield "state", "has reviews, so it is no draft any more: write review"


def _named(data: dict, known: Known) -> Iterator[tuple[str, str]]:
    if not known.complete:
        return
    if data["department"] not in known.departments:
        yield "department", f"no department {data['department']}"
    if data["state"] != DRAFT and not data["areas"]:
        yield "areas", "only a draft may leave open in which fields of life it lies: promises depend on it"
    for number, area in enumerate(data["areas"]):
        if area not in known.areas:
            yield f"areas[{number}]", f"no area {area} in promises.yaml"
    if not data["materials"] and "bundle" not in data:
        yield "materials", "a matter asks for at least one; only a bundle may leave that to its matters"


def _repeated(entries: Sequence[Mapping], where: str, key: str) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for number, one in enumerate(entries):
        if one[key] in seen:
            yield f"{where}[{number}].{key}", f"{one[key]} occurs twice"
        seen.add(one[key])


def _material(material: dict, matter: dict, parties: Mapping[str, str], known: Known) -> Iterator[tuple[str, str]]:
    if material["party"] not in parties:
        yield "party", f"no party {material['party']}"
    issued = material["channel"] == GOVERNMENT
    if issued != ("department" in material):
        yield "department", "channel 20 needs the department that issues it" if issued else "only a material of channel 20 has one"
    elif issued and known.complete and material["department"] not in known.departments:
        yield "department", f"no department {material['department']}"
    kinds = [one["kind"] for one in material["ways"]]
    if "cancel" in kinds and kinds != ["cancel"]:
        yield "ways", "what is cancelled is asked for by nobody: no other way beside it"
    for number, one in enumerate(material["ways"]):
        for where, reason in _WAYS.get(one["kind"], _nothing)(one, matter, known):
            yield f"ways[{number}]{where}", reason


def _nothing(way: dict, matter: dict, known: Known) -> Iterator[tuple[str, str]]:
    return iter(())


def _license(way: dict, matter: dict, known: Known) -> Iterator[tuple[str, str]]:
    for number, name in enumerate(way["types"]):
        one = known.license_types.get(name)
        if one is None:
            if known.complete:
                yield f".types[{number}]", f"no license type {name}"
            continue
        yield from _usable(one, f".types[{number}]")
        if way.get("grade", "C") < one["grade_cap"]:
            yield ".grade", f"{name} reaches {one['grade_cap']} at best, so {way['grade']} is never met"
        for place, title in enumerate(way["face"]):
            if one["sources"] and title not in _titles(one):
                yield f".face[{place}]", f"{name} has no face field {title}"


def _usable(license_type: dict, where: str) -> Iterator[tuple[str, str]]:
    """A way that can never hold would count as linked and exempt nobody."""
    if license_type["origin"] == VERIFY_ONLY:
        yield where, f"{license_type['id']} is verify_only: no license of it is ever held; share its resource or ask the department"
    elif not license_type["sources"]:
        yield where, f"{license_type['id']} has no source yet: no license of it can be found"


def _titles(license_type: dict) -> set[str]:
    return {title for source in license_type["sources"] for title in source["face"]}


def _share(way: dict, matter: dict, known: Known) -> Iterator[tuple[str, str]]:
    resource = known.resources.get(way["resource"])
    if resource is None:
        if known.complete:
            yield ".resource", f"no resource {way['resource']}"
        return
    fields = known.fields(way["resource"])
    if resource["sharing"]["attribute"] == "none":
        yield ".resource", f"{way['resource']} is not shared"
    yield from _number(way, fields)
    named = [(f".fields[{n}]", name) for n, name in enumerate(way["fields"])] + [(f".where.{name}", name) for name in way["where"]]
    for where, name in named:
        if name not in fields:
            yield where, f"no field {name} in {way['resource']}"
    for name, values in way["where"].items():
        table = known.codes.get(fields[name]["type"].partition(":")[2]) if name in fields else None
        for number, value in enumerate(values):
            if table and value not in table["values"]:
                yield f".where.{name}[{number}]", f"no code {value} of {table['id']}"


def _number(one: dict, fields: Mapping[str, dict]) -> Iterator[tuple[str, str]]:
    name = one["number_field"]
    if name not in fields:
        yield ".number_field", f"no field {name}"
    elif fields[name]["type"] not in NUMBER_TYPES:
        yield ".number_field", f"{name} must be a holder's number: a field of type {', '.join(NUMBER_TYPES)}"


def _check(way: dict, matter: dict, known: Known) -> Iterator[tuple[str, str]]:
    if known.complete and way["department"] not in known.departments:
        yield ".department", f"no department {way['department']}"


def _promise(way: dict, matter: dict, known: Known) -> Iterator[tuple[str, str]]:
    for area in matter["areas"]:
        if known.areas.get(area, {}).get("excluded"):
            yield "", f"no promise in the area {area} ({known.areas[area]['title']}): promises.yaml excludes it"


def _prefill(one: dict, parties: Mapping[str, str], known: Known) -> Iterator[tuple[str, str]]:
    if one["party"] not in parties:
        yield "party", f"no party {one['party']}"
    if one["kind"] == "license":
        license_type = known.license_types.get(one["of"])
        if license_type is None:
            if known.complete:
                yield "of", f"no license type {one['of']}"
            return
        yield from _usable(license_type, "of")
        if license_type["sources"] and one["field"] not in _titles(license_type):
            yield "field", f"{one['of']} has no face field {one['field']}"
    if one["kind"] == "share":
        asked = {"resource": one["of"], "number_field": one["number_field"], "fields": [one["field"]], "where": {}}
        places = {".resource": "of", ".number_field": "number_field", ".fields[0]": "field"}
        yield from ((places[where], reason) for where, reason in _share(asked, {}, known))


_WAYS = {"license": _license, "share": _share, "check": _check, "promise": _promise}
