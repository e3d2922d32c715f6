"""What a row means for its license: issue, new version, status act, hold, or nothing. Set-based but for rows whose license exists."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from catalogs import checkdigits
from catalogs.model import Catalog
from catalogs.organs import issuer_by_prefix
from license_hub.domain.license import IDENTIFIER, Draft, draft_from_row, fields
from license_hub.domain.lifecycle import Act, Actor, State, acts_between, after, possible
from license_hub.domain.verdict import Code, Status
from license_hub.service.assess import assess
from license_hub.service.hub import Hub
from license_hub.service.ledger import Candidates, Ledger, Origin
from license_hub.service.lint import commissioned
from license_hub.service.recipe import Recipe
from license_hub.service.versions import Predecessor, row_dicts
from license_hub.storage.licenses import Standing, standing

CREDIT_CODE_CHARS = 18
_BETWEEN = "\x1f"
"""Separates two values put together; cleaned text holds no control characters."""


class Hold(StrEnum):
    """Why a trusted row makes no license yet."""

    HOLDER_BASE_UNPUBLISHED = "HOLDER_BASE_UNPUBLISHED"
    HOLDER_NOT_TRUSTED = "HOLDER_NOT_TRUSTED"
    HOLDER_CONTRADICTED = "HOLDER_CONTRADICTED"
    ISSUER_UNKNOWN = "ISSUER_UNKNOWN"
    NOT_COMMISSIONED = "NOT_COMMISSIONED"
    TICKET = "TICKET"
    """It says what a ticket asked for: the issuing organ confirms it first (`held_changes`)."""


@dataclass
class Decisions:
    """By the row's place in the table of text rows."""

    candidates: Candidates
    acts: list[tuple[Standing, Act, State]] = field(default_factory=list)
    held: list[tuple[int, Hold]] = field(default_factory=list)
    unchanged: int = 0
    issuer: np.ndarray = field(default_factory=lambda: np.empty(0, np.int32))
    """Each row's place among the candidates' issuers, -1 where nobody is known."""
    standing: Mapping[str, Standing] = field(default_factory=dict)
    """Row key → the license it has already."""

    def carry_out(self, ledger: Ledger, recipe: Recipe, rows: pa.Table, origin: Origin) -> None:
        """Versions and acts into the log."""
        ledger.add_versions(recipe, rows, self.candidates, origin)
        for license, act, to in self.acts:
            ledger.add_act(license, act, to, origin)


def decide_live(hub: Hub, connection: sa.Connection, recipe: Recipe, rows: pa.Table, asked: Collection[str] = frozenset()) -> Decisions:
    """For rows the source provides now (`insert`, `update`, or held ones once more).

    `asked`: keys whose content a ticket asked for; where it makes or changes a license, the issuing organ confirms it first.
    """
    keys = rows["_key"].to_pylist()
    old = standing(connection, hub.crypt, recipe.type_id, recipe.resource, keys)
    issuers, issuer = issuing_organs(hub.catalog, recipe, rows)
    reasons, verified = assess(connection, hub.lake, hub.catalog, recipe, rows)
    known = np.fromiter((key in old for key in keys), bool, len(keys))
    made_here = commissioned(recipe.kind)
    refused = (issuer < 0) | reasons.is_valid().to_numpy(zero_copy_only=False) | (not made_here)
    waits = np.fromiter((key in asked for key in keys), bool, len(keys)) if asked else np.zeros(len(keys), bool)
    fresh = np.flatnonzero(~known & ~refused & ~waits)
    found = Decisions(Candidates(fresh, issuers, issuer[fresh], verified[fresh]), issuer=issuer, standing=old)
    found.held = [(place, _hold(made_here, issuer[place], reasons[place].as_py())) for place in np.flatnonzero(refused).tolist()]
    found.held += [(place, Hold.TICKET) for place in np.flatnonzero(~known & ~refused & waits).tolist()]
    changed: dict[int, Predecessor] = {}
    places = np.flatnonzero(known).tolist()
    for place, row in zip(places, _rows_at(rows, places), strict=True):
        if refused[place]:
            _end(recipe, row, old[keys[place]], found)
        else:
            _compare(recipe, place, row, old[keys[place]], issuers[issuer[place]], found, changed if not waits[place] else None)
    if changed:
        both = np.concatenate([fresh, np.array(list(changed), np.int64)])
        predecessors = dict(enumerate(changed.values(), start=len(fresh)))
        found.candidates = Candidates(both, issuers, issuer[both], verified[both], predecessors)
    return found


