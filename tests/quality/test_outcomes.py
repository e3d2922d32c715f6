"""What each rule found: the outcome table, references, rules that cannot run."""

from __future__ import annotations

from dataclasses import replace

import sqlalchemy as sa

from catalogs.model import Field, Limits
from quality.store import tables
from tests.quality import deliveries
from tests.quality.deliveries import FIELDS, RULES, Bench, rule

LOOSE = Limits(max_rejects=1.0, volume_band=9.0)


def outcomes(bench: Bench, batch: str) -> dict[str, sa.Row]:
    with bench.database.connect() as connection:
        found = connection.execute(sa.select(tables.outcome).where(tables.outcome.c.batch == batch)).all()
    return {row.rule: row for row in found}


def counts(row) -> tuple[int, int, int]:
    return row.evaluated, row.failed, row.undefined


def test_row_rule_counts_verdicts_failures_and_undefined_rows(bench_on):
    bench = bench_on(limits=LOOSE)
    report = bench.deliver(("A1", "甲公司", "2026-01-01"), ("A2", "乙公司", "不详"), ("A3", None, None))
    found = outcomes(bench, report.batch)
    assert counts(found["thing.changed_on.parsed"]) == (2, 1, 1)
    assert counts(found["thing.name.not_null"]) == (3, 1, 0)
    assert (found["thing.name.not_null"].severity, found["thing.name.not_null"].indicator) == ("reject", "0302")
    assert set(found) == set(report.rules)


def test_malformed_row_is_undefined_for_all_rules_but_its_form(bench):
    one = bench(limits=LOOSE)
    report = one.deliver(("A1", "甲公司", None), (None, None, None), raw={1: "x"})
    found = outcomes(one, report.batch)
    assert counts(found["thing.engine.well_formed_row"]) == (2, 1, 0)
    assert counts(found["thing.name.not_null"]) == (1, 0, 1)


def test_rule_that_cannot_be_bound_is_errored_and_the_batch_goes_on(bench):
    broken = rule("expression", "name", sql="no_such_column > 1")
    one = bench(rules=(*RULES, broken))
    report = one.deliver(("A1", "甲公司", None))
    row = outcomes(one, report.batch)[broken.id]
    assert report.published and (row.errored, counts(row), row.detail) == (1, (0, 0, 0), "BinderException")


def test_rule_that_fails_on_the_data_is_errored_and_the_others_are_judged(bench):
    broken = rule("expression", "name", sql="name::INTEGER > 1")
    one = bench(rules=(*RULES, broken), limits=LOOSE)
    report = one.deliver(("A1", "甲公司", None), ("A2", None, None))
    found = outcomes(one, report.batch)
    assert found[broken.id].errored == 1 and "甲" not in found[broken.id].detail
    assert counts(found["thing.name.not_null"]) == (2, 1, 0) and report.trusted == 1


def test_rule_cannot_read_files_outside_the_lake(bench, tmp_path):
    (tmp_path / "secret.txt").write_text("x")
    reading = rule("expression", "name", sql="(SELECT count(*) FROM read_text('" + str(tmp_path / "secret.txt") + "')) = 1")
    one = bench(rules=(*RULES, reading))
    report = one.deliver(("A1", "甲公司", None))
    assert outcomes(one, report.batch)[reading.id].errored == 1


def beside(bench, *reference, **changed) -> tuple[Bench, Bench]:
    """`thing` and a second resource `base`, sharing lake and database."""
    thing = bench(rules=(*RULES, *reference), limits=LOOSE, **changed)
    base = replace(deliveries.resource(), id="base")
    catalog = replace(thing.catalog, resources={"thing": thing.resource, "base": base}, rules={**thing.catalog.rules, "base": ()})
    return replace(thing, catalog=catalog), replace(thing, catalog=catalog, resource=base)


REFERENCE = rule("reference", "name", severity="warn", resources=["base"], field="name")


def test_reference_is_skipped_until_the_other_resource_is_published(bench):
    thing, _ = beside(bench, REFERENCE)
    report = thing.deliver(("A1", "甲公司", None))
    row = outcomes(thing, report.batch)[REFERENCE.id]
    assert (row.skipped, counts(row), row.detail) == (1, (0, 0, 0), "no publication of base") and report.warned == 0


def test_reference_looks_values_up_in_trusted_rows(bench):
    thing, base = beside(bench, REFERENCE)
    base.deliver(("B1", "甲公司", None))
    report = thing.deliver(("A1", "甲公司", None), ("A2", "乙公司", None), ("A3", None, None))
    assert counts(outcomes(thing, report.batch)[REFERENCE.id]) == (2, 1, 1)
    assert [row["_warnings"] for row in thing.head()] == [[], [REFERENCE.id]]


def test_reference_of_severity_reject_quarantines(bench):
    strict = replace(REFERENCE, severity="reject")
    thing, base = beside(bench, strict)
    base.deliver(("B1", "甲公司", None))
    report = thing.deliver(("A1", "甲公司", None), ("A2", "乙公司", None))
    assert (report.trusted, report.quarantined) == (1, 1)


def test_reference_of_a_list_asks_for_every_item(bench):
    fields = (*FIELDS, Field("owners", "权利人", "", "holder_names"))
    listed = replace(REFERENCE, id="thing.owners.reference", fields=("owners",))
    thing, base = beside(bench, listed, fields=fields)
    base.deliver(("B1", "甲", None), ("B2", "乙", None))
    rows = [("A1", "x公司", None, "甲、乙"), ("A2", "x公司", None, "甲；丙"), ("A3", "x公司", None, None)]
    report = thing.deliver(*rows, columns=tuple(field.source for field in fields))
    assert counts(outcomes(thing, report.batch)[listed.id]) == (2, 1, 1)


def test_volume_is_skipped_for_the_first_delivery_and_judged_after(bench):
    volume = rule("volume", severity="warn")
    one = bench(rules=(*RULES, volume), limits=Limits(volume_band=0.5))
    first = one.deliver(*deliveries.many(10))
    second = one.deliver(*deliveries.many(14))
    assert outcomes(one, first.batch)[volume.id].skipped == 1
    assert counts(outcomes(one, second.batch)[volume.id]) == (1, 0, 0)


def test_report_names_every_rule_with_severity_and_failed(bench):
    one = bench()
    report = one.deliver(("A1", "甲公司", "不详"))
    assert report.rules["thing.changed_on.parsed"] == {"severity": "warn", "failed": 1}
    assert list(report.rules) == [made.id for made in RULES] + ["thing.engine.well_formed_row"]
