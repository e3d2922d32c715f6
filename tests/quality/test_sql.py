"""Composition of SQL: nothing a value or a name contains can leave its quotes (T17)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quality.sql import Sql, commas, compose, ident, literal, literals

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(TEXT)
def test_literal_of_any_text_reads_back(text):
    assert duckdb.sql(compose("SELECT {x}", x=literal(text)).text).fetchall() == [(text,)]


@given(TEXT.filter(lambda name: name.strip() and "\x00" not in name))
def test_identifier_of_any_name_names_that_column(name):
    found = duckdb.sql(compose("SELECT 1 AS {x}", x=ident(name)).text)
    assert found.columns == [name] and found.fetchall() == [(1,)]


@pytest.mark.parametrize("value", [None, True, False, 7, -3, Decimal("1.50"), date(2026, 1, 5)])
def test_literal_of_other_types_reads_back(value):
    assert duckdb.sql(compose("SELECT {x}", x=literal(value)).text).fetchall() == [(value,)]


@pytest.mark.parametrize("name", ["", "a\x00b"])
def test_identifier_that_sql_cannot_hold_is_refused(name):
    with pytest.raises(ValueError):
        ident(name)


def test_compose_refuses_a_bare_string():
    with pytest.raises(TypeError, match="x is not Sql"):
        compose("SELECT {x}", x="1; DROP TABLE y")


def test_compose_refuses_a_place_without_piece():
    with pytest.raises(KeyError):
        compose("SELECT {x}")


def test_compose_leaves_braces_of_regular_expressions_and_of_pieces_alone():
    assert compose("x ~ 'a{2}' AND {y}", y=Sql("'{z}'")).text == "x ~ 'a{2}' AND '{z}'"


def test_lists_are_separated_by_commas():
    assert literals(["a", "it's"]).text == "'a', 'it''s'" and commas([]).text == ""
