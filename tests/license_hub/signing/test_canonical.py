from __future__ import annotations

import enum

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from license_hub.errors import NotCanonical
from license_hub.signing.canonical import MAX_DEPTH, MAX_INTEGER, jcs, parse

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
SCALARS = st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | TEXT
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=20)


@given(VALUES)
def test_jcs_of_any_value_equals_the_reference_implementation(value):
    assert jcs(value) == rfc8785.dumps(value)


@given(st.dictionaries(st.text(st.sampled_from("a\uffff\U00010000\U0010ffff\ue000中"), max_size=3), TEXT, max_size=6))
def test_jcs_sorts_names_by_utf16_code_units(value):
    assert jcs(value) == rfc8785.dumps(value)


@given(VALUES)
def test_parse_of_canonical_json_gives_the_value_back(value):
    assert parse(jcs(value)) == value


def test_jcs_of_the_sorting_example_of_the_rfc_is_in_its_order():
    names = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    wanted = '{"\\r":0,"1":0,"\u0080":0,"ö":0,"€":0,"\U0001f600":0,"\ufb33":0}'
    assert jcs(dict.fromkeys(names, 0)) == wanted.encode()


class Colour(enum.IntEnum):
    RED = 1


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        float("nan"),
        2**53,
        -(2**53),
        {"a": [2**53]},
        {1: "a"},
        {"a": {None: 1}},
        "\ud800",
        {"\udfff": 1},
        b"bytes",
        (1, 2),
        {"a"},
        Colour.RED,
        object(),
        {"a": {"b": [0, 1.5]}},
    ],
    ids=lambda value: "object" if type(value) is object else repr(value),
)
def test_jcs_of_anything_else_is_refused(value):
    with pytest.raises(NotCanonical):
        jcs(value)


def test_jcs_refuses_every_bad_item_of_a_list_however_its_names_sort():
    with pytest.raises(NotCanonical, match=r"\$\[1\]\.x"):
        jcs([{"\U00010000": 1}, {"x": 0.5}])


def test_jcs_names_the_path_never_the_value():
    with pytest.raises(NotCanonical) as refused:
        jcs({"outer": [{"inner": 12345678.5}]})
    assert "$.outer[0].inner" in str(refused.value)
    assert "12345678" not in str(refused.value)


def test_jcs_of_too_deep_a_value_is_refused():
    value: object = 1
    for _ in range(MAX_DEPTH + 1):
        value = [value]
    with pytest.raises(NotCanonical, match="deeper"):
        jcs(value)


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":2}',
        '{"b":1,"a":2}',
        '{"a": 1}',
        "1.0",
        "1e3",
        "NaN",
        '"\\u0041"',
        '"\\ud800"',
        '"\\/"',
        "[1,]",
        "",
        "-0",
        "\ufeff1",
        "[" * 100_000,
        "9007199254740993",
    ],
)
def test_parse_of_json_in_another_form_is_refused(text):
    with pytest.raises(NotCanonical):
        parse(text.encode())


def test_parse_of_bytes_that_are_not_utf8_is_refused():
    with pytest.raises(NotCanonical):
        parse(b'"\xff"')
