"""Edits over the files: what they change, what nobody may, and that a changed catalogue is judged like the files."""

from __future__ import annotations

import pytest

from catalogs.changes import Edit, faults, lock, overlaid, rule_of, value

ADDRESS = "food_permit.address.not_null"
LENGTH = "legal_entity.name.length"


def severity(rule: str, to: str) -> Edit:
    return Edit("rule", rule, "severity", to)


def test_edits_change_severity_threshold_weight_and_limit_of_one_resource(catalog):
    edits = [
        severity(LENGTH, "reject"),
        Edit("rule", LENGTH, "min", 4),
        Edit("weight", "0302", "", 9),
        Edit("limit", "max_rejects", "", 0.2),
    ]
    assert faults(catalog, "legal_entity", edits) == []
    changed = overlaid(catalog, "legal_entity", edits, [3, 5])
    rule = rule_of(changed, "legal_entity", LENGTH)
    assert (rule.severity, dict(rule.params)) == ("reject", {"min": 4, "max": 200})
    assert changed.weights.of("legal_entity")["0302"] == 9 and changed.weights.of("population") == catalog.weights.of("population")
    assert changed.weights.version == catalog.weights.version + "+5" and changed.changed_by == {"legal_entity": (3, 5)}
    assert changed.resources["legal_entity"].limits.max_rejects == 0.2
    assert rule_of(catalog, "legal_entity", LENGTH).severity == "warn" and catalog.changed_by == {}


def test_rule_switched_off_is_left_out_and_comes_back_with_the_later_edit(catalog):
    off = severity(LENGTH, "off")
    assert faults(catalog, "legal_entity", [off]) == []
    assert rule_of(overlaid(catalog, "legal_entity", [off]), "legal_entity", LENGTH) is None
    back = severity(LENGTH, "reject")
    assert faults(catalog, "legal_entity", [back], [off]) == []
    assert rule_of(overlaid(catalog, "legal_entity", [off, back]), "legal_entity", LENGTH).severity == "reject"


@pytest.mark.parametrize(
    ("resource", "edit", "reason"),
    [
        ("food_permit", severity("food_permit.permit_no.not_null", "warn"), "locked: 主键"),
        ("food_permit", severity("food_permit.issuing_organ_code.check_digit", "off"), "locked: 证照"),
        ("food_permit", severity("food_permit.row.well_formed", "off"), "locked: 没有这条规则"),
        ("food_permit", severity(ADDRESS, "off"), "address is required, but no not_null rule judges it"),
        ("food_permit", severity(ADDRESS, "warn"), "is so already"),
        ("food_permit", severity(ADDRESS, "fatal"), "fatal is none of"),
        ("food_permit", severity("food_permit.no.such", "warn"), "no such rule of food_permit"),
        ("food_permit", Edit("rule", "food_permit.permit_no.business_form", "sql", "TRUE"), "no threshold that may be changed"),
        ("legal_entity", Edit("rule", LENGTH, "min", 300), "is greater than max"),
        ("legal_entity", Edit("rule", LENGTH, "min", "viele"), "is not of type"),
        ("legal_entity", Edit("rule", "legal_entity.established_on.not_before", "date", "1949-13-01"), "is no date"),
        ("legal_entity", Edit("weight", "0302", "", 51), "51 is not between 0 and 50"),
        ("legal_entity", Edit("weight", "0302", "", "9"), "must be a number"),
        ("legal_entity", Edit("weight", "0999", "", 1), "no such indicator"),
        ("legal_entity", Edit("limit", "max_rejects", "", 0.9), "0.9 is not between 0 and 0.5"),
        ("legal_entity", Edit("limit", "removed_floor", "", 2.5), "must be a whole number"),
        ("legal_entity", Edit("limit", "retention_days", "", 4000), "no limit that may be changed"),
        ("legal_entity", Edit("glossary", "x", "", 1), "glossary is none of"),
    ],
)
def test_edit_nobody_may_make_is_refused_with_the_reason(catalog, resource, edit, reason):
    found = faults(catalog, resource, [edit])
    assert len(found) == 1 and reason in found[0]


def test_all_faults_are_told_at_once_and_nothing_is_a_fault_too(catalog):
    assert faults(catalog, "legal_entity", []) == ["nothing is changed"]
    twice = [Edit("weight", "0302", "", 9), Edit("weight", "0302", "", 99)]
    assert faults(catalog, "legal_entity", twice) == ["0302: edited twice", "0302: 99 is not between 0 and 50"]
    assert faults(catalog, "nowhere", twice) == ["no resource nowhere"]


def test_only_reject_rules_are_locked(catalog):
    locked = {rule.id for rules in catalog.rules.values() for rule in rules if lock(catalog, rule)}
    severities = {rule.id: rule.severity for rules in catalog.rules.values() for rule in rules}
    assert {severities[one] for one in locked} == {"reject"}
    keys = {f"{name}.{key}.not_null" for name, resource in catalog.resources.items() for key in resource.key}
    assert keys <= locked


def test_value_is_what_the_files_say(catalog):
    assert value(catalog, "legal_entity", Edit("rule", LENGTH, "max", 0)) == 200
    assert value(catalog, "legal_entity", severity(LENGTH, "off")) == "warn"
    assert value(catalog, "population", Edit("weight", "0401", "", 0)) == 9
    assert value(catalog, "population", Edit("limit", "volume_band", "", 0)) == 0.5
    assert value(catalog, "population", severity("population.no.such", "off")) is None
