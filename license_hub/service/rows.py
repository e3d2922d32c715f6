"""From a publication's rows to text rows of one license source: set-based, in Arrow.

A *text row* has `_key`, `_op` and every column its recipe names, all as text: days ISO, codes as labels, amounts with their currency,
empty = NULL. That is what a draft is made of, what a held row stores, and what worker processes are sent.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from catalogs.license_type import LicenseSource
from license_hub.service.recipe import Recipe

SEPARATOR = ";"


def text_rows(table: pa.Table, recipe: Recipe) -> pa.Table:
    """The recipe's columns of `table` as text, plus `_key` and `_op`."""
    made = {name: _flat(table[name], pa.string()) for name in ("_key", "_op")}
    return pa.table({**made, **{name: _text(table, name, recipe) for name in recipe.columns}})


def applies(table: pa.Table, source: LicenseSource) -> pa.Array:
    """Which rows make a license of this source's type. Boolean, no NULL."""
    if source.applies_field is None:
        return pa.array([True] * table.num_rows, pa.bool_())
    field = pc.fill_null(_flat(table[source.applies_field], pa.string()), "")
    found = pa.array([False] * table.num_rows, pa.bool_())
    for prefix in source.applies_prefixes:
        found = pc.or_(found, pc.starts_with(field, prefix))
    return found


def holder_lines(table: pa.Table, recipe: Recipe) -> pa.Table:
    """One line a holder: `ord` (row of `table`), `number`, `name`, `code_type`."""
    numbers = pc.fill_null(_flat(table[recipe.source.holder.number_field], pa.string()), "")
    names = pc.fill_null(_flat(table[recipe.source.holder.name_field], pa.string()), "")
    if recipe.holder_lists:
        number_lists, name_lists = pc.split_pattern(numbers, SEPARATOR), pc.split_pattern(names, SEPARATOR)
        lines = {"ord": _parents(number_lists), "number": pc.list_flatten(number_lists), "name": _aligned(number_lists, name_lists)}
    else:
        lines = {"ord": pa.array(range(table.num_rows), pa.int64()), "number": numbers, "name": names}
    kinds = recipe.code_types(lines["number"].to_pylist())
    return pa.table({**lines, "code_type": pa.array(kinds, pa.string())})


def _text(table: pa.Table, name: str, recipe: Recipe) -> pa.Array:
    column = table[name]
    if name in recipe.day_columns and pa.types.is_timestamp(column.type):
        column = pc.cast(column, pa.date32())
    if pa.types.is_timestamp(column.type):
        return pc.strftime(_flat(column, pa.timestamp("s")), format="%Y-%m-%d %H:%M:%S")
    text = _flat(column, pa.string())
    if name in recipe.labels:
        return _labelled(text, recipe.labels[name])
    if name in recipe.currencies:
        currency = _flat(table[recipe.currencies[name]], pa.string())
        return pc.if_else(pc.is_valid(currency), pc.binary_join_element_wise(text, currency, " "), text)
    return text


def _labelled(codes: pa.Array, labels: Mapping[str, str]) -> pa.Array:
    """Labels for codes; text that is no code of the table stays as it is."""
    encoded = pc.dictionary_encode(codes)
    shown = pa.array([labels.get(one, one) for one in encoded.dictionary.to_pylist()], pa.string())
    return pc.take(shown, encoded.indices)


def _flat(column: pa.ChunkedArray, kind: pa.DataType) -> pa.Array:
    flat = pc.cast(column, kind, safe=False).combine_chunks()
    return pa.concat_arrays(flat.chunks) if isinstance(flat, pa.ChunkedArray) else flat


def _parents(lists: pa.Array) -> pa.Array:
    return pc.cast(pc.list_parent_indices(lists), pa.int64())


def _aligned(numbers: pa.Array, names: pa.Array) -> pa.Array:
    """Names beside their numbers; a list of names of another length leaves the rest empty (rule `same_count` reports it)."""
    flat: list[str] = []
    for number_list, name_list in zip(numbers.to_pylist(), names.to_pylist(), strict=True):
        flat.extend(name_list[i] if i < len(name_list) else "" for i in range(len(number_list)))
    return pa.array(flat, pa.string())
