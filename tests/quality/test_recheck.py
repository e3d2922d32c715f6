"""A new catalogue judges trusted rows again without touching them."""

from __future__ import annotations

from quality import publications
from quality.recheck import recheck
from tests.quality.deliveries import RULES, rule


def test_new_rule_is_tried_on_trusted_rows_and_withdraws_nothing(bench):
    one = bench()
    one.deliver(("A1", "甲公司 ", "2026年1月1日"), ("A2", "乙厂", "2026-01-02"))
    ending = rule("pattern", "name", regex=".*公司")
    newer = one.with_rules(*RULES, ending)
    (found,) = recheck(newer.catalog, "thing", lake=one.lake, database=one.database, now=one.now)
    assert (found.rows, found.would_reject, found.publication, found.partition) == (2, 1, 1, "")
    assert found.failed[ending.id] == 1 and found.failed["thing.name.not_null"] == 0 and not found.errored
    with one.database.connect() as connection:
        assert len(publications.pending(connection, "thing", 0)) == 1
    assert len(one.head()) == 2


def test_same_catalogue_finds_nothing_new(bench):
    one = bench()
    report = one.deliver(("A1", "甲公司", "不详"), ("A2", "ＡＢ(中国)公司", "44931"))
    (found,) = recheck(one.catalog, "thing", lake=one.lake, database=one.database, now=one.now)
    assert found.would_reject == 0 and found.failed["thing.changed_on.parsed"] == report.rules["thing.changed_on.parsed"]["failed"] == 1


def test_resource_without_publication_has_nothing_to_recheck(bench):
    one = bench()
    assert recheck(one.catalog, "thing", lake=one.lake, database=one.database, now=one.now) == []
