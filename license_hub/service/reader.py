"""What text rows say, compiled once for a batch: `fields(draft_from_row(…))` of `domain.license` without a draft in between.

A third of the time of a license went into drafts nobody keeps. `test_reader` holds this and the domain's own path equal, row by row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from license_hub.domain.holder import CODE_TYPES, holders
from license_hub.domain.license import FACE
from license_hub.domain.lifecycle import SOURCE_STATES, State
from license_hub.service.recipe import Recipe

Row = Sequence[str | None]


@dataclass(slots=True)
class Said:
    """One row. `fields` are the committed ones but for issuer and identifier, which are not the row's to say."""

    key: str
    number: str
    fields: dict[str, str]
    valid_from: str | None
    valid_to: str | None
    status: str
    """State the source gives, by name; STATUS_NOT_PROVIDED where it gives none."""


def compile_reader(recipe: Recipe, names: Sequence[str]) -> Callable[[Row], Said]:
    """`row -> Said` for rows whose values stand in the order of `names`.

    Raises ValueError for a mapped status no source may state.
    """
    at = {name: place for place, name in enumerate(names)}
    source = recipe.source
    plan = _plan(recipe, at)
    constant = {"ZZMC": recipe.kind.name, "ZZLXDM": recipe.kind.type_code}
    states = _states(recipe)
    key, number = at["_key"], at[source.number_field]
    start, end, status = (at.get(name or "") for name in (source.valid_from_field, source.valid_to_field, source.status_field))
    add_holders = _holder_fields(recipe, at)

    def read(row: Row) -> Said:
        fields = dict(constant)
        for name, place in plan:
            value = row[place]
            if value:
                fields[name] = value
        add_holders(row, fields)
        said = states.get(row[status] or "") if status is not None else None
        return Said(
            row[key] or "",
            row[number] or "",
            fields,
            (row[start] or None) if start is not None else None,
            (row[end] or None) if end is not None else None,
            said or State.STATUS_NOT_PROVIDED.value,
        )

    return read


def _plan(recipe: Recipe, at: dict[str, int]) -> tuple[tuple[str, int], ...]:
    """(committed name, place) of every field that is one column's text."""
    source = recipe.source
    named = {
        "ZZBH": source.number_field,
        "ZZBFRQ": source.issued_on_field,
        "ZZYXQQSRQ": source.valid_from_field,
        "ZZYXQJZRQ": source.valid_to_field,
        "SSGXQH": source.area_field,
        **{FACE + title: name for title, name in source.face.items()},
    }
    return tuple((name, at[column]) for name, column in named.items() if column)


def _states(recipe: Recipe) -> dict[str, str]:
    states = {said: State(name) for said, name in recipe.source.status_map.items()}
    for state in states.values():
        if state not in SOURCE_STATES:
            raise ValueError(f"status_map: a source cannot state {state}")
    return {said: state.value for said, state in states.items()}


def _holder_fields(recipe: Recipe, at: dict[str, int]) -> Callable[[Row, dict[str, str]], None]:
    mapping = recipe.source.holder
    name_at, number_at = at[mapping.name_field], at[mapping.number_field]
    declared = mapping.code_type
    title = CODE_TYPES.get(declared, "")

    def one(row: Row, fields: dict[str, str]) -> None:
        """The common case: one name and one number of a declared type, nothing to trim."""
        fields["CZZT"], fields["CZZTDM"] = row[name_at], row[number_at]
        fields["CZZTDMLX"], fields["CZZTDMLXDM"] = title, declared

    def many(row: Row, fields: dict[str, str]) -> None:
        found = holders(mapping, row[name_at] or "", row[number_at] or "", recipe.kind.holder_kind)
        parts = {
            "CZZT": [item.name for item in found],
            "CZZTDM": [item.number for item in found],
            "CZZTDMLX": [CODE_TYPES.get(item.code_type, "") for item in found],
            "CZZTDMLXDM": [item.code_type for item in found],
        }
        fields.update((name, ";".join(values)) for name, values in parts.items() if any(values))

    def either(row: Row, fields: dict[str, str]) -> None:
        name, number = row[name_at], row[number_at]
        plain = name and number and ";" not in name and ";" not in number and name == name.strip() and number == number.strip()
        (one if plain else many)(row, fields)

    return many if declared == "auto" or not title else either
