from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from license_hub.domain.claims import comparable, mismatched

COMMITTED = {"CZZT": "张某某;李某某", "ZZBH": "JY19901010000011", "ZZBFRQ": "2026-01-05", "KZ_名称": "示例（集团）有限公司"}


@pytest.mark.parametrize(
    "claimed",
    [
        {},
        {"ZZBH": "jy19901010000011"},
        {"ZZBH": "ＪＹ１９９０１０１００００011 "},
        {"CZZT": "李某某；张某某"},
        {"CZZT": " 李某某; 张某某"},
        {"KZ_名称": "示例(集团) 有限公司"},
        {"ZZBFRQ": "2026年1月5日"},
        {"ZZBFRQ": "20260105"},
        {"ZZBFRQ": "2026/1/5"},
        {"ZZBFRQ": "2026.01.05"},
    ],
    ids=repr,
)
def test_claim_in_another_spelling_agrees(claimed):
    assert mismatched(COMMITTED, claimed) == ()


@pytest.mark.parametrize(
    "claimed",
    [
        {"ZZBH": "JY19901010000012"},
        {"ZZBH": ""},
        {"CZZT": "张某某"},
        {"CZZT": "张某某;李某某;王某某"},
        {"ZZBFRQ": "2026-01-06"},
        {"ZZBFRQ": "2026-13-05"},
        {"KZ_没有": "值"},
    ],
    ids=repr,
)
def test_claim_that_differs_is_named(claimed):
    assert mismatched(COMMITTED, claimed) == tuple(claimed)


@given(st.dictionaries(st.sampled_from("abc"), st.text(max_size=12)))
def test_license_always_agrees_with_itself(committed):
    assert mismatched(committed, committed) == ()


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=12))
def test_claim_in_full_width_agrees(text):
    wide = "".join(chr(ord(letter) + 0xFEE0) for letter in text)
    assert comparable(wide) == comparable(text) == comparable(f" {text.upper()} ")
