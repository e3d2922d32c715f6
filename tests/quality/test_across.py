"""Rules that look rows up in other resources: agreement, standing, lists, and what nobody can say anything about."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from catalogs.model import Field, Limits
from quality.check import across
from quality.store import tables
from tests.quality import deliveries
from tests.quality.deliveries import FIELDS, RULES, Bench, rule

LOOSE = Limits(max_rejects=1.0, volume_band=9.0)
STATUS = Field("status", "状态", "状态", "text")
OWNERS, NUMBERS = Field("owners", "权利人", "", "holder_names"), Field("numbers", "号码", "", "holder_numbers")
MINE = (*FIELDS, Field("other", "对方", "对方", "certificate_number"), STATUS, OWNERS, NUMBERS)
MY_HEADERS = tuple(one.source for one in MINE)
THEIRS = (*FIELDS, STATUS)
AGREES = rule("agrees", "other", "name", severity="warn", resources=["base"], by="code", field="name")
STANDING = rule(
    "standing", "other", "status", severity="warn", resources=["base"], by="code", field="status", values=["在"], **{"while": ["用"]}
)
KNOWN = rule("reference", "other", severity="warn", resources=["base"], field="code")


@pytest.fixture
def pair(bench):
    """`thing`, whose rows name rows of `base`, with some rules."""

    def made(*rules, bases=("base",)) -> tuple[Bench, ...]:
        thing = bench(rules=(*RULES, *rules), limits=LOOSE, fields=MINE)
        others = [replace(deliveries.resource(), id=name, fields=THEIRS, limits=LOOSE) for name in bases]
        catalog = replace(
            thing.catalog, resources={"thing": thing.resource, **{one.id: one for one in others}},
            rules={**thing.catalog.rules, **dict.fromkeys(bases, ())},
        )  # fmt: skip
        return replace(thing, catalog=catalog), *(replace(thing, catalog=catalog, resource=one) for one in others)

    return made


def thing(code, name="甲公司", other=None, status="用", owners=None, numbers=None):
    return (code, name, None, other, status, owners, numbers)


def fill(base: Bench, *rows) -> None:
    base.deliver(*rows, columns=tuple(one.source for one in THEIRS))


def outcome(bench: Bench, batch: str, rule_id: str):
    with bench.database.connect() as connection:
        wanted = (tables.outcome.c.batch == batch, tables.outcome.c.rule == rule_id)
        return connection.execute(sa.select(tables.outcome).where(*wanted)).one()


def counts(row) -> tuple[int, int, int]:
    return row.evaluated, row.failed, row.undefined


def test_agrees_compares_with_the_row_it_names_and_is_silent_about_strangers_and_blanks(pair):
    one, base = pair(AGREES)
    fill(base, ("B1", "甲公司", None, "在"), ("B2", "乙公司", None, "在"))
    report = one.deliver(
        thing("A1", other="B1"), thing("A2", other="B2"), thing("A3", other="B9"), thing("A4"), thing("A5", None, "B1"), columns=MY_HEADERS
    )
    assert counts(outcome(one, report.batch, AGREES.id)) == (2, 1, 3)
    assert [row["_warnings"] for row in one.head() if row["code"] != "A5"] == [[], [AGREES.id], [], []]


def test_names_agree_as_cleaned_not_as_written(pair):
    one, base = pair(AGREES)
    fill(base, ("B1", "甲（样例）公司", None, "在"))
    report = one.deliver(thing("A1", " 甲(样例)公司　", "B1"), columns=MY_HEADERS)
    assert counts(outcome(one, report.batch, AGREES.id)) == (1, 0, 0)


def test_agreeing_with_one_of_several_registers_is_enough(pair):
    rule_ = replace(AGREES, params={**AGREES.params, "resources": ["base", "second"]})
    one, base, second = pair(rule_, bases=("base", "second"))
    fill(base, ("B1", "旧名公司", None, "在"))
    fill(second, ("B1", "甲公司", None, "在"), ("B2", "别的公司", None, "在"))
    report = one.deliver(thing("A1", other="B1"), thing("A2", other="B2"), columns=MY_HEADERS)
    assert counts(outcome(one, report.batch, rule_.id)) == (2, 1, 0)


def test_lists_are_compared_side_by_side(pair):
    persons = rule("agrees", "numbers", "owners", severity="warn", resources=["base"], by="code", field="name")
    one, base = pair(persons)
    fill(base, ("B1", "赵甲", None, "在"), ("B2", "钱乙", None, "在"))
    report = one.deliver(
        thing("A1", owners="赵甲、钱乙", numbers="B1、B2"),
        thing("A2", owners="钱乙;赵甲", numbers="B1;B2"),
        thing("A3", owners="赵甲;陌生人", numbers="B1;B9"),
        thing("A4", owners="赵甲;钱乙", numbers="B1"),
        thing("A5", owners="陌生人", numbers="B9"),
        thing("A6", owners=None, numbers="B1"),
        columns=MY_HEADERS,
    )
    assert counts(outcome(one, report.batch, persons.id)) == (4, 1, 2)


def test_standing_is_judged_while_the_row_itself_is_in_force(pair):
    one, base = pair(STANDING)
    fill(base, ("B1", "甲公司", None, "在"), ("B2", "乙公司", None, "亡"), ("B3", "丙公司", None, None))
    rows = [thing("A1", other="B1"), thing("A2", other="B2"), thing("A3", other="B2", status="停"), thing("A4", other="B3"), thing("A5")]
    report = one.deliver(*rows, columns=MY_HEADERS)
    assert counts(outcome(one, report.batch, STANDING.id)) == (2, 1, 3)


def test_rules_of_one_place_share_a_join_and_keep_their_own_verdicts(pair, monkeypatch):
    joins, real = [], across._compared
    monkeypatch.setattr(across, "_compared", lambda *given: joins.append(given) or real(*given))
    one, base = pair(KNOWN, AGREES, STANDING)
    fill(base, ("B1", "乙公司", None, "亡"), ("B2", "甲公司", None, "在"))
    report = one.deliver(thing("A1", other="B1"), thing("A2", other="B2"), thing("A3", other="B9"), columns=MY_HEADERS)
    assert len(joins) == 1
    assert [counts(outcome(one, report.batch, rule_.id)) for rule_ in (KNOWN, AGREES, STANDING)] == [(3, 1, 0), (2, 1, 1), (2, 1, 1)]
    assert {row["code"]: row["_warnings"] for row in one.head()} == {"A1": [AGREES.id, STANDING.id], "A2": [], "A3": [KNOWN.id]}


def test_rule_that_cannot_be_asked_is_errored_alone(pair):
    lost = replace(AGREES, id="thing.other.lost", params={**AGREES.params, "field": "no_such_column"})
    one, base = pair(AGREES, lost)
    fill(base, ("B1", "乙公司", None, "在"))
    report = one.deliver(thing("A1", other="B1"), columns=MY_HEADERS)
    found = outcome(one, report.batch, lost.id)
    assert (found.errored, counts(found)) == (1, (0, 0, 0)) and report.published
    assert counts(outcome(one, report.batch, AGREES.id)) == (1, 1, 0)


def test_what_nobody_can_compare_is_no_element_of_a_score(pair):
    rule_ = replace(AGREES, indicator="0401")
    one, base = pair(rule_)
    fill(base, ("B1", "甲公司", None, "在"), ("B2", "乙公司", None, "在"))
    report = one.deliver(thing("A1", other="B1"), thing("A2", other="B2"), thing("A3", other="B9"), thing("A4"), columns=MY_HEADERS)
    with one.database.connect() as connection:
        wanted = (tables.score.c.batch == report.batch, tables.score.c.indicator == "0401")
        rows = connection.execute(sa.select(tables.score.c.satisfied, tables.score.c.evaluated).where(*wanted)).all()
    assert rows == [(1, 2)]


def test_until_the_other_resource_is_published_rules_are_skipped(pair):
    one, _ = pair(AGREES, STANDING)
    report = one.deliver(thing("A1", other="B1"), columns=MY_HEADERS)
    for rule_ in (AGREES, STANDING):
        found = outcome(one, report.batch, rule_.id)
        assert (found.skipped, found.detail) == (1, "no publication of base")
