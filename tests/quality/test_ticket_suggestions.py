"""Suggestions for failing rows: right check digits, successors, nearest known values; each is one its rule accepts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs import checkdigits
from catalogs.model import Coverage, Field, Limits
from catalogs.quality import Responsible
from quality.tickets.opening import open_tickets
from quality.tickets.rows import TicketRow, page
from quality.tickets.states import RowState
from quality.tickets.suggest import suggest
from tests.license_hub.sample_hub import credit_code
from tests.quality.deliveries import NOW, rule

LOOSE = Limits(max_rejects=1.0, volume_band=99.0, max_removed=1.0)
FIELDS = (
    Field("code", "编号", "编号", "certificate_number", required=True),
    Field("uscc", "信用代码", "统一社会信用代码", "uscc"),
    Field("person", "身份证", "公民身份号码", "citizen_id"),
    Field("place", "区划", "行政区划", "division"),
    Field("sex", "性别", "性别", "code", table="sex"),
    Field("born", "出生", "出生日期", "date"),
    Field("form", "业态", "主体业态", "code", table="food_business"),
    Field("name", "名称", "名称", "org_name"),
)
HEADERS = tuple(one.source for one in FIELDS)
RULES = (
    rule("not_null", "code"),
    rule("check_digit", "uscc", kind="uscc"),
    rule("org_part_check_digit", "uscc"),
    rule("check_digit", "person", kind="citizen_id"),
    rule("division_current", "place"),
    rule("division_known", "place"),
    rule("sex_matches_id", "sex", "person"),
    rule("birth_matches_id", "born", "person"),
    rule("in_codes", "form", table="food_business"),
    rule("expression", "name", sql="NOT regexp_matches(name__src, '[０-９Ａ-Ｚａ-ｚ]')"),
)
PERSON = "99010119900307" + "123"
PERSON += checkdigits.citizen_check(PERSON)


def row(number: int = 1, **values: str | None) -> TicketRow:
    headers = {one.name: one.source for one in FIELDS}
    said = dict.fromkeys(HEADERS) | {headers[name]: value for name, value in values.items()}
    return TicketRow(number, "K", "typed.csv:2", said, RowState.OPEN, "b", datetime(2026, 11, 22, tzinfo=UTC), 0)


@pytest.fixture(scope="module")
def asking(catalog, tmp_path_factory):
    """(rule, rows) → suggestions, without any registry."""
    import sqlalchemy as sa

    from quality.store import upgrade
    from tests.quality.deliveries import resource

    folder = tmp_path_factory.mktemp("suggest")
    database = sa.create_engine(f"sqlite:///{folder}/quality.db")
    upgrade(database)
    made = resource(fields=FIELDS, order_by=None)
    small = replace(catalog, resources={"thing": made}, rules={"thing": RULES})
    yield lambda name, *rows: suggest(small, "thing", name, rows, lake=folder, database=database, now=NOW)
    database.dispose()


def wrong_end(code: str) -> str:
    return code[:17] + ("1" if code[17] != "1" else "2")


@pytest.mark.parametrize(
    ("name", "given", "field", "value", "by"),
    [
        ("thing.uscc.check_digit", {"uscc": wrong_end(credit_code(1))}, "uscc", credit_code(1), "check_digit"),
        ("thing.uscc.check_digit", {"uscc": credit_code(1).replace("0", "O", 1)}, "uscc", credit_code(1), "lookalike"),
        ("thing.person.check_digit", {"person": wrong_end(PERSON)}, "person", PERSON, "check_digit"),
        ("thing.place.division_current", {"place": "110103"}, "place", "110101", "successor"),
        ("thing.place.division_known", {"place": "样例省云江市临江区"}, "place", "990101", "code_table"),
        ("thing.sex.person.sex_matches_id", {"sex": "女", "person": PERSON}, "sex", "男", "from_id"),
        ("thing.born.person.birth_matches_id", {"born": "1990-03-08", "person": PERSON}, "born", "1990-03-07", "from_id"),
        ("thing.form.in_codes", {"form": "食品销售经营"}, "form", "食品销售经营者", "code_table"),
        ("thing.name.expression", {"name": "云江ＡＢ公司"}, "name", "云江AB公司", "cleaned"),
    ],
)
def test_failing_value_is_told_what_it_should_be_and_why(asking, name, given, field, value, by):
    first, *_ = asking(name, row(**given))
    assert (first.row, first.field, first.value, first.by, first.rule) == (1, field, value, by, name)
    assert first.why and first.was == given[field]


def test_page_of_rows_is_answered_at_once_each_by_its_number(asking):
    rows = [row(at, uscc=wrong_end(credit_code(at))) for at in range(1, 51)]
    assert {one.row: one.value for one in asking("thing.uscc.check_digit", *rows)} == {at: credit_code(at) for at in range(1, 51)}


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("thing.uscc.check_digit", {"uscc": "12345"}), ("thing.uscc.check_digit", {"uscc": None}),
        ("thing.person.check_digit", {"person": "张"}),
        ("thing.place.division_current", {"place": "000000"}), ("thing.form.in_codes", {"form": "xyz"}),
        ("thing.sex.person.sex_matches_id", {"sex": "女", "person": wrong_end(PERSON)}), ("thing.code.not_null", {"uscc": credit_code(1)}),
    ],
)  # fmt: skip
def test_where_nothing_can_be_known_nothing_is_suggested(asking, name, given):
    assert asking(name, row(**given)) == []


def test_rule_that_is_gone_and_malformed_rows_have_no_suggestion(asking):
    assert asking("thing.gone", row(uscc="1")) == []
    assert asking("thing.uscc.check_digit", replace(row(), values={"_raw": "a;b;c"})) == []


@given(st.text("0123456789ABCDEFGHJKLMNPQRTUWXYIOSVZ", min_size=18, max_size=18))
def test_suggested_check_digit_is_always_right(catalog, code):
    from quality.tickets import mend
    from tests.quality.deliveries import resource

    made = resource(fields=FIELDS, order_by=None)
    for one in mend.candidates(catalog, made, RULES[1], [code]):
        assert len(one.value) == 18 and one.value[17] == checkdigits.uscc_check(one.value[:17])


def test_unknown_number_is_told_the_nearest_of_the_registry_and_of_the_same_name(lake, sqlite, small, catalog):
    from tests.quality.deliveries import Bench, resource

    known = (Field("uscc", "代码", "代码", "uscc", required=True), Field("name", "名称", "名称", "org_name"))
    companies = resource(id="companies", fields=known, key=("uscc",), order_by=None, limits=LOOSE)
    permits = resource(fields=FIELDS, order_by=None, limits=LOOSE)
    refers = rule("reference", "uscc", severity="warn", resources=["companies"], field="uscc")
    rules = {"companies": (rule("not_null", "uscc", resource="companies"),), "thing": (rule("not_null", "code"), refers)}
    shared = replace(small, resources={"companies": companies, "thing": permits}, rules=rules)
    first, bench = Bench(lake, sqlite, shared, companies), Bench(lake, sqlite, shared, permits)
    first.deliver((credit_code(1), "云江一号公司"), (credit_code(2), "云江二号公司"), columns=("代码", "名称"))
    bench.now = first.now
    near, lost = credit_code(1)[:8] + "X" + credit_code(1)[9:], "91990101MA00099999"
    blank = (None,) * 4
    batch = bench.deliver(("A1", near, *blank, None, None), ("A2", lost, *blank, None, "云江二号公司"), columns=HEADERS).batch
    (opened,) = open_tickets(shared, batch, ["thing.uscc.reference"], lake=lake, database=sqlite, now=bench.now, actor="staff")
    from connectors.lake import Lake

    with sqlite.connect() as connection:
        rows = page(connection, Lake.of(lake), opened.ticket)
    found = suggest(shared, "thing", "thing.uscc.reference", rows, lake=lake, database=sqlite, now=bench.now)
    best = {}
    for one in found:
        best.setdefault(one.row, one)
    keys = {one.key: one.row for one in rows}
    assert best[keys["A1"]].value == credit_code(1) and best[keys["A2"]].value == credit_code(2)
    assert "名称相同" in best[keys["A2"]].why


def test_value_another_resource_disagrees_with_is_told_what_is_registered_there(lake, sqlite, small):
    from connectors.lake import Lake
    from tests.quality.deliveries import Bench, resource

    known = (Field("uscc", "代码", "代码", "uscc", required=True), Field("name", "名称", "名称", "org_name"))
    companies = resource(id="companies", fields=known, key=("uscc",), order_by=None, limits=LOOSE)
    permits = resource(fields=FIELDS, order_by=None, limits=LOOSE)
    agrees = rule("agrees", "uscc", "name", severity="warn", resources=["companies"], by="uscc", field="name")
    empty = rule("not_null", "name", severity="warn")
    rules = {"companies": (rule("not_null", "uscc", resource="companies"),), "thing": (rule("not_null", "code"), agrees, empty)}
    shared = replace(small, resources={"companies": companies, "thing": permits}, rules=rules)
    first, bench = Bench(lake, sqlite, shared, companies), Bench(lake, sqlite, shared, permits)
    first.deliver((credit_code(1), "云江一号公司"), columns=("代码", "名称"))
    bench.now = first.now
    blank = (None,) * 5
    batch = bench.deliver(("A1", credit_code(1), *blank, "云江公司"), ("A2", credit_code(1), *blank, None), columns=HEADERS).batch
    for asked in (agrees, empty):
        (opened,) = open_tickets(shared, batch, [asked.id], lake=lake, database=sqlite, now=bench.now, actor="staff")
        with sqlite.connect() as connection:
            rows = page(connection, Lake.of(lake), opened.ticket)
        [one] = suggest(shared, "thing", asked.id, rows, lake=lake, database=sqlite, now=bench.now)
        assert (one.field, one.value, one.by, one.rule) == ("name", "云江一号公司", "registry", asked.id)


def test_organ_code_is_found_by_its_name(asking, catalog, tmp_path, sqlite):
    permit = catalog.resources["food_permit"]
    organ, name = catalog.organs["9990101"]
    values = {one.source: None for one in permit.fields} | {"发证机关": name[:-4], "发证机关代码": wrong_end(organ)}
    asked = replace(row(), values=values)
    found = suggest(catalog, "food_permit", "food_permit.issuing_organ_code.check_digit", [asked], lake=tmp_path, database=sqlite, now=NOW)
    assert organ in [one.value for one in found] and permit.coverage == Coverage(("99",), 2015)
    assert permit.responsible == Responsible(organ="issuing_organ_code")
