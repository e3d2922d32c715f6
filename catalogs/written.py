"""A catalogue's part written back as the documents it came from: for judging a changed catalogue by the same checks as the files."""

from __future__ import annotations

from .model import Catalog
from .references import Known


def rules(catalog: Catalog, resource_id: str) -> dict:
    """The file of a resource's rules."""
    own = catalog.rules[resource_id]
    shared = {"resource": resource_id, "source": own[0].source, "since": own[0].since} if own else {}
    return {**shared, "rules": [_rule(one) for one in own]}


def _rule(rule) -> dict:
    written = {"id": rule.id, "indicator": rule.indicator, "severity": rule.severity, "check": rule.check, "fields": list(rule.fields)}
    return {**written, **({"params": dict(rule.params)} if rule.params else {}), "sentence": rule.sentence}


def weights(catalog: Catalog) -> dict:
    one = catalog.weights
    resources = {name: dict(given) for name, given in one.resources.items()}
    return {"version": one.version, "source": one.source, "since": one.since, "default": dict(one.default), "resources": resources}


def known(catalog: Catalog) -> Known:
    """What the rules may name."""
    return Known(
        departments=dict.fromkeys(catalog.departments, {}),
        resources={name: {"fields": [_field(one) for one in resource.fields]} for name, resource in catalog.resources.items()},
        codes={name: {"values": table.labels} for name, table in catalog.codes.items()},
        complete=True,
    )


def _field(field) -> dict:
    return {"name": field.name, "type": f"code:{field.table}" if field.table else field.type, "required": field.required}
