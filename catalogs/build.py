"""Turns parsed documents into the frozen dataclasses of `catalogs.model`. Expects documents that passed `catalogs.validate`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from . import access, build_matters, elicense, workdays
from .divisions import Divisions
from .documents import Document, of_kind
from .license_type import HolderMapping, LicenseSource, LicenseType
from .model import Catalog, CodeTable, Connector, Coverage, Delivery, Department, Field, Limits, Message, Resource, Rule, Sharing, Term
from .organs import Organs
from .quality import Bounds, ChangePolicy, Indicator, Lock, Responsible, TicketPolicy, Weights

OPTIONAL_FIELDS = (
    "issuer_field", "issuer_name_field", "applies_field", "issued_on_field", "valid_from_field", "valid_to_field",
    "status_field", "area_field",
)  # fmt: skip
"""Of a license source; left out in YAML = None."""


def build(documents: list[Document], root: Path, version: str) -> Catalog:
    """The catalogue of these documents; `root` is where lazily read tables lie."""
    resources = {one.id: one for one in (_resource(d.data) for d in of_kind(documents, "resource"))}
    rules = dict.fromkeys(resources, ())
    rules |= {d.data["resource"]: tuple(_rules(d.data)) for d in of_kind(documents, "rules")}
    divisions = Divisions(root)
    indicators, weights, tickets, working, changes = (
        next(of_kind(documents, kind)).data for kind in ("indicators", "weights", "tickets", "workdays", "changes")
    )
    return Catalog(
        version=version,
        departments=_by_id(Department(**one) for d in of_kind(documents, "department") for one in d.data["departments"]),
        resources=resources,
        license_types=_by_id(_license_type(d.data) for d in of_kind(documents, "license_type")),
        rules=rules,
        codes=_by_id(_code_table(d.data) for d in of_kind(documents, "code_table")),
        divisions=divisions,
        organs=_organs(documents, divisions),
        messages={one.code: one for d in of_kind(documents, "messages") for one in _messages(d.data)},
        indicators={one["code"]: Indicator(**one) for one in indicators["indicators"]},
        dimensions=indicators["dimensions"],
        least_sensitivity=indicators["least"],
        weights=Weights(**weights),
        workdays=workdays.read(working),
        access=access.read(next(of_kind(documents, "access")).data),
        elicense=elicense.read(next(of_kind(documents, "elicense")).data),
        tickets=TicketPolicy(**{**tickets, "remind_before": tuple(tickets["remind_before"])}),
        changes=_changes(changes),
        matters=build_matters.matters(of_kind(documents, "matter")),
        former_matters=build_matters.former(of_kind(documents, "matter")),
        areas=build_matters.areas(next(of_kind(documents, "promises")).data),
        glossary=tuple(Term(**one) for d in of_kind(documents, "glossary") for one in d.data["terms"]),
    )


def _changes(data: dict) -> ChangePolicy:
    nested = {
        "thresholds": {check: tuple(names) for check, names in data["thresholds"].items()},
        "limits": {name: Bounds(**one) for name, one in data["limits"].items()},
        "weights": Bounds(**data["weights"]),
        "locked": tuple(Lock(one["of"], tuple(one["checks"]), one["because"]) for one in data["locked"]),
    }
    return ChangePolicy(**{**data, **nested})


def _organs(documents: list[Document], divisions: Divisions) -> Organs:
    table = next(of_kind(documents, "organs")).data
    return Organs(table["registrars"], table["national"], table["mark"], divisions)


def _by_id(items: Iterable) -> Mapping:
    return {one.id: one for one in items}


def _resource(data: dict) -> Resource:
    nested = {
        "sharing": Sharing(**data["sharing"]),
        "connector": Connector(data["connector"]["kind"], dict(data["connector"]["options"])),
        "key": tuple(data["key"]),
        "delivery": Delivery(**data["delivery"]),
        "limits": Limits(**data.get("limits", {})),
        "responsible": Responsible(**data.get("responsible", {})),
        "coverage": Coverage(tuple(data["coverage"]["divisions"]), data["coverage"]["since_year"]),
        "fields": tuple(_field(one, data["department"]) for one in data["fields"]),
    }
    return Resource(**{"order_by": None, "watermark": None, "schedule": None, "usable_until": None, **data, **nested})


def _field(data: dict, department: str) -> Field:
    kind, _, table = data["type"].partition(":")
    given = {"title": data["source"], "department": department, **data, "type": kind, "table": table or None}
    return Field(**given)


def _rules(data: dict) -> Iterable[Rule]:
    shared = {"resource": data["resource"], "source": data["source"], "since": data["since"]}
    for one in data["rules"]:
        given = {**shared, **one, "fields": tuple(one["fields"]), "params": dict(one.get("params", {}))}
        yield Rule(**given)


def _code_table(data: dict) -> CodeTable:
    labels = data["values"]
    aliases = {**{code: code for code in labels}, **{label: code for code, label in labels.items()}, **data.get("aliases", {})}
    return CodeTable(data["id"], data["title"], labels, aliases, data["source"], data["since"])


def _license_type(data: dict) -> LicenseType:
    return LicenseType(**{**data, "sources": tuple(_license_source(one) for one in data["sources"])})


def _license_source(data: dict) -> LicenseSource:
    base = data["holder_base"]
    nested = {
        "holder": HolderMapping(**data["holder"]),
        "holder_base": () if base == "self" else tuple(base),
        "applies_prefixes": tuple(data.get("applies_prefixes", ())),
        "face": dict(data["face"]),
        "status_map": dict(data.get("status_map", {})),
    }
    return LicenseSource(**{**dict.fromkeys(OPTIONAL_FIELDS), **data, **nested})


def _messages(data: dict) -> Iterable[Message]:
    for group in data.values():
        for code, one in group.items():
            yield Message(code, one["sentence"], one["next_step"], one["http_status"])
