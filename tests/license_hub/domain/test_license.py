from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs import checkdigits
from catalogs.license_type import HolderMapping, LicenseSource, LicenseType
from license_hub.domain.holder import CODE_TYPES, Holder, code_type, holders
from license_hub.domain.license import FIELD_TITLES, dates, draft_from_row, fields, holder_numbers
from license_hub.domain.lifecycle import State

CITIZEN = "991101190001010" + "01"
CITIZEN += checkdigits.citizen_check(CITIZEN)
"""Sample province 99, born in 1900."""
COMPANY = "91990000MA000000" + "0"
COMPANY += checkdigits.uscc_check(COMPANY)
ISSUER = ("119900000000000000", "示例登记机关")

SOURCE = LicenseSource(
    resource="titles",
    number_field="number",
    holder=HolderMapping("names", "numbers", "auto"),
    holder_base=("population",),
    issuer_field=None,
    issuer_name_field=None,
    applies_field=None,
    applies_prefixes=(),
    face={"坐落": "place", "价款": "price", "面积": "area_m2", "登记时间": "registered", "附记": "remark"},
    issued_on_field="issued",
    valid_from_field="starts",
    valid_to_field="ends",
    status_field="status",
    status_map={"1": "IN_FORCE", "2": "CANCELLED"},
    area_field="division",
)
TYPE = LicenseType(
    "title", "不动产权证书", "11100000MB03271699001", "自然资源部", "made_for_issuer", "both", "示例委托", (SOURCE,), "A", "test", "2026"
)
ROW = {
    "_key": "T1",
    "number": "示例(2026)第1号",
    "names": "张某某;示例公司",
    "numbers": f"{CITIZEN};{COMPANY}",
    "issued": date(2026, 1, 5),
    "starts": date(2026, 1, 5),
    "ends": None,
    "status": "1",
    "division": "990101",
    "place": "示例市示例路1号",
    "price": Decimal("1000000.00"),
    "price_currency": "CNY",
    "area_m2": Decimal("89.5000"),
    "registered": datetime(2026, 1, 5, 9, 30),
    "remark": None,
}


def test_draft_takes_each_part_from_its_field():
    draft = draft_from_row(TYPE, SOURCE, ROW, ISSUER)
    assert (draft.type_id, draft.key, draft.number, draft.area) == ("title", "T1", "示例(2026)第1号", "990101")
    assert draft.holders == (Holder("张某某", CITIZEN, "111"), Holder("示例公司", COMPANY, "001"))
    assert (draft.issued_on, draft.valid_from, draft.valid_to) == (date(2026, 1, 5), date(2026, 1, 5), None)
    assert draft.source_status is State.IN_FORCE
    assert draft.face == {"坐落": "示例市示例路1号", "价款": "1000000.00 CNY", "面积": "89.5000", "登记时间": "2026-01-05 09:30:00"}


def test_fields_are_the_short_names_with_empty_ones_left_out():
    committed = fields(draft_from_row(TYPE, SOURCE, ROW, ISSUER))
    assert committed == {
        "ZZMC": "不动产权证书",
        "ZZLXDM": "11100000MB03271699001",
        "ZZBH": "示例(2026)第1号",
        "ZZBFJG": "示例登记机关",
        "ZZBFJGDM": ISSUER[0],
        "ZZBFRQ": "2026-01-05",
        "ZZYXQQSRQ": "2026-01-05",
        "CZZT": "张某某;示例公司",
        "CZZTDM": f"{CITIZEN};{COMPANY}",
        "CZZTDMLX": "公民身份号码;统一社会信用代码",
        "CZZTDMLXDM": "111;001",
        "SSGXQH": "990101",
        "KZ_坐落": "示例市示例路1号",
        "KZ_价款": "1000000.00 CNY",
        "KZ_面积": "89.5000",
        "KZ_登记时间": "2026-01-05 09:30:00",
    }
    assert {name for name in committed if not name.startswith("KZ_")} <= set(FIELD_TITLES)
    assert holder_numbers(committed) == [CITIZEN, COMPANY]
    assert dates(committed) == (date(2026, 1, 5), None)


