"""Changes of thresholds, severities and weights laid over the files: what an edit is, whether it may be, and the catalogue with it.

- An edit names one value: a rule's severity (`reject`, `warn`, or `off`: the rule is left out) or threshold, an indicator's weight for the
  resource, or a limit of the gate. What may be edited, within which bounds, and what is locked is data (catalogs/changes.yaml).
- A changed catalogue is judged by the checks that judge the files (schema and references).
- An edit that says what the files say by now changes nothing: it is merged.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace

from . import reference_rules, references, schema, written
from .documents import Document
from .model import Catalog, Limits, Rule

RULE, WEIGHT, LIMIT = "rule", "weight", "limit"
SEVERITY, OFF = "severity", "off"
SEVERITIES = ("reject", "warn", OFF)


@dataclass(frozen=True)
class Edit:
    """`of` rule: `name` is its id, `what` severity or a threshold; `of` weight: an indicator; `of` limit: a limit (`what` empty)."""

    of: str
    name: str
    what: str
    value: str | int | float

    @property
    def place(self) -> tuple[str, str, str]:
        return self.of, self.name, self.what

    def stored(self) -> dict[str, object]:
        return asdict(self)


def rule_of(catalog: Catalog, resource_id: str, rule_id: str) -> Rule | None:
    return next((one for one in catalog.rules.get(resource_id, ()) if one.id == rule_id), None)


def value(catalog: Catalog, resource_id: str, edit: Edit) -> object:
    """What this catalogue says in the edit's place; None where it has no such place."""
    if edit.of == WEIGHT:
        return catalog.weights.of(resource_id).get(edit.name)
    if edit.of == LIMIT:
        return getattr(catalog.resources[resource_id].limits, edit.name, None)
    rule = rule_of(catalog, resource_id, edit.name)
    if rule is None:
        return None
    return rule.severity if edit.what == SEVERITY else rule.params.get(edit.what)


def overlaid(catalog: Catalog, resource_id: str, edits: Iterable[Edit], numbers: Sequence[int] = ()) -> Catalog:
    """The catalogue with the edits of one resource; of two edits of one place the later counts. `numbers`: of the changes they are of."""
    given = {edit.place: edit for edit in edits}
    mine = [edit for edit in given.values() if edit.of == RULE]
    rules = tuple(changed for rule in catalog.rules.get(resource_id, ()) if (changed := _rule(rule, mine)) is not None)
    limits = {edit.name: edit.value for edit in given.values() if edit.of == LIMIT}
    resource = catalog.resources[resource_id]
    weights = {edit.name: float(edit.value) for edit in given.values() if edit.of == WEIGHT}
    return replace(
        catalog,
        rules={**catalog.rules, resource_id: rules},
        resources={**catalog.resources, resource_id: replace(resource, limits=replace(resource.limits, **limits)) if limits else resource},
        weights=_weights(catalog, resource_id, weights, numbers),
        changed_by={**catalog.changed_by, resource_id: tuple(numbers)} if numbers else catalog.changed_by,
    )


def _rule(rule: Rule, edits: Sequence[Edit]) -> Rule | None:
    """The rule as edited; None where it is off."""
    for edit in (one for one in edits if one.name == rule.id):
        if edit.value == OFF:
            return None
        if edit.what == SEVERITY:
            rule = replace(rule, severity=str(edit.value))
        elif edit.what in rule.params:
            rule = replace(rule, params={**rule.params, edit.what: edit.value})
    return rule


def _weights(catalog: Catalog, resource_id: str, given: dict[str, float], numbers: Sequence[int]):
    """Under a version of their own, so that old scores stay explained: the files' version and the last change."""
    if not given:
        return catalog.weights
    version = catalog.weights.version + (f"+{max(numbers)}" if numbers else "+")
    resources = {**catalog.weights.resources, resource_id: {**catalog.weights.resources.get(resource_id, {}), **given}}
    return replace(catalog.weights, version=version, resources=resources)


def lock(catalog: Catalog, rule: Rule) -> str | None:
    """Why nobody may loosen the rule, if nobody may."""
    if rule.severity != "reject":
        return None
    named = {"row": set(rule.fields), "key": set(catalog.resources[rule.resource].key), "license": _licensed(catalog, rule.resource)}
    found = (one for one in catalog.changes.locked if rule.check in one.checks)
    return next((one.because for one in found if one.of == "row" or named[one.of] & set(rule.fields)), None)


