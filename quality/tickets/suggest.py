"""What a failing row should probably say: suggestions for a page of rows, each with its rule and why. Nothing is changed.

    rows of a page ─ cleaned as a delivery is ─► from the value itself (`mend`) ┐
                                               ► nearest known (`nearest`)      ┴─ tried against the rule again ─► suggestions

A suggestion that would fail the same rule is not made. What a suggestion says is personal data like the row: it is shown, never stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import sqlalchemy as sa

from catalogs.model import Catalog, Field, Resource, Rule
from connectors.lake import Lake
from quality import publications
from quality.check import across
from quality.check.rows import Context
from quality.job import SHANGHAI
from quality.session import alone, session
from quality.tickets import mend, nearest, trial
from quality.tickets.mend import Candidate
from quality.tickets.nearest import NAME_OF, Found, name_beside
from quality.tickets.rows import TicketRow


@dataclass(frozen=True)
class Suggestion:
    """`field`, and what it should say; `was`: what the source says. `by` and `why` tell a person where it comes from."""

    row: int
    field: str
    was: str | None
    value: str
    rule: str
    by: str
    why: str


def suggest(
    catalog: Catalog, resource_id: str, rule_id: str, rows: Sequence[TicketRow], *, lake: Lake | Path, database: sa.Engine, now: datetime
) -> list[Suggestion]:
    """For the rows of one page of a ticket, by row; the most likely first. None for a rule the catalogue no longer has."""
    resource = catalog.resources[resource_id]
    rule = next((one for one in catalog.rules.get(resource_id, ()) if one.id == rule_id), None)
    asked = [one for one in rows if one.values and "_raw" not in one.values]
    if rule is None or not rule.fields or not asked:
        return []
    opened = Lake.of(lake)
    reference, agrees = _reference(catalog, rule), _agrees(catalog, rule)
    paths = _registries(database, opened, [one for one in (reference, agrees) if one])
    with session(opened, alone(catalog, resource_id)) as connection:
        values = trial.values(connection, resource, [(one.row, one.values) for one in asked])
        found = [*_mended(catalog, resource, rule, values), *_nearest(connection, catalog, resource, rule, values)]
        if reference and resource.field(rule.fields[0]).type in NAME_OF:
            found += nearest.registry(connection, catalog, resource, reference, paths, _with_names(resource, rule, values))
        if agrees:
            said = [(row, one[agrees.fields[0]], one[agrees.fields[1]]) for row, one in values.items()]
            found += nearest.registered(connection, catalog, agrees, paths, said)
        right = _tried(connection, Context(resource, catalog, now.astimezone(SHANGHAI).date(), None), rule, asked, found)
    by_row = {one.row: one for one in asked}
    made = [_told(resource, rule, by_row[one.row], one.candidate) for one in dict.fromkeys(right)]
    return sorted((one for one in made if one.value != one.was), key=lambda one: one.row)


def _told(resource: Resource, rule: Rule, row: TicketRow, one: Candidate) -> Suggestion:
    return Suggestion(row.row, one.field, row.values.get(resource.field(one.field).source), one.value, rule.id, one.by, one.why)


def _reference(catalog: Catalog, rule: Rule) -> Rule | None:
    """The rule that says in which registry the failing number should stand; for an empty or misspelled one too."""
    if rule.check not in ("reference", "not_null", "check_digit"):
        return None
    same = (one for one in catalog.rules[rule.resource] if one.check == "reference" and one.fields[:1] == rule.fields[:1])
    return next(same, None)


def _agrees(catalog: Catalog, rule: Rule) -> Rule | None:
    """The rule that says which registry has the failing value too; for an empty or garbled one as well."""
    if rule.check == "agrees":
        return rule
    if rule.check not in ("not_null", "clean_text", "length"):
        return None
    same = (one for one in catalog.rules[rule.resource] if one.check == "agrees" and one.fields[1] == rule.fields[0])
    return next(same, None)


def _registries(database: sa.Engine, lake: Lake, rules: Sequence[Rule]) -> dict[str, list[str]]:
    """Resource → its head files, of all that these rules look into."""
    if not rules:
        return {}
    with database.connect() as connection:
        return {name: [lake.named(path) for path in publications.rows_paths(connection, lake, name)] for name in across.resources(rules)}


def _mended(catalog: Catalog, resource: Resource, rule: Rule, values: Mapping[int, Mapping[str, str | None]]) -> Iterable[Found]:
    for row, fields in values.items():
        for one in mend.candidates(catalog, resource, rule, [fields[name] for name in rule.fields]):
            yield Found(row, one)


def _nearest(
    connection: duckdb.DuckDBPyConnection, catalog: Catalog, resource: Resource, rule: Rule, values: Mapping[int, Mapping[str, str | None]]
) -> list[Found]:
    field = resource.field(rule.fields[0])
    if rule.check == "in_codes":
        return nearest.codes(connection, catalog, rule, [(row, one[field.name], None) for row, one in values.items()])
    if field.name == resource.responsible.organ and rule.check in ("not_null", "check_digit"):
        beside = _organ_name(catalog, resource, field)
        named_so = [(row, one[field.name], one[beside]) for row, one in values.items()] if beside else []
        return nearest.organs(connection, catalog, resource, field, named_so) if named_so else []
    return []


def _with_names(resource: Resource, rule: Rule, values: Mapping[int, Mapping[str, str | None]]) -> nearest.Asked:
    field = resource.field(rule.fields[0])
    beside = name_beside(resource, NAME_OF[field.type])
    return [(row, one[field.name], one[beside.name] if beside else None) for row, one in values.items()]


def _organ_name(catalog: Catalog, resource: Resource, field: Field) -> str | None:
    """The field with the organ's name beside its code, as the licenses made of the resource say."""
    for kind in catalog.license_types.values():
        for source in kind.sources:
            if source.resource == resource.id and source.issuer_field == field.name and source.issuer_name_field:
                return source.issuer_name_field
    return None


def _tried(
    connection: duckdb.DuckDBPyConnection, context: Context, rule: Rule, rows: Sequence[TicketRow], found: Sequence[Found]
) -> list[Found]:
    """Those whose row the rule would accept. A reference is known to be there: it comes from the registry itself."""
    if rule.scope != "row" or not found:
        return list(found)
    resource, by_row = context.resource, {one.row: one.values for one in rows}
    changed = [{**by_row[one.row], resource.field(one.candidate.field).source: one.candidate.value} for one in found]
    right = trial.accepted(connection, context, rule, list(enumerate(changed)))
    return [one for at, one in enumerate(found) if at in right]