def test_fields_with_the_identifier_differ_by_it_alone():
    draft = draft_from_row(TYPE, SOURCE, ROW, ISSUER)
    assert fields(draft, "1.2") == {"ZZBS": "1.2", **fields(draft)}


def test_fields_do_not_change_with_the_status():
    draft = draft_from_row(TYPE, SOURCE, ROW, ISSUER)
    other = draft_from_row(TYPE, SOURCE, ROW | {"status": "2"}, ISSUER)
    assert other.source_status is State.CANCELLED
    assert fields(other) == fields(draft)


@pytest.mark.parametrize("status", [None, "", "9"])
def test_status_that_is_empty_or_unknown_is_not_provided(status):
    assert draft_from_row(TYPE, SOURCE, ROW | {"status": status}, ISSUER).source_status is None


def test_status_that_no_source_may_state_is_refused():
    source = replace(SOURCE, status_map={"1": "SUPERSEDED"})
    with pytest.raises(ValueError, match="cannot state"):
        draft_from_row(TYPE, source, ROW, ISSUER)


def test_row_without_a_mapped_field_is_refused():
    with pytest.raises(KeyError, match="number"):
        draft_from_row(TYPE, SOURCE, {name: value for name, value in ROW.items() if name != "number"}, ISSUER)


def test_row_of_empty_values_makes_a_draft_without_them():
    empty = dict.fromkeys(ROW) | {"_key": "T1"}
    committed = fields(draft_from_row(TYPE, SOURCE, empty, ISSUER))
    assert set(committed) == {"ZZMC", "ZZLXDM", "ZZBFJG", "ZZBFJGDM"}


@pytest.mark.parametrize(
    ("number", "kind", "wanted"),
    [
        (CITIZEN, "person", "111"),
        (CITIZEN, "both", "111"),
        (COMPANY, "organisation", "001"),
        (COMPANY, "both", "001"),
        (CITIZEN[:-1] + ("0" if CITIZEN[-1] != "0" else "1"), "person", "999"),
        (COMPANY[:-1] + ("0" if COMPANY[-1] != "0" else "1"), "organisation", "099"),
        ("E12345678", "both", "414"),
        ("G12345678", "person", "414"),
        ("EA1234567", "person", "414"),
        ("X1234567Y", "person", "414"),
        ("12345678", "person", "999"),
        ("E12345678", "organisation", "099"),
        ("某字第1号", "person", "999"),
    ],
)
def test_code_type_follows_from_the_number(number, kind, wanted):
    assert code_type(number, kind) == wanted
    assert wanted in CODE_TYPES


def test_code_type_of_a_number_that_is_both_follows_the_kind_of_holder():
    """A credit code of digits alone can pass as a citizen number; the sample province allows 99 in front of both."""
    both = next(
        body + checkdigits.citizen_check(body)
        for body in (f"991101190001{day:02d}{order:03d}" for day in range(1, 28) for order in range(1000))
        if checkdigits.citizen_check(body) != "X" and checkdigits.uscc(body + checkdigits.citizen_check(body))
    )
    assert [code_type(both, kind) for kind in ("organisation", "person", "both")] == ["001", "111", "111"]


def test_declared_code_type_is_kept():
    assert holders(HolderMapping("n", "c", "001"), "某公司", "x", "organisation") == (Holder("某公司", "x", "001"),)


@given(st.lists(st.sampled_from(["张某", "李某", ""]), max_size=4), st.lists(st.sampled_from([CITIZEN, COMPANY, ""]), max_size=4))
def test_holders_keep_their_order_and_lose_nobody(names, numbers):
    found = holders(HolderMapping("n", "c", "auto"), ";".join(names), ";".join(numbers), "both")
    assert [one.name for one in found if one.name] == [one for one in names if one]
    assert [one.number for one in found if one.number] == [one for one in numbers if one]
    assert all(bool(one.code_type) == bool(one.number) for one in found)
