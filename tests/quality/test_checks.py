"""Every row check on real input: true, false and undefined, through the scan that cleans and judges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import accumulate

import pytest

from catalogs import checkdigits
from catalogs.model import ROW_CHECKS, Delivery, Division, Field, Rule
from connectors.landing import land
from quality import scan
from quality.check.rows import Context, compile_rule
from quality.errors import RuleUnsound
from quality.rulebook import rulebook
from quality.scan import Landed
from quality.session import session
from tests.quality.deliveries import NOW, Typed, resource, rule

F = {
    "text": Field("text", "文", "", "text"), "other": Field("other", "他", "", "text"), "born": Field("born", "生", "", "date"),
    "died": Field("died", "卒", "", "date"), "id": Field("id", "证", "", "citizen_id"),
    "sex": Field("sex", "性", "", "code", table="sex"),
    "code": Field("code", "码", "", "uscc"), "place": Field("place", "地", "", "code", table="province"),
    "division": Field("division", "区", "", "division"), "money": Field("money", "钱", "", "money"),
    "at": Field("at", "时", "", "datetime"),
    "names": Field("names", "名", "", "holder_names"), "numbers": Field("numbers", "号", "", "holder_numbers"),
    "mark": Field("mark", "标", "", "text"),
}  # fmt: skip
RIGHT, WRONG = "11010519491231002X", "110105194912310021"
GOOD, BAD = "91350100M000100Y43", "91350100M000100Y4A"
WRONG_INSIDE = "91350100M00010094"
"""17 characters whose inner check character (the last) is wrong."""

CASES = [
    (rule("not_null", "text"), {"甲": True, None: False, "N/A": False, " ": False}),
    (rule("parsed", "born"),
     {"20230105": True, "2023-02-30": False, "不详": False, None: None, "N/A": None, "长期": None, "9999-12-31": None}),
    (rule("parsed", "at"), {"2023-01-05 08:00:00": True, "昨天": False, "": None, "长期": None}),
    (rule("parsed", "money"), {"5万元": True, "104()": False, "若干": False, "N/A": None, "-": None}),
    (rule("pattern", "text", regex="[A-Z][0-9]{2}"), {"A12": True, "Ａ１２": True, "A123": False, "xA12": False, None: None}),
    (rule("length", "text", min=2, max=3), {"甲乙": True, "甲乙丙": True, "甲": False, "甲乙丙丁": False, None: None}),
    (rule("length", "text", min=2), {"甲乙丙丁戊": True, "甲": False}),
    (rule("check_digit", "id", kind="citizen_id"),
     {RIGHT: True, RIGHT.lower(): True, WRONG: False, "12345": False, None: None, "110105491231002": True}),
    (rule("check_digit", "code", kind="uscc"), {GOOD: True, BAD: False, "450103000012345": False, "": None}),
    (rule("check_digit", "text", kind="citizen_id"), {RIGHT: True, WRONG: False, None: None}),
    (rule("check_digit", "text", kind="license_identifier"),
     {"1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U": True, "1.2.156": False, None: None}),
    (rule("org_part_check_digit", "code"), {GOOD: True, "91110000600037341L": True, BAD: None, GOOD[:15]: None, None: None}),
    (rule("in_codes", "sex", table="sex"), {"男": True, "1": True, "不详": False, None: None}),
    (rule("division_known", "division"), {"990101": True, "990102": True, "990000": True, "990100": True, "123456": False, None: None}),
    (rule("division_current", "division"), {"990101": True, "990102": False, "990000": True, "123456": False, None: None}),
    (rule("division_known", "code", start=3, length=6), {"11990101MB0000001X": True, GOOD: False, None: None}),
    (rule("division_known", "code", start=3, length=2), {"11990101MB0000001X": True, GOOD: False}),
    (rule("clean_text", "text"),
     {"甲乙": True, "什么？": True, "How?": True, "甲?乙": False, "甲?": False, "?甲": False, "甲\ufffd": False,
      "甲\ue468": False, "锟斤拷": False, "\u05fc甲": False, "\U000f7f7f": False, "㐀𠀀": True, None: None}),
    (rule("not_future", "born"), {"2026-11-21": True, "2026-11-22": False, None: None}),
    (rule("not_future", "at"), {"2026-11-21 23:59:59": True, "2026-11-22 00:00:00": False}),
    (rule("not_before", "born", date="1900-01-01"), {"1900-01-01": True, "1899-12-31": False, None: None}),
    (rule("number_range", "money", min=0, max=100), {"100元": True, "-1元": False, "101元": False, None: None}),
    (rule("expression", "text", sql="text <> '甲'"), {"乙": True, "甲": False, None: None}),
    (rule("expression", "text", sql="text__src IS NULL"), {"乙": True, "乙 ": False}),
]  # fmt: skip
PAIRS = [
    (rule("division_matches", "code", "place", start=3, length=2, table="province"),
     {(GOOD, "福建"): True, (GOOD, "35"): True, (GOOD, "四川"): False, (GOOD, "某地"): None, (None, "福建"): None, (GOOD, None): None}),
    (rule("birth_matches_id", "born", "id"),
     {("1949-12-31", RIGHT): True, ("1949-12-30", RIGHT): False, (None, RIGHT): None, ("1949-12-31", "123"): None}),
    (rule("sex_matches_id", "sex", "id"),
     {("女", RIGHT): True, ("男", RIGHT): False, ("9", RIGHT): None, (None, RIGHT): None, ("男", "12"): None}),
    (rule("date_order", "born", "died"),
     {("2020-01-01", "2020-01-01"): True, ("2020-01-02", "2020-01-01"): False, (None, "2020-01-01"): None}),
    (rule("required_when", "text", "mark", values=["2"]), {("甲", "2"): True, (None, "2"): False, (None, "1"): None, (None, None): None}),
    (rule("empty_when", "text", "mark", values=["1"]), {(None, "1"): True, ("甲", "1"): False, ("甲", "2"): None, ("甲", None): None}),
    (rule("same_count", "names", "numbers"), {("甲;乙", "1、2"): True, ("甲", "1"): True, ("甲;乙", "1"): False, ("甲", None): None}),
    (rule("expression", "text", "other", sql="text = other"), {("甲", "甲"): True, ("甲", "乙"): False, ("甲", None): None}),
]  # fmt: skip
DIVISIONS = {
    "990101": Division("990101", "样例一区", 2000, None, ()), "990102": Division("990102", "样例二区", 2000, 2010, ("990101",)),
}  # fmt: skip


Rows = Sequence[Mapping[str, str | None]]


@pytest.fixture(scope="module")
def verdicts(small, tmp_path_factory):
    """(rules, rows by field) → for each rule True, False or None for each row, in order."""

    def run(judged: Sequence[Rule], rows: Rows, mode="snapshot", partition=None, raw=None) -> list[list[bool | None]]:
        fields = tuple(F.values())
        made = resource(mode, key=("text",), fields=fields, order_by=None)
        if mode == "partition":
            made = replace(made, delivery=Delivery(mode, partition_field="place"))
        catalog = replace(small, resources={made.id: made}, rules={made.id: tuple(judged)}, divisions=DIVISIONS)
        cells = [tuple(row.get(field.name) for field in fields) for row in rows]
        lake = tmp_path_factory.mktemp("lake")
        landed = land(made, Typed(cells, columns=tuple(field.source for field in fields), raw=raw or {}), lake, now=NOW)
        book = rulebook(made, catalog)
        with session(lake, catalog) as connection:
            found = Landed(landed.rows, frozenset(landed.manifest.columns) | {"_source", "_line", "_raw"})
            done = scan.stage(connection, found, book, Context(made, catalog, date(2026, 11, 21), partition))
            assert not done.errored
            masks = connection.execute("SELECT _failed, _undefined FROM stage ORDER BY _row").fetchall()
        bits = [book.bits[rule.id] for rule in judged]
        return [[None if undefined & bit else not failed & bit for failed, undefined in masks] for bit in bits]

    return run


@pytest.fixture(scope="module")
def judged(verdicts):
    """All cases in one scan: case → its verdicts."""
    rules = [replace(rule, id=str(at)) for at, (rule, _) in enumerate([*CASES, *PAIRS])]
    rows = [[{rule.fields[0]: text} for text in expected] for rule, expected in CASES]
    rows += [[dict(zip(rule.fields, pair, strict=True)) for pair in expected] for rule, expected in PAIRS]
    found = verdicts(rules, [row for case in rows for row in case])
    starts = list(accumulate((len(case) for case in rows), initial=0))
    return [found[at][starts[at] : starts[at + 1]] for at in range(len(rules))]


@pytest.mark.parametrize("at", range(len(CASES)), ids=[one.id + str(n) for n, (one, _) in enumerate(CASES)])
def test_check_of_one_field(judged, at):
    assert judged[at] == list(CASES[at][1].values())


@pytest.mark.parametrize("at", range(len(PAIRS)), ids=[one.id for one, _ in PAIRS])
def test_check_of_two_fields(judged, at):
    assert judged[len(CASES) + at] == list(PAIRS[at][1].values())


def test_inner_check_of_a_right_code_can_be_wrong(verdicts):
    code = WRONG_INSIDE + checkdigits.uscc_check(WRONG_INSIDE)
    assert verdicts([rule("org_part_check_digit", "code")], [{"code": code}]) == [[False]]


def test_in_partition_judges_empty_values_too(verdicts):
    rows = [{"place": "福建"}, {"place": "四川"}, {"place": None}, {"place": "某地"}]
    assert verdicts([rule("in_partition", "place")], rows, "partition", "35") == [[True, False, False, False]]


def test_malformed_row_fails_by_its_form_alone(verdicts):
    form, filled = verdicts([rule("well_formed_row"), rule("not_null", "text")], [{"text": "甲"}, {}], raw={1: "甲,乙"})
    assert (form, filled) == ([True, False], [True, None])


def test_every_row_check_has_a_case():
    tried = {judged.check for judged, _ in [*CASES, *PAIRS]} | {"in_partition", "well_formed_row"}
    assert tried == set(ROW_CHECKS)


def test_every_shipped_rule_compiles(catalog):
    for made in catalog.resources.values():
        context = Context(made, catalog, date(2026, 11, 21), None)
        for one in rulebook(made, catalog).row_rules:
            assert compile_rule(one, context).text


def test_unknown_check_is_an_unsound_rule(small):
    context = Context(resource(), small, date(2026, 11, 21), None)
    with pytest.raises(RuleUnsound, match="thing.name.smells"):
        compile_rule(rule("smells", "name"), context)
