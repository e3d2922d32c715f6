"""Divisions with history, and the sample organs that stand on them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs import checkdigits
from catalogs.divisions import current, full_name, sample
from catalogs.load import PACKAGE_ROOT, load
from catalogs.model import Division
from catalogs.organs import issuer, issuer_by_prefix

POSITION_1 = "123456789ANY"


@pytest.mark.parametrize(
    ("code", "name", "until", "now"),
    [
        ("110103", "崇文区", 2010, "110101"),
        ("450127", "横县", 2021, "450181"),
        ("510124", "郫县", 2016, "510117"),
        ("330104", "江干区", 2021, "330102"),
        ("990122", "松桥县", 2015, "990104"),
        ("990223", "旧坊县", 2003, "990201"),
    ],
)
def test_retired_division_leads_to_its_successor_in_use(catalog, code, name, until, now):
    division = catalog.divisions[code]
    assert (division.name, division.until) == (name, until)
    assert current(catalog.divisions, code) == now


def test_division_in_use_stands_for_itself_and_unknown_for_nothing(catalog):
    assert current(catalog.divisions, "450100") == "450100"
    assert current(catalog.divisions, "450704") is None


def test_every_successor_chain_ends_in_use_or_nowhere(catalog):
    retired = [one for one in catalog.divisions.values() if one.until is not None]
    led = sum(current(catalog.divisions, one.code) is not None for one in retired)
    assert len(retired) > 3000
    assert led / len(retired) > 0.9


def test_loop_of_successors_is_survived():
    loop = {code: Division(code, code, None, 2000, (other,)) for code, other in (("110001", "110002"), ("110002", "110001"))}
    assert current(loop, "110001") is None


def test_full_name_skips_words_that_only_group_codes(catalog):
    assert full_name(catalog.divisions, "110101") == "北京市东城区"
    assert full_name(catalog.divisions, "451029") == "广西壮族自治区百色市田林县"
    assert full_name(catalog.divisions, "450704") == "广西壮族自治区钦州市"


def test_sample_province_is_made_up_and_has_a_retired_code(catalog):
    codes = sample(PACKAGE_ROOT)
    assert all(one.code.startswith("99") for one in codes)
    assert any(one.until and one.successors for one in codes)
    assert {one.code for one in catalog.divisions.values() if one.code.startswith("99")} == {one.code for one in codes}


@pytest.mark.parametrize(
    ("credit_code", "key", "name"),
    [
        ("91451029200800694K", "9451029", "广西壮族自治区百色市田林县市场监督管理局（样例）"),
        ("91450127MA5X000000", "9450181", "广西壮族自治区南宁市横州市市场监督管理局（样例）"),
        ("91450704MA5X000000", "9450000", "广西壮族自治区市场监督管理局（样例）"),
        ("91013200MA5X000000", "9100000", "国家市场监督管理局（样例）"),
        ("91100000100003962T", "9100000", "国家市场监督管理局（样例）"),
        ("52990122MJ00000000", "5990104", "样例省云江市松桥区民政局（样例）"),
        ("12640103MB00000000", "1640000", "宁夏回族自治区事业单位登记管理局（样例）"),
        ("Z1450100MA5X000000", "Y450100", "广西壮族自治区南宁市综合登记管理局（样例）"),
    ],
)
def test_issuer_of_a_credit_code_is_the_organ_in_use(catalog, credit_code, key, name):
    code, said = issuer(catalog, credit_code)
    assert (code, said) == catalog.organs[key]
    assert said == name
    assert code[2:8] == key[1:]


def test_issuer_by_prefix_answers_each_distinct_pair_as_issuer_does(catalog):
    pairs = [("9", "451029"), ("9", "450704"), ("5", "990122"), ("9", "451029")]
    table = issuer_by_prefix(catalog, pairs)
    assert table == {(kind, place): issuer(catalog, f"{kind}1{place}0000000000") for kind, place in pairs}
    assert len(table) == 3


@given(st.sampled_from(POSITION_1), st.from_regex(r"[0-9]{6}", fullmatch=True))
def test_issuer_of_any_credit_code_exists_with_right_checks_and_the_sample_mark(kind, place):
    code, name = issuer(load(), f"{kind}1{place}0000000000")
    assert checkdigits.uscc(code)
    assert checkdigits.organization_part(code)
    assert name.endswith("（样例）")


def test_organ_codes_differ_by_kind_and_place(catalog):
    keys = [f"{kind}{place}" for kind in POSITION_1 for place in ("450100", "451029", "990104", "100000")]
    assert len({catalog.organs[key][0] for key in keys}) == len(keys)


@pytest.mark.parametrize("key", ["9450127", "9450704", "Z450100", "9", ""])
def test_organ_table_has_no_organ_in_a_place_not_in_use(catalog, key):
    with pytest.raises(KeyError):
        catalog.organs[key]


def test_organ_table_lists_every_kind_in_every_place_in_use(catalog):
    in_use = sum(one.until is None for one in catalog.divisions.values())
    assert len(catalog.organs) == len(POSITION_1) * in_use
    assert "9450100" in catalog.organs
