"""Every kind of dirt names rules that exist, and its outcome is what those rules' severities make of it."""

from __future__ import annotations

import pytest

from catalogs.model import ACROSS_CHECKS
from connectors.sample import food_permit_kinds, legal_entity_kinds, places, population_kinds, real_estate_title_kinds
from connectors.sample.companies import SECTORS

PLACES = places.load()
SOMEBODY = (("0", "某"),)
KINDS = {
    "population": population_kinds.kinds(PLACES),
    "legal_entity": legal_entity_kinds.kinds(PLACES, SECTORS[0], SOMEBODY),
    "legal_entity/2": legal_entity_kinds.kinds(PLACES, SECTORS[1], SOMEBODY),
    "food_permit": food_permit_kinds.kinds(SOMEBODY, SOMEBODY),
    "real_estate_title": real_estate_title_kinds.kinds(PLACES, SOMEBODY, SOMEBODY, SOMEBODY),
}
EACH = [pytest.param(name, kind, id=f"{name}-{kind.name}") for name, kinds in KINDS.items() for kind in kinds]


@pytest.mark.parametrize(("resource", "kind"), EACH)
def test_kind_outcome_follows_from_its_rules(resource, kind, catalog):
    severities = {rule.id: rule.severity for rule in catalog.rules[resource.split("/")[0]]}
    assert set(kind.rules) <= set(severities)
    rejected = any(severities[rule] == "reject" for rule in kind.rules)
    assert (kind.outcome == "quarantined") == rejected


@pytest.mark.parametrize("resource", KINDS)
def test_kind_names_are_unique_in_a_delivery(resource):
    names = [kind.name for kind in KINDS[resource]]
    assert len(names) == len(set(names))


def test_kinds_trip_every_rule_of_rows_and_references_but_those_a_source_cannot_break(catalog):
    """A table, an API and a workbook have no lines with too many columns; the rest is seeded or listed here."""
    seeded = {rule for kinds in KINDS.values() for kind in kinds for rule in kind.rules}
    unseeded = {
        rule.id for name in ("population", "legal_entity", "food_permit", "real_estate_title")
        for rule in catalog.rules[name] if (rule.scope == "row" or rule.check in ACROSS_CHECKS) and rule.id not in seeded
    }  # fmt: skip
    assert unseeded == {
        "population.row.well_formed", "population.updated_at.parsed",
        "food_permit.row.well_formed", "real_estate_title.row.well_formed",
    }  # fmt: skip
