from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from license_hub.domain.license import draft_from_row, fields
from license_hub.domain.lifecycle import State
from license_hub.service.reader import read
from license_hub.service.recipe import recipes

TEXT = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
DAY = st.none() | st.dates().map(lambda day: day.isoformat())
SHAPED = ["\u2003A", "A\x85", "\u200bA", "99010119500101001X", "91990101000000019A", "E12345678", "", " 9 ", "a;b", "a;;b", ";"]
NUMBER = st.none() | st.sampled_from(SHAPED) | TEXT


@pytest.fixture(scope="module")
def all_recipes(catalog):
    return [recipe for resource in catalog.resources for recipe in recipes(catalog, resource)]


@given(data=st.data())
def test_reader_says_of_any_row_what_the_domain_says(all_recipes, data):
    recipe = data.draw(st.sampled_from(all_recipes))
    source = recipe.source
    row = {"_key": data.draw(st.text(max_size=5)), "_op": "insert"}
    for name in recipe.columns:
        kind = DAY if name in recipe.day_columns else NUMBER if name in (source.holder.name_field, source.holder.number_field) else TEXT
        row[name] = data.draw(kind)
    if source.status_field:
        row[source.status_field] = data.draw(st.none() | st.sampled_from([*source.status_map, "?"]))
    filler = dict.fromkeys(row, "样例") | {"_op": "insert"}
    said = read(recipe, pa.table({name: pa.array([filler[name], value], pa.string()) for name, value in row.items()}))
    draft = draft_from_row(recipe.kind, source, row, ("", ""))
    assert {name: column[1].as_py() for name, column in said.fields.items() if column[1].is_valid} == fields(draft)
    assert (said.key[1].as_py(), said.number[1].as_py()) == (draft.key, draft.number)
    days = tuple(day.isoformat() if day else None for day in (draft.valid_from, draft.valid_to))
    assert (said.valid_from[1].as_py(), said.valid_to[1].as_py()) == days
    assert said.status[1].as_py() == (draft.source_status or State.STATUS_NOT_PROVIDED)


def test_reader_for_a_status_no_source_may_state_is_refused(all_recipes):
    recipe = next(one for one in all_recipes if one.source.status_map)
    wrong = replace(recipe, source=replace(recipe.source, status_map={"1": "SUPERSEDED"}))
    with pytest.raises(ValueError, match="SUPERSEDED"):
        read(wrong, pa.table({name: pa.array(["1"]) for name in ("_key", *wrong.columns)}))