def _licensed(catalog: Catalog, resource_id: str) -> set[str]:
    """Fields that licenses of the resource are made of."""
    sources = (one for kind in catalog.license_types.values() for one in kind.sources if one.resource == resource_id)
    return {
        name
        for one in sources
        for name in (one.number_field, one.holder.name_field, one.holder.number_field, one.issuer_field, one.issued_on_field,
                     one.valid_from_field, one.valid_to_field, one.status_field)
        if name
    }  # fmt: skip


def current(catalog: Catalog, resource_id: str, edit: Edit, standing: Iterable[Edit] = ()) -> object:
    """What counts in the edit's place: the last of the standing edits, else what the files say."""
    said = {one.place: one.value for one in standing}
    return said.get(edit.place, value(catalog, resource_id, edit))


def faults(catalog: Catalog, resource_id: str, edits: Sequence[Edit], standing: Sequence[Edit] = ()) -> list[str]:
    """Everything that speaks against edits of the files' catalogue, over those that stand already. English, with the place."""
    if resource_id not in catalog.resources:
        return [f"no resource {resource_id}"]
    found = ["nothing is changed"] if not edits else []
    places = [edit.place for edit in edits]
    found += [f"{_named(edit)}: edited twice" for edit in edits if places.count(edit.place) > 1]
    found += [f"{_named(edit)}: {reason}" for edit in edits for reason in _judged(catalog, resource_id, edit)]
    same = [edit for edit in edits if current(catalog, resource_id, edit, standing) == edit.value]
    found += [f"{_named(edit)}: is so already" for edit in same]
    return list(dict.fromkeys(found)) or _unsound(overlaid(catalog, resource_id, [*standing, *edits]), catalog, resource_id)


def _named(edit: Edit) -> str:
    return ".".join(part for part in (edit.name, edit.what) if part)


def _judged(catalog: Catalog, resource_id: str, edit: Edit) -> Iterator[str]:
    policy = catalog.changes
    if edit.of == WEIGHT:
        yield from _bounded(edit, policy.weights) if edit.name in catalog.indicators else ["no such indicator"]
    elif edit.of == LIMIT:
        yield from _bounded(edit, policy.limits[edit.name]) if edit.name in policy.limits else ["no limit that may be changed"]
        if edit.name in policy.limits and type(getattr(Limits(), edit.name)) is int and not isinstance(edit.value, int):
            yield "must be a whole number"
    elif edit.of == RULE:
        yield from _of_rule(catalog, resource_id, edit)
    else:
        yield f"{edit.of} is none of {RULE}, {WEIGHT}, {LIMIT}"


def _of_rule(catalog: Catalog, resource_id: str, edit: Edit) -> Iterator[str]:
    rule = rule_of(catalog, resource_id, edit.name)
    if rule is None:
        yield f"no such rule of {resource_id}"
        return
    because = lock(catalog, rule)
    if because:
        yield f"locked: {because}"
    if edit.what == SEVERITY:
        if edit.value not in SEVERITIES:
            yield f"{edit.value} is none of {', '.join(SEVERITIES)}"
    elif edit.what not in catalog.changes.thresholds.get(rule.check, ()) or edit.what not in rule.params:
        yield "no threshold that may be changed"


def _bounded(edit: Edit, bounds) -> Iterator[str]:
    if isinstance(edit.value, bool | str):
        yield "must be a number"
    elif not bounds.least <= edit.value <= bounds.most:
        yield f"{edit.value} is not between {bounds.least} and {bounds.most}"


def _unsound(changed: Catalog, files: Catalog, resource_id: str) -> list[str]:
    """What the files' own checks say of the changed catalogue and do not say of the files."""
    known = set(_checked(files, resource_id))
    return [one for one in _checked(changed, resource_id) if one not in known]


def _checked(catalog: Catalog, resource_id: str) -> list[str]:
    documents = [Document("rules", f"rules/{resource_id}.yaml", written.rules(catalog, resource_id))]
    weights = written.weights(catalog)
    documents.append(Document("weights", "weights.yaml", {**weights, "version": weights["version"].partition("+")[0]}))
    found = [fault for one in documents for fault in schema.faults(one)]
    if not found:
        known = written.known(catalog)
        judges = {"rules": reference_rules.faults, "weights": references.weights}
        found = [f"{one.path}: {where}: {reason}" for one in documents for where, reason in judges[one.kind](one.data, known)]
    # A rule's number says nothing where rules are left out.
    ids = [one.id for one in catalog.rules[resource_id]]
    return [re.sub(r"rules\[(\d+)\]", lambda place: ids[int(place[1])], fault) for fault in found]
