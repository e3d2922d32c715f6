"""What names what: departments, code tables, fields, resources, connections between files. Yields `file: key.path: reason`.

Expects documents of good shape (`catalogs.schema`). Where other documents are broken (`complete=False`) a name that is not found
may stand in one of them, so only names inside the same document are judged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path, PurePosixPath

from . import checkdigits, reference_licenses, reference_matters, reference_rules
from .documents import KINDS, Document, of_kind
from .model import CHECKS
from .workdays import SATURDAY

ONE_EACH = ("resource", "code_table", "license_type", "matter")
"""Kinds with one entry a file: the file is called like its id."""


@dataclass(frozen=True)
class Known:
    """What the documents define, for the others to name."""

    departments: Mapping[str, dict]
    resources: Mapping[str, dict]
    codes: Mapping[str, dict]
    complete: bool
    license_types: Mapping[str, dict] = field(default_factory=dict)
    matters: Mapping[str, dict] = field(default_factory=dict)
    areas: Mapping[str, dict] = field(default_factory=dict)

    def fields(self, resource_id: str) -> dict[str, dict]:
        return {one["name"]: one for one in self.resources[resource_id]["fields"]}


def faults(documents: list[Document], *, complete: bool) -> Iterator[str]:
    """All faults between (and inside) these documents."""
    known = Known(
        departments={one["id"]: one for d in of_kind(documents, "department") for one in d.data["departments"]},
        resources={d.data["id"]: d.data for d in of_kind(documents, "resource")},
        codes={d.data["id"]: d.data for d in of_kind(documents, "code_table")},
        complete=complete,
        license_types={d.data["id"]: d.data for d in of_kind(documents, "license_type")},
        matters={d.data["id"]: d.data for d in of_kind(documents, "matter") if not reference_matters.is_former(d)},
        areas={name: one for d in of_kind(documents, "promises") for name, one in d.data["areas"].items()},
    )
    for document in documents:
        judge = _JUDGES.get(document.kind)
        for where, reason in judge(document.data, known) if judge else ():
            yield f"{document.path}: {where}: {reason}"
    yield from reference_matters.versions(documents)
    yield from _doubles(documents)
    yield from _names(documents)


def missing_files(documents: list[Document], root: Path) -> Iterator[str]:
    """A catalogue has at least one document of each kind."""
    for name, kind in KINDS.items():
        if not any(True for _ in of_kind(documents, kind)) and not (root / name).is_file():
            yield f"{name}: (top): missing; a catalogue has at least one {kind} document"


def _names(documents: list[Document]) -> Iterator[str]:
    for document in documents:
        named_by = "id" if document.kind in ONE_EACH else "resource" if document.kind == "rules" else None
        expected = document.data[named_by] if named_by else None
        if document.kind == "matter" and reference_matters.is_former(document):
            expected = f"{expected}-{document.data['version']}"
        if expected and PurePosixPath(document.path).stem != expected:
            yield f"{document.path}: {named_by}: is {expected}; the file must be called {expected}.yaml"


def _doubles(documents: list[Document]) -> Iterator[str]:
    entries = [(d.path, "id", d.kind, d.data["id"]) for d in documents if d.kind in ONE_EACH and d.kind != "matter"]
    entries += [(d.path, "type_code", "type_code", d.data["type_code"]) for d in of_kind(documents, "license_type")]
    entries += [(d.path, "resource", "rules", d.data["resource"]) for d in of_kind(documents, "rules")]
    for d in of_kind(documents, "department"):
        entries += [(d.path, f"departments[{n}].id", "department", one["id"]) for n, one in enumerate(d.data["departments"])]
    for d in of_kind(documents, "rules"):
        entries += [(d.path, f"rules[{n}].id", "rule", one["id"]) for n, one in enumerate(d.data["rules"])]
    for d in of_kind(documents, "messages"):
        entries += [(d.path, f"{group}.{code}", "message", code) for group, codes in d.data.items() for code in codes]
    for d in of_kind(documents, "glossary"):
        for language in ("chinese", "english"):
            entries += [(d.path, f"terms[{n}].{language}", language, one[language]) for n, one in enumerate(d.data["terms"])]
    counts = Counter((kind, value) for _, _, kind, value in entries)
    for path, where, kind, value in entries:
        if counts[kind, value] > 1:
            yield f"{path}: {where}: {value} occurs {counts[kind, value]} times"


def _departments(data: dict, known: Known) -> Iterator[tuple[str, str]]:
    for number, one in enumerate(data["departments"]):
        if not checkdigits.uscc(one["credit_code"]):
            yield f"departments[{number}].credit_code", "the check character is wrong (GB 32100)"


def _resource(data: dict, known: Known) -> Iterator[tuple[str, str]]:
    fields = {one["name"]: one for one in data["fields"]}
    yield from _repeated(data["fields"], "name")
    yield from _repeated(data["fields"], "source")
    yield from _departments_of(data, known)
    named = [(f"key[{n}]", one) for n, one in enumerate(data["key"])]
    named += [(where, data[where]) for where in ("order_by", "watermark") if data.get(where)]
    named += [("delivery.partition_field", data["delivery"]["partition_field"])] if "partition_field" in data["delivery"] else []
    for where, name in named:
        if name not in fields:
            yield where, f"no field {name}"
        elif where.startswith("key") and not fields[name].get("required"):
            yield where, f"{name} is a key and must be required"
        elif where in ("order_by", "watermark") and fields[name]["type"] not in ("date", "datetime"):
            yield where, f"{name} must be a date or datetime"
        elif where == "delivery.partition_field" and not fields[name]["type"].startswith("code:"):
            yield where, f"{name} must be of a code table"
    for number, one in enumerate(data["fields"]):
        table = one["type"].partition(":")[2]
        if table and table not in known.codes and known.complete:
            yield f"fields[{number}].type", f"no code table {table}"
    yield from _delivery(data)
    yield from _answering(data, {name: one["type"] for name, one in fields.items()})


def _answering(data: dict, types: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Who answers for a row, and until when it is of use."""
    named = [(f"responsible.{role}", name, "division" if role == "division" else "uscc")
             for role, name in data.get("responsible", {}).items()]  # fmt: skip
    named += [("usable_until", data["usable_until"], "date")] if "usable_until" in data else []
    for where, name, wanted in named:
        if types.get(name) != wanted:
            yield where, f"{name} must be a field of type {wanted}"


