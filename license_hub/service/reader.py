"""What a table of text rows says, column by column: `fields(draft_from_row(…))` of `domain.license` for every row at once.

`test_reader` holds this and the domain's own path equal, row by row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from license_hub.domain.holder import CODE_TYPES, holders
from license_hub.domain.license import FACE
from license_hub.domain.lifecycle import SOURCE_STATES, State
from license_hub.service.recipe import Recipe

_WHITE = r"\x09-\x0d\x1c-\x20\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}"
_LISTED = f"^[{_WHITE}]|[{_WHITE}]$|;"
"""A holder's name or number to be split or trimmed; the white space is what `str.strip` takes away."""
_HOLDER = ("CZZT", "CZZTDM", "CZZTDMLX", "CZZTDMLXDM")


@dataclass(frozen=True)
class Said:
    """`fields` are the committed ones (NULL: the row has none) but for issuer and identifier, which are not the row's to say."""

    key: pa.StringArray
    number: pa.StringArray
    fields: dict[str, pa.Array]
    valid_from: pa.Array
    valid_to: pa.Array
    status: pa.StringArray
    """State the source gives, by name; STATUS_NOT_PROVIDED where it gives none."""


def read(recipe: Recipe, rows: pa.Table) -> Said:
    """Text rows of `service.rows`. Raises ValueError for a mapped status no source may state."""
    source, size = recipe.source, rows.num_rows
    columns = {name: _text(rows, name, size) for name in ("_key", *recipe.columns)}
    fields = {"ZZMC": pa.repeat(recipe.kind.name, size), "ZZLXDM": pa.repeat(recipe.kind.type_code, size)}
    fields |= {name: columns[column] for name, column in _plan(recipe).items()}
    fields |= _holders(recipe, columns[source.holder.name_field], columns[source.holder.number_field])
    nothing = pa.nulls(size, pa.string())
    return Said(
        key=pc.fill_null(columns["_key"], ""),
        number=pc.fill_null(columns[source.number_field], ""),
        fields={name: column for name, column in fields.items() if column.null_count < size},
        valid_from=columns.get(source.valid_from_field or "", nothing),
        valid_to=columns.get(source.valid_to_field or "", nothing),
        status=_status(recipe, columns.get(source.status_field or "", nothing)),
    )


def replaced(column: pa.Array, where: pa.Array, change: Callable[[str | None], str | None]) -> pa.Array:
    """The column with `change` made to the values at `where`, one by one: for what is rare."""
    if not pc.any(where).as_py():
        return column
    changed = [change(one) for one in column.filter(where).to_pylist()]
    return pc.replace_with_mask(column, where, pa.array(changed, column.type))


def _text(rows: pa.Table, name: str, size: int) -> pa.StringArray:
    """One flat column; empty text is NULL. A column the rows do not have (an older held row) is NULL."""
    column = pa.concat_arrays([pa.array([], pa.string()), *rows[name].chunks]) if name in rows.column_names else pa.nulls(size, pa.string())
    return pc.if_else(pc.equal(column, ""), None, column)


def _plan(recipe: Recipe) -> dict[str, str]:
    """Committed name → column, for every field that is one column's text."""
    source = recipe.source
    named = {
        "ZZBH": source.number_field,
        "ZZBFRQ": source.issued_on_field,
        "ZZYXQQSRQ": source.valid_from_field,
        "ZZYXQJZRQ": source.valid_to_field,
        "SSGXQH": source.area_field,
        **{FACE + title: name for title, name in source.face.items()},
    }
    return {name: column for name, column in named.items() if column}


def _status(recipe: Recipe, column: pa.Array) -> pa.StringArray:
    states = {said: State(name) for said, name in recipe.source.status_map.items()}
    for state in states.values():
        if state not in SOURCE_STATES:
            raise ValueError(f"status_map: a source cannot state {state}")
    coded = pc.dictionary_encode(pc.fill_null(column, ""))
    meant = [states.get(one, State.STATUS_NOT_PROVIDED).value for one in coded.dictionary.to_pylist()]
    return pa.array(meant, pa.string()).take(coded.indices)


def _holders(recipe: Recipe, names: pa.Array, numbers: pa.Array) -> dict[str, pa.Array]:
    """The holder fields. One name and one number of a declared type, nothing to trim: the common case, taken as it stands."""
    mapping = recipe.source.holder
    title = CODE_TYPES.get(mapping.code_type, "")
    plain = pc.and_(*(pc.fill_null(pc.invert(pc.match_substring_regex(one, _LISTED)), False) for one in (names, numbers)))
    if not title:
        plain = pa.repeat(False, len(names))
    columns = [names, numbers, pa.repeat(title, len(names)), pa.repeat(mapping.code_type, len(names))]
    listed = pc.invert(plain)
    if pc.any(listed).as_py():
        pairs = zip(names.filter(listed).to_pylist(), numbers.filter(listed).to_pylist(), strict=True)
        parts = [_parts(recipe, name or "", number or "") for name, number in pairs]
        made = [pa.array([part[at] for part in parts], pa.string()) for at in range(len(_HOLDER))]
        columns = [pc.replace_with_mask(pc.cast(column, pa.string()), listed, new) for column, new in zip(columns, made, strict=True)]
    return dict(zip(_HOLDER, columns, strict=True))


def _parts(recipe: Recipe, name: str, number: str) -> tuple[str | None, ...]:
    found = holders(recipe.source.holder, name, number, recipe.kind.holder_kind)
    lists = (
        [one.name for one in found],
        [one.number for one in found],
        [CODE_TYPES.get(one.code_type, "") for one in found],
        [one.code_type for one in found],
    )
    return tuple(";".join(values) if any(values) else None for values in lists)
