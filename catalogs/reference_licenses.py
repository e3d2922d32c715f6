"""License types against the resources they are made from: fields, holder bases, issuers, status maps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from . import checkdigits

if TYPE_CHECKING:
    from .references import Known

SINGLE_FIELDS = (
    "number_field", "issuer_field", "issuer_name_field", "applies_field",
    "issued_on_field", "valid_from_field", "valid_to_field", "status_field", "area_field",
)  # fmt: skip
DATE_FIELDS = ("issued_on_field", "valid_from_field", "valid_to_field")


def faults(data: dict, known: Known) -> Iterator[tuple[str, str]]:
    """(key path, reason) of everything wrong in one license type."""
    if not checkdigits.uscc(data["type_code"][:18]):
        yield "type_code", "the check character of the defining authority's credit code is wrong (GB 32100)"
    if data["origin"] == "made_for_issuer" and not data["sources"]:
        yield "sources", "made_for_issuer needs at least one"
    resources = [source["resource"] for source in data["sources"]]
    for number, source in enumerate(data["sources"]):
        if resources.index(source["resource"]) < number:
            yield f"sources[{number}].resource", f"{source['resource']} occurs twice"
        for where, reason in _source(source, known):
            yield f"sources[{number}].{where}", reason


def _source(source: dict, known: Known) -> Iterator[tuple[str, str]]:
    base = [] if source["holder_base"] == "self" else source["holder_base"]
    if known.complete:
        named = [("resource", source["resource"]), *((f"holder_base[{n}]", one) for n, one in enumerate(base))]
        yield from ((where, f"no resource {name}") for where, name in named if name not in known.resources)
    if source["resource"] in base:
        yield "holder_base", f"{source['resource']} itself: write holder_base: self"
    if source["resource"] in known.resources:
        fields = known.fields(source["resource"])
        yield from _fields(source, fields)
        yield from _issuer(source, fields)
        yield from _status(source, fields, known)


def _fields(source: dict, fields: dict[str, dict]) -> Iterator[tuple[str, str]]:
    named = [(where, source[where]) for where in SINGLE_FIELDS if where in source]
    named += [(f"holder.{where}", source["holder"][where]) for where in ("name_field", "number_field")]
    named += [(f"face.{title}", name) for title, name in source["face"].items()]
    for where, name in named:
        if name not in fields:
            yield where, f"no field {name} in {source['resource']}"
        elif where in DATE_FIELDS and fields[name]["type"] not in ("date", "datetime"):
            yield where, f"{name} must be a date"
        elif where in ("number_field", "holder.number_field") and not fields[name].get("required"):
            yield where, f"{name} must be required: a license without it has no {'number' if where == 'number_field' else 'holder'}"


def _issuer(source: dict, fields: dict[str, dict]) -> Iterator[tuple[str, str]]:
    where = "issuer_field" if "issuer_field" in source else "number_field"
    field = fields.get(source[where])
    if field and field["type"] != "uscc":
        yield where, f"{field['name']} must be a uscc: it says who issued"
    elif field and not field.get("required"):
        yield where, f"{field['name']} must be required: it says who issued"


def _status(source: dict, fields: dict[str, dict], known: Known) -> Iterator[tuple[str, str]]:
    field = fields.get(source.get("status_field", ""))
    if not field:
        return
    table = known.codes.get(field["type"].partition(":")[2])
    if not field["type"].startswith("code:"):
        yield "status_field", f"{field['name']} must be of a code table"
    elif table:
        for code in set(source["status_map"]) - set(table["values"]):
            yield f"status_map.{code}", f"no code of {table['id']}"
        for code in set(table["values"]) - set(source["status_map"]):
            yield "status_map", f"code {code} {table['values'][code]} of {table['id']} is missing"