def weights(data: dict, known: Known) -> Iterator[tuple[str, str]]:
    if not any(data["default"].values()):
        yield "default", "at least one indicator must weigh something"
    for resource, given in data.get("resources", {}).items():
        if resource not in known.resources and known.complete:
            yield f"resources.{resource}", f"no resource {resource}"
        for code in set(given) - set(data["default"]):
            yield f"resources.{resource}.{code}", "no such indicator in default"


def _changes(data: dict, known: Known) -> Iterator[tuple[str, str]]:
    bounds = [("weights", data["weights"]), *((f"limits.{name}", one) for name, one in data["limits"].items())]
    yield from ((where, "least is greater than most") for where, one in bounds if one["least"] > one["most"])
    for number, lock in enumerate(data["locked"]):
        for check in lock["checks"]:
            if check not in CHECKS:
                yield f"locked[{number}].checks", f"no check {check}"


def _elicense(data: dict, known: Known) -> Iterator[tuple[str, str]]:
    for group in ("verdicts", "refusals"):
        for code, one in data[group].items():
            if str(one["status"]) not in data["statuses"]:
                yield f"{group}.{code}.status", f"no status {one['status']}"
            if "result" in one and str(one["result"]) not in data["results"]:
                yield f"{group}.{code}.result", f"no result {one['result']}"
    for alias, name in data["aliases"].items():
        if name not in data["wire"] or alias in data["wire"].values():
            yield f"aliases.{alias}", f"no field {name}, or its own name on the wire"


def _indicators(data: dict, known: Known) -> Iterator[tuple[str, str]]:
    codes = [one["code"] for one in data["indicators"]]
    for number, code in enumerate(codes):
        if codes.count(code) > 1:
            yield f"indicators[{number}].code", f"{code} occurs twice"


def _workdays(data: dict, known: Known) -> Iterator[tuple[str, str]]:
    """A day that is what the week says already is a slip of the pen."""
    for year, given in data["years"].items():
        for kind, weekend in (("rest", False), ("work", True)):
            for number, text in enumerate(given[kind]):
                where = f"years.{year}.{kind}[{number}]"
                try:
                    day = date.fromisoformat(f"{year}-{text}")
                except ValueError:
                    yield where, f"{year} has no {text}"
                    continue
                if (day.weekday() >= SATURDAY) != weekend:
                    yield where, f"{text} is {'no' if weekend else 'a'} weekend day"


def _delivery(data: dict) -> Iterator[tuple[str, str]]:
    mode, operation = data["delivery"]["mode"], data["delivery"].get("operation_field")
    if mode == "increment" and not data.get("watermark"):
        yield "watermark", "an increment needs one"
    if mode != "increment" and data.get("watermark"):
        yield "watermark", f"only an increment has one, this is a {mode}"
    if operation and operation not in {one["source"] for one in data["fields"]}:
        yield "delivery.operation_field", f"no field with the source column {operation}"


def _departments_of(data: dict, known: Known) -> Iterator[tuple[str, str]]:
    named = [("department", data["department"])]
    named += [(f"fields[{n}].department", one["department"]) for n, one in enumerate(data["fields"]) if "department" in one]
    if known.complete:
        yield from ((where, f"no department {name}") for where, name in named if name not in known.departments)


def _repeated(entries: Iterable[dict], key: str) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for number, one in enumerate(entries):
        if one[key] in seen:
            yield f"fields[{number}].{key}", f"{one[key]} occurs twice"
        seen.add(one[key])


def _code_table(data: dict, known: Known) -> Iterator[tuple[str, str]]:
    labels = {label: code for code, label in data["values"].items()}
    if len(labels) < len(data["values"]):
        yield "values", "two codes have the same label"
    for alias, code in data.get("aliases", {}).items():
        if code not in data["values"]:
            yield f"aliases.{alias}", f"no code {code}"
        elif data["values"].get(alias, data["values"][code]) != data["values"][code] or labels.get(alias, code) != code:
            yield f"aliases.{alias}", "is a code or label itself, of another code"


_JUDGES = {
    "department": _departments,
    "resource": _resource,
    "code_table": _code_table,
    "rules": reference_rules.faults,
    "license_type": reference_licenses.faults,
    "weights": weights,
    "workdays": _workdays,
    "indicators": _indicators,
    "changes": _changes,
    "elicense": _elicense,
    "matter": reference_matters.faults,
}
