"""Failing rows page by page: every row once, with all its rules, by number, and masked as the catalogue says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from catalogs.model import Field
from catalogs.quality import Responsible
from quality import bodies
from quality.failed_rows import FailedRow, Wanted, opened
from quality.values import Veil, at_fault
from tests.quality.ticket_desk import FIELDS, HEADERS, LOOSE, NAMELESS, ODD, RULES


@pytest.fixture
def desk(bench, catalog):
    made = bench(rules=RULES, limits=LOOSE, fields=FIELDS, order_by=None, responsible=Responsible(organ="organ"))
    made.catalog = replace(made.catalog, divisions=catalog.divisions)
    return made


def rows(made, batch: str, **asked: str) -> list[FailedRow]:
    with opened(made.lake, made.catalog, made.database, batch) as found:
        return list(found.all(Wanted(batch, **asked), at_once=2))


@pytest.fixture
def delivered(desk, catalog):
    north, south = (catalog.organs[one][0] for one in ("9990101", "9990102"))
    desk.deliver(("C1", "好", "甲", south), ("C2", "好", "甲", north), columns=HEADERS)
    batch = desk.deliver(
        ("A1", None, "丙", north), ("A2", None, "甲", south), ("A3", "好", "丙", north), ("A4", "好", "甲", north),
        ("C2", "好", "甲", north),
        columns=HEADERS,
    ).batch  # fmt: skip
    return desk, batch, north, south


def test_every_failing_row_comes_once_with_every_rule_it_fails(delivered):
    desk, batch, north, south = delivered
    found = rows(desk, batch)
    assert [(one.fate, one.key, set(one.rules), one.body) for one in found] == [
        ("rejected", "A1", {NAMELESS, ODD}, north),
        ("rejected", "A2", {NAMELESS}, south),
        ("warned", "A3", {ODD}, north),
        ("removed", "C1", {"removed"}, south),
    ]
    assert found[0].values["类别"] == "丙" and len({one.number for one in found}) == 4


def test_filters_by_rule_body_and_fate_agree_with_the_whole(delivered):
    desk, batch, north, south = delivered
    whole = rows(desk, batch)
    for asked in (
        {"rule": ODD},
        {"body": south},
        {"fate": "warned"},
        {"rule": NAMELESS, "body": north},
        {"fate": "removed", "body": south},
    ):
        expected = [
            one for one in whole
            if asked.get("rule", one.rules[0]) in one.rules
            and asked.get("body", one.body) == one.body and asked.get("fate", one.fate) == one.fate
        ]  # fmt: skip
        if "rule" in asked:
            expected = [one for one in expected if asked["rule"] in one.rules]
        assert rows(desk, batch, **asked) == expected and expected


def test_pages_follow_each_other_and_a_number_finds_its_row(delivered):
    desk, batch, *_ = delivered
    whole, seen, after = rows(desk, batch), [], 0
    with opened(desk.lake, desk.catalog, desk.database, batch) as found:
        while after is not None:
            page = found.page(Wanted(batch), after, size=3)
            assert page.total == 4 and len(page.rows) <= 3
            seen += page.rows
            after = page.next_after
        assert seen == whole
        assert [found.one(batch, one.number) for one in whole] == whole and found.one(batch, 999) is None


def test_stopped_batch_shows_what_it_would_have_rejected(bench, catalog):
    made = bench(rules=RULES, fields=FIELDS, order_by=None)
    report = made.deliver(("A1", None, "甲", None), ("A2", "好", "甲", None), columns=HEADERS)
    assert report.gate == "stopped"
    assert [one.key for one in rows(made, report.batch)] == ["A1"]


def test_unknown_batch_is_no_batch(desk):
    with pytest.raises(KeyError), opened(desk.lake, desk.catalog, desk.database, "thing-20260101T000000-00000000"):
        pass


def test_t30_values_are_masked_by_the_sensitivity_of_their_field(desk):
    fields = (
        Field("code", "编号", "编号", "citizen_id", sensitivity=4), Field("name", "名称", "名称", "person_name", sensitivity=3),
        Field("kind", "类别", "类别", "text", sensitivity=1), Field("note", "备注", "备注", "text", sensitivity=3),
    )  # fmt: skip
    veil = Veil(replace(desk.resource, fields=fields))
    given = {"编号": "990101190001010017", "名称": "样例甲", "类别": "甲", "备注": "某事", "没有人描述": "秘", "_raw": "整行"}
    shown = {one.header: one.shown for one in veil.cells(given)}
    assert shown == {"编号": "9***7", "名称": "样***", "类别": "甲", "备注": "***", "没有人描述": "***", "_raw": "***"}
    assert {one.shown for one in veil.cells(given, whole=True)} == set(given.values())
    assert veil.key("990101190001010017") == "9***7" and veil.key(None) == ""
    assert [one.header for one in at_fault(veil.cells(given), ("name",))] == ["名称", "_raw"]


def test_bodies_of_a_resource_roll_up_to_its_department(catalog):
    made = catalog.departments["province_market"]
    assert bodies.department(catalog, "food_permit") == made and "food_permit" in bodies.provided(catalog, made.credit_code)
    assert bodies.names(catalog, [made.credit_code]) == {made.credit_code: made.name}