def decide_gone(hub: Hub, connection: sa.Connection, recipe: Recipe, keys: Sequence[str]) -> list[tuple[Standing, Act, State]]:
    """For rows the source no longer provides: never a revocation, at most 数源未再提供."""
    found = standing(connection, hub.crypt, recipe.type_id, recipe.resource, keys)
    stopped = [one for one in found.values() if possible(State(one.state), Act.SOURCE_STOPPED, Actor.HUB)]
    return [(one, Act.SOURCE_STOPPED, after(State(one.state), Act.SOURCE_STOPPED, Actor.HUB)) for one in stopped]


def _hold(made_here: bool, issuer: int, reason: str | None) -> Hold:
    if not made_here:
        return Hold.NOT_COMMISSIONED
    return Hold.ISSUER_UNKNOWN if issuer < 0 else Hold(reason)


def _compare(
    recipe: Recipe,
    place: int,
    row: Mapping[str, str | None],
    old: Standing,
    issuer: tuple[str, str],
    found: Decisions,
    changed: dict[int, Predecessor] | None,
) -> None:
    """A row whose license exists. `changed` is None where a change of content waits for the organ."""
    draft = draft_from_row(recipe.kind, recipe.source, row, issuer)
    steps = list(_steps(State(old.state), draft))
    differs = _content(old) != fields(draft)
    if differs and changed is None:
        found.held.append((place, Hold.TICKET))
        _end(recipe, row, old, found)
    elif differs:
        status = steps[-1][1] if steps else State(old.state)
        changed[place] = Predecessor(old.license_id, old.entry, old.version, old.serial, old.leaf_id, status.value)
    elif steps:
        found.acts.extend((old, act, to) for act, to in steps)
    else:
        found.unchanged += 1


def _end(recipe: Recipe, row: Mapping[str, str | None], old: Standing, found: Decisions) -> None:
    """A row on hold changes no content, but what it says against its license counts at once: a revocation does not wait for a holder."""
    draft = draft_from_row(recipe.kind, recipe.source, row, ("", ""))
    steps = list(_steps(State(old.state), draft))
    if steps and Code(steps[-1][1].value).status is Status.INVALID:
        found.acts.extend((old, act, to) for act, to in steps)


def _steps(state: State, draft: Draft) -> Iterator[tuple[Act, State]]:
    """Acts that lead from the stored state to what the source says, each with where it leads."""
    for act in acts_between(state, draft.source_status or State.STATUS_NOT_PROVIDED):
        state = after(state, act, Actor.HUB if act is Act.SOURCE_RESUMED else Actor.SOURCE)
        yield act, state


def _content(old: Standing) -> dict[str, str]:
    content = json.loads(old.payload)
    content.pop(IDENTIFIER, None)
    return content


def issuing_organs(catalog: Catalog, recipe: Recipe, rows: pa.Table) -> tuple[tuple[tuple[str, str], ...], np.ndarray]:
    """Issuing organs as (credit code, name), and each row's place among them; -1 where neither the row nor its number tells."""
    source = recipe.source
    if source.issuer_field is None:
        number = _flat(rows, source.number_field)
        parts = pc.binary_join_element_wise(pc.utf8_slice_codeunits(number, 0, 1), pc.utf8_slice_codeunits(number, 2, 8), _BETWEEN)
        parts = pc.if_else(pc.equal(pc.utf8_length(number), CREDIT_CODE_CHARS), parts, None)
        found, pairs = _distinct(parts)
        organs = issuer_by_prefix(catalog, set(pairs))
        listed = [organs.get(one) for one in pairs]
    else:
        name = _flat(rows, source.issuer_name_field) if source.issuer_name_field else pa.nulls(rows.num_rows, pa.string())
        found, pairs = _distinct(pc.binary_join_element_wise(_flat(rows, source.issuer_field), pc.fill_null(name, ""), _BETWEEN))
        listed = [one if checkdigits.uscc(one[0]) else None for one in pairs]
    known = tuple(one for one in listed if one)
    at = {one: place for place, one in enumerate(known)}
    return known, np.array([*(at.get(one, -1) for one in listed), -1], np.int32)[found]


def _distinct(column: pa.Array) -> tuple[np.ndarray, list[tuple[str, str]]]:
    """Pairs that occur, and each row's place among them; -1 where it has none."""
    coded = pc.dictionary_encode(column)
    pairs = [tuple(one.split(_BETWEEN, 1)) for one in coded.dictionary.to_pylist()]
    return pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False), pairs


def _flat(rows: pa.Table, name: str) -> pa.Array:
    return pa.concat_arrays([pa.array([], pa.string()), *rows[name].chunks])


def _rows_at(rows: pa.Table, places: list[int]) -> list[dict[str, str | None]]:
    return row_dicts(rows.take(pa.array(places, pa.int64()))) if places else []
