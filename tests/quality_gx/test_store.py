"""Suites and results in GX's own stores: what was written is what GX reads back, and it holds counts only."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from quality import gx
from quality.gx_frame import Counts, counts
from tests.quality_gx.conftest import Told

RUN_AT = datetime(2026, 11, 21, 2, 30, tzinfo=UTC)
AS_OF = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)
BATCH = "population-20261121T023000-0a1b2c3d"
NOT_NULL = "population.id_number.not_null"


def store(folder, catalog, outcomes, resource="population", batch=BATCH, **given):
    return gx.store_run(
        folder,
        catalog.resources[resource],
        catalog.rules[resource],
        outcomes,
        catalog=catalog,
        batch=batch,
        run_at=RUN_AT,
        as_of=AS_OF,
        **given,
    )


def of(run, rule):
    return next(one for one in run.results if one.expectation_config.meta["rule"] == rule)


@pytest.mark.parametrize("resource", ["population", "legal_entity", "food_permit", "real_estate_title", "enterprise_registry"])
def test_suite_read_back_by_gx_has_every_rule_with_its_meta(folder, catalog, resource):
    rules = catalog.rules[resource]
    gx.write_suite(folder, catalog.resources[resource], rules, catalog)
    stored = gx.context(folder).suites.get(resource)
    assert [one.meta["rule"] for one in stored.expectations] == [rule.id for rule in rules]
    for rule, one in zip(rules, stored.expectations, strict=True):
        assert one.meta["indicator"] == rule.indicator and one.meta["severity"] == rule.severity
        assert one.meta["sentence"] == rule.sentence and one.description == f"{rule.sentence}（{rule.id}）"
        assert one.severity == {"reject": "critical", "warn": "warning"}[rule.severity]


def test_suite_written_again_keeps_gx_ids_and_drops_removed_rules(folder, catalog):
    resource, rules = catalog.resources["population"], catalog.rules["population"]
    first = {one.meta["rule"]: one.id for one in gx.write_suite(folder, resource, rules, catalog).expectations}
    second = {one.meta["rule"]: one.id for one in gx.write_suite(folder, resource, rules[1:], catalog).expectations}
    assert second == {rule: gx_id for rule, gx_id in first.items() if rule != rules[0].id}


def test_run_read_back_by_gx_has_the_counts_of_the_outcome_table(folder, catalog, told):
    outcomes = told(catalog.rules["population"], **{NOT_NULL: Told(NOT_NULL, evaluated=80, failed=20, undefined=20)})
    key = store(folder, catalog, outcomes)
    assert gx.context(folder).validation_results_store.list_keys() == [key]
    run = gx.read_run(folder, "population", BATCH, RUN_AT)
    result = of(run, NOT_NULL)
    assert counts(result) == Counts(evaluated=80, failed=20)
    assert result.result["missing_count"] == 20 and result.result["unexpected_percent"] == 25.0
    assert not result.success and not result.exception_info["raised_exception"]
    assert run.meta["run_id"]["run_name"] == BATCH and not run.success
    assert run.statistics["unsuccessful_expectations"] == 1
    assert run.suite_parameters == {"next_day": "2026-11-22T00:00:00+00:00", "partition": None}


def test_clean_run_is_successful(folder, catalog, told):
    store(folder, catalog, told(catalog.rules["population"]))
    run = gx.read_run(folder, "population", BATCH, RUN_AT)
    assert run.success and run.statistics["success_percent"] == 100.0


def test_rule_that_evaluated_nothing_is_stored_without_shares(folder, catalog, told):
    store(folder, catalog, told(catalog.rules["population"], **{NOT_NULL: Told(NOT_NULL)}))
    result = of(gx.read_run(folder, "population", BATCH, RUN_AT), NOT_NULL)
    assert result.success and result.result["element_count"] == 0 and result.result["unexpected_percent"] is None


@pytest.mark.parametrize("state", ["errored", "skipped"])
def test_rule_without_verdict_is_an_exception_and_never_bad_data(folder, catalog, told, state):
    store(folder, catalog, told(catalog.rules["population"], **{NOT_NULL: Told(NOT_NULL, failed=7, **{state: 1})}))
    result = of(gx.read_run(folder, "population", BATCH, RUN_AT), NOT_NULL)
    assert result.exception_info["raised_exception"] and state in result.exception_info["exception_message"]
    assert result.result == {} and result.meta["outcome"] == state


def test_run_stored_twice_is_stored_once(folder, catalog, told):
    outcomes = told(catalog.rules["population"])
    store(folder, catalog, outcomes)
    kept = {path: path.read_bytes() for path in sorted(folder.rglob("validations/population/**/*.json"))}
    store(folder, catalog, outcomes)
    assert kept and kept == {path: path.read_bytes() for path in sorted(folder.rglob("validations/population/**/*.json"))}


@pytest.mark.parametrize("wrong", ["one missing", "one unknown", "one twice"])
def test_outcomes_that_do_not_match_the_rules_are_refused(folder, catalog, told, wrong):
    outcomes = told(catalog.rules["population"])
    outcomes = {"one missing": outcomes[1:], "one unknown": [*outcomes, Told("x")], "one twice": [*outcomes, outcomes[0]]}[wrong]
    with pytest.raises(gx.OutcomeMissing, match=BATCH):
        store(folder, catalog, outcomes)


def test_parameters_are_resolved_in_stored_results(folder, catalog, told):
    rules = catalog.rules["enterprise_registry"]
    store(
        folder, catalog, told(rules), resource="enterprise_registry", batch="enterprise_registry-20261121T023000-0a1b2c3d", partition="45"
    )
    run = gx.read_run(folder, "enterprise_registry", "enterprise_registry-20261121T023000-0a1b2c3d", RUN_AT)
    assert of(run, "enterprise_registry.province.in_partition").expectation_config.kwargs["against"] == "45"
    assert "$PARAMETER" not in json.dumps(run.to_json_dict(), default=str)


def test_t30_stored_files_hold_no_list_of_values(folder, catalog, told):
    """Nothing that could carry a person's data has a place in what is stored."""
    store(folder, catalog, told(catalog.rules["population"], **{NOT_NULL: Told(NOT_NULL, evaluated=9, failed=9)}))
    stored = "".join(path.read_text(encoding="utf-8") for path in folder.rglob("*.json"))
    assert NOT_NULL in stored
    assert not [word for word in ("unexpected_list", "unexpected_index", "partial_unexpected", "unexpected_rows") if word in stored]


def test_analytics_are_off_in_the_written_configuration(folder):
    gx.context(folder)
    assert "analytics_enabled: false" in (folder / "gx" / "great_expectations.yml").read_text()
    assert [path.name for path in folder.iterdir()] == ["gx"]
