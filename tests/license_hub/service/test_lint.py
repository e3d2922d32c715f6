"""Lint before every issue: a delivered row that fails it is quarantined or held, with its reason; pushed rows are api/test_intake's."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from license_hub.service.intake import apply_pending
from license_hub.storage import tables
from license_hub.storage.engine import reading
from quality.rulebook import rulebook
from tests.license_hub.sample_hub import company, credit_code, deliver, identifiers, sample_hub, write_csv

from .publishing import entity


def wrong_check(code: str) -> str:
    return code[:-1] + ("0" if code[-1] != "0" else "1")


def reasons(hub) -> list[str]:
    with reading(hub.engine) as connection:
        return list(connection.execute(sa.select(tables.held.c.reason)).scalars())


def test_row_of_a_type_its_organs_did_not_commission_is_held_until_they_do(hub, publisher):
    kinds = hub.catalog.license_types
    without = {**kinds, "business_license": replace(kinds["business_license"], commission=None)}
    publisher.publish("legal_entity", [entity(1), entity(2)])
    report = apply_pending(replace(hub, catalog=replace(hub.catalog, license_types=without)))
    assert (report.issued, report.held) == (0, 2)
    assert reasons(hub) == ["NOT_COMMISSIONED"] * 2
    publisher.publish("legal_entity", [entity(1), entity(2), entity(3)])
    assert apply_pending(hub).issued == 3 and reasons(hub) == []


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"统一社会信用代码": wrong_check(credit_code(4000))}, "legal_entity.credit_code.check_digit"),
        ({"登记机关代码": wrong_check(credit_code(2, "11"))}, "legal_entity.registrar_code.check_digit"),
        ({"单位名称": ""}, "legal_entity.name.not_null"),
    ],
)
def test_delivered_row_that_fails_the_lint_is_quarantined_by_rule_and_not_issued(tmp_path, catalog, changes, rule):
    made = sample_hub(tmp_path, catalog)
    listed = [company(1000 + place, status) for place, status in enumerate("12345")] + [company(2000 + place) for place in range(20)]
    before = len(identifiers(made))
    report = deliver(made, write_csv(tmp_path / "next.csv", [*listed, company(4000) | changes]))
    assert report.published and report.quarantined == 1 and report.rules[rule] == {"severity": "reject", "failed": 1}, report.rules
    assert len(identifiers(made)) == before
    made.close()


@pytest.mark.parametrize("kind", ["business_license", "food_permit", "real_estate_title"])
def test_what_identifies_a_license_is_refused_by_rule_in_every_delivery(catalog, kind):
    """Key, certificate number and organ: a row that fails their form never comes as far as an issue."""
    for source in catalog.license_types[kind].sources:
        resource = catalog.resources[source.resource]
        refusing = {
            (rule.check, name) for rule in rulebook(resource, catalog).row_rules if rule.severity == "reject" for name in rule.fields
        }
        for name in {source.number_field, source.issuer_field, *resource.key} - {None}:
            assert ("not_null", name) in refusing or ("required", name) in refusing, name
            assert resource.field(name).type != "uscc" or ("check_digit", name) in refusing, name
