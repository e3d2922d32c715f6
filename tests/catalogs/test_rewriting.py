"""Edits in the files' text: what is loaded then is what was laid over, and a diff shows nothing else."""

from __future__ import annotations

import pytest

from catalogs.changes import Edit, overlaid
from catalogs.load import PACKAGE_ROOT, load
from catalogs.rewriting import difference, rewritten

EDITS = {
    "food_permit": [
        Edit("rule", "food_permit.address.not_null", "severity", "reject"),
        Edit("rule", "food_permit.issued_on.not_before", "date", "2016-01-01"),
        Edit("rule", "food_permit.batch.volume", "severity", "off"),
        Edit("limit", "max_rejects", "", 0.2),
        Edit("limit", "removed_floor", "", 5),
        Edit("weight", "0502", "", 9.0),
    ],
    "legal_entity": [
        Edit("rule", "legal_entity.name.length", "min", 4),
        Edit("rule", "legal_entity.registrar_name.not_null", "severity", "reject"),
        Edit("rule", "legal_entity.valid_to.parsed", "severity", "off"),
        Edit("rule", "legal_entity.capital.range", "max", 2e12),
    ],
    "population": [Edit("weight", "0302", "", 7.5), Edit("weight", "0101", "", 0)],
}


def test_files_with_the_edits_say_what_was_laid_over(root, catalog):
    files = rewritten(PACKAGE_ROOT, EDITS)
    assert set(files) == {"rules/food_permit.yaml", "rules/legal_entity.yaml", "resources/food_permit.yaml", "weights.yaml"}
    for name, text in files.items():
        (root / name).write_text(text, encoding="utf-8")
    merged, expected = load(root), catalog
    for resource, edits in EDITS.items():
        expected = overlaid(expected, resource, edits)
    assert merged.rules == expected.rules
    assert {name: one.limits for name, one in merged.resources.items()} == {name: one.limits for name, one in expected.resources.items()}
    assert all(merged.weights.of(name) == expected.weights.of(name) for name in catalog.resources)
    assert merged.weights.version == "2026.2"


def test_diff_shows_the_edited_lines_alone():
    shown = difference(PACKAGE_ROOT, rewritten(PACKAGE_ROOT, {"food_permit": EDITS["food_permit"][:2]}))
    changed = [line for line in shown.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    assert changed == [
        "-    severity: warn", "+    severity: reject",
        '-    params: {date: "2015-10-01"}', '+    params: {date: "2016-01-01"}',
    ]  # fmt: skip
    assert shown.startswith("--- a/catalogs/rules/food_permit.yaml\n+++ b/catalogs/rules/food_permit.yaml\n")


def test_rule_that_is_off_takes_its_lines_and_leaves_the_next_ones_comment():
    off = Edit("rule", "legal_entity.registrar_name.not_null", "severity", "off")
    (text,) = rewritten(PACKAGE_ROOT, {"legal_entity": [off]}).values()
    before = (PACKAGE_ROOT / "rules" / "legal_entity.yaml").read_text(encoding="utf-8")
    assert "# reject: without it the license has no issuer" in text and "registrar_name" not in text
    assert len(before.splitlines()) - len(text.splitlines()) == 6


def test_weights_of_a_resource_the_file_has_none_for_get_a_line():
    (text,) = rewritten(PACKAGE_ROOT, {"legal_entity": [Edit("weight", "0401", "", 11)]}).values()
    assert text.rstrip().endswith('legal_entity: {"0401": 11}') and 'real_estate_title: {"0402": 10}' in text


def test_place_no_file_has_is_refused():
    with pytest.raises(KeyError):
        rewritten(PACKAGE_ROOT, {"food_permit": [Edit("rule", "food_permit.no.such", "severity", "warn")]})
