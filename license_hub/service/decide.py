"""What a row means for its license: issue, new version, status act, hold, or nothing. Set-based but for rows whose license exists."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import pyarrow as pa
import sqlalchemy as sa

from catalogs import checkdigits
from catalogs.model import Catalog
from catalogs.organs import issuer_by_prefix
from license_hub.domain.license import IDENTIFIER, Draft, draft_from_row, fields
from license_hub.domain.lifecycle import Act, Actor, State, acts_between, after, possible
from license_hub.domain.verdict import Code, Status
from license_hub.service.assess import assess
from license_hub.service.hub import Hub
from license_hub.service.ledger import Candidate
from license_hub.service.recipe import Recipe
from license_hub.service.versions import Predecessor, row_dicts
from license_hub.storage.licenses import Standing, standing

CREDIT_CODE_CHARS = 18


class Hold(StrEnum):
    """Why a trusted row makes no license yet."""

    HOLDER_BASE_UNPUBLISHED = "HOLDER_BASE_UNPUBLISHED"
    HOLDER_NOT_TRUSTED = "HOLDER_NOT_TRUSTED"
    HOLDER_CONTRADICTED = "HOLDER_CONTRADICTED"
    ISSUER_UNKNOWN = "ISSUER_UNKNOWN"


@dataclass
class Decisions:
    """By the row's place in the table of text rows."""

    candidates: list[Candidate] = field(default_factory=list)
    acts: list[tuple[Standing, Act, State]] = field(default_factory=list)
    held: list[tuple[int, Hold]] = field(default_factory=list)
    unchanged: int = 0


def decide_live(hub: Hub, connection: sa.Connection, recipe: Recipe, rows: pa.Table) -> Decisions:
    """For rows the source provides now (`insert`, `update`, or held ones once more)."""
    found = Decisions()
    keys = rows["_key"].to_pylist()
    old = standing(connection, hub.crypt, recipe.type_id, recipe.resource, keys)
    issuers = _issuers(hub.catalog, recipe, rows)
    holders = assess(connection, hub.lake, hub.catalog, recipe, rows)
    if not old and all(issuers) and not any(holder.reason for holder in holders):
        # The first delivery of a resource: every row is a candidate, and there are many.
        found.candidates = list(map(Candidate, range(len(keys)), issuers, [holder.verified for holder in holders]))
        return found
    known = {}
    for place, (key, issuer, holder) in enumerate(zip(keys, issuers, holders, strict=True)):
        reason = Hold.ISSUER_UNKNOWN if issuer is None else Hold(holder.reason) if holder.reason else None
        if reason:
            found.held.append((place, reason))
        if key in old:
            known[place] = (old[key], issuer, holder.verified, reason)
        elif not reason:
            found.candidates.append(Candidate(place, issuer, holder.verified))
    for place, row in zip(known, _rows_at(rows, list(known)), strict=True):
        standing_now, issuer, verified, reason = known[place]
        if reason:
            _end(recipe, row, standing_now, found)
        else:
            _compare(recipe, place, row, standing_now, issuer, verified, found)
    return found


def decide_gone(hub: Hub, connection: sa.Connection, recipe: Recipe, keys: Sequence[str]) -> list[tuple[Standing, Act, State]]:
    """For rows the source no longer provides: never a revocation, at most 数源未再提供."""
    found = standing(connection, hub.crypt, recipe.type_id, recipe.resource, keys)
    stopped = [one for one in found.values() if possible(State(one.state), Act.SOURCE_STOPPED, Actor.HUB)]
    return [(one, Act.SOURCE_STOPPED, after(State(one.state), Act.SOURCE_STOPPED, Actor.HUB)) for one in stopped]


def _compare(
    recipe: Recipe, place: int, row: Mapping[str, str | None], old: Standing, issuer: tuple[str, str], verified: bool, found: Decisions
) -> None:
    """A row whose license exists."""
    draft = draft_from_row(recipe.kind, recipe.source, row, issuer)
    steps = list(_steps(State(old.state), draft))
    if _content(old) != fields(draft):
        status = steps[-1][1] if steps else State(old.state)
        predecessor = Predecessor(old.license_id, old.entry, old.version, old.serial, old.leaf_id, status.value)
        found.candidates.append(Candidate(place, issuer, verified, predecessor))
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


def _issuers(catalog: Catalog, recipe: Recipe, rows: pa.Table) -> list[tuple[str, str] | None]:
    """(credit code, name) of each row's issuing organ; None where neither the row nor its number tells."""
    source = recipe.source
    if source.issuer_field is None:
        numbers = [one or "" for one in rows[source.number_field].to_pylist()]
        parts = [(one[:1], one[2:8]) if len(one) == CREDIT_CODE_CHARS else None for one in numbers]
        organs = issuer_by_prefix(catalog, {one for one in parts if one})
        return [organs[one] if one else None for one in parts]
    codes = rows[source.issuer_field].to_pylist()
    names = rows[source.issuer_name_field].to_pylist() if source.issuer_name_field else [None] * len(codes)
    right = {code for code in set(codes) if code and checkdigits.uscc(code)}
    return [(code, name or "") if code in right else None for code, name in zip(codes, names, strict=True)]


def _rows_at(rows: pa.Table, places: list[int]) -> list[dict[str, str | None]]:
    return row_dicts(rows.take(pa.array(places, pa.int64()))) if places else []
