"""Changes of thresholds, severities and weights: proposed by one person, approved by another, in effect from the next batch.

    propose ─► proposed ─► approve ─► active ─► merged (the files say it themselves)
                       │                         or superseded (a later change, or the files since, say otherwise)
                       └─► refuse, or withdraw by its author

Both tables are append-only. `effective` lays what was approved over the files' catalogue; a batch's report names the numbers it went by,
and `went_by` makes that catalogue again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa

from catalogs.changes import Edit, current, faults, overlaid, value
from catalogs.model import Catalog
from quality.errors import ChangeRefused
from quality.store.tables_changes import change, change_act

_Place = tuple[str, str, str]


class Act(StrEnum):
    APPROVE = "approve"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"


class Standing(StrEnum):
    """What a change counts now."""

    PROPOSED = "proposed"
    ACTIVE = "active"
    MERGED = "merged"
    SUPERSEDED = "superseded"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class Decided:
    act: Act
    actor: str
    reason: str
    at: datetime
    turn: int
    """Changes count in this order."""


@dataclass(frozen=True)
class Change:
    number: int
    resource: str
    edits: tuple[Edit, ...]
    was: tuple[object, ...]
    """By edit: what counted when it was proposed."""
    author: str
    reason: str
    at: datetime
    decided: Decided | None


def propose(
    connection: sa.Connection, catalog: Catalog, resource_id: str, edits: Sequence[Edit], *, author: str, reason: str, now: datetime
) -> int:
    """Files a proposal over the files' catalogue and returns its number. Raises ChangeRefused with everything that speaks against it."""
    _need(author, reason, "a proposal")
    standing = edits_in_effect(catalog, connection).get(resource_id, [])
    _refuse(faults(catalog, resource_id, edits, standing))
    stored = [edit.stored() | {"was": current(catalog, resource_id, edit, standing)} for edit in edits]
    values = {"resource": resource_id, "edits": stored, "author": author.strip(), "reason": reason.strip(),
              "catalog_version": catalog.version, "at": now}  # fmt: skip
    return connection.execute(sa.insert(change).values(values)).inserted_primary_key[0]


def decide(connection: sa.Connection, catalog: Catalog, number: int, act: Act, *, actor: str, reason: str, now: datetime) -> None:
    """Approves or refuses under a second name, or withdraws under the author's. Raises ChangeRefused."""
    _need(actor, reason, "a decision")
    one = get(connection, number)
    if one.decided is not None:
        raise ChangeRefused(f"change {number} is decided: {one.decided.act} by {one.decided.actor}")
    own = actor.strip().casefold() == one.author.casefold()
    if act is Act.WITHDRAW and not own:
        raise ChangeRefused(f"change {number} was proposed by {one.author}, who alone withdraws it")
    if act is not Act.WITHDRAW and own:
        raise ChangeRefused(f"change {number} was proposed under the same name: a second person has to decide on it")
    if act is Act.APPROVE:
        # The files, or other changes, may have moved since it was proposed.
        standing = edits_in_effect(catalog, connection).get(one.resource, [])
        _refuse(faults(catalog, one.resource, one.edits, standing))
        before = _before([*approved(connection, one.resource), one])
        late = [edit for edit in one.edits if _passed_by(catalog, one.resource, edit, before)]
        _refuse([f"{edit.name}: the files were changed since it was proposed, propose it again" for edit in late])
    values = {"change": number, "act": act, "actor": actor.strip(), "reason": reason.strip(), "catalog_version": catalog.version, "at": now}
    try:
        connection.execute(sa.insert(change_act).values(values))
    except sa.exc.IntegrityError as conflict:
        raise ChangeRefused(f"change {number} was decided by somebody else meanwhile") from conflict


def _need(name: str, reason: str, what: str) -> None:
    if not name.strip() or not reason.strip():
        raise ChangeRefused(f"{what} needs a name and a reason")


def _refuse(found: Sequence[str]) -> None:
    if found:
        raise ChangeRefused("; ".join(found), faults=found)


def get(connection: sa.Connection, number: int) -> Change:
    """Raises ChangeRefused for an unknown number."""
    found = _read(connection, _ALL.where(change.c.number == number))
    if not found:
        raise ChangeRefused(f"no change {number}: see the list of changes")
    return found[0]


def listed(connection: sa.Connection, resource_id: str | None = None) -> list[Change]:
    """Newest first."""
    query = _ALL.order_by(change.c.number.desc())
    return _read(connection, query.where(change.c.resource == resource_id) if resource_id else query)


def approved(connection: sa.Connection, resource_id: str | None = None) -> list[Change]:
    """In the order they were approved."""
    query = _ALL.where(change_act.c.act == Act.APPROVE).order_by(change_act.c.id)
    return _read(connection, query.where(change.c.resource == resource_id) if resource_id else query)


def effective(catalog: Catalog, connection: sa.Connection) -> Catalog:
    """The files' catalogue with the approved changes that say something else; itself where there are none."""
    found = approved(connection)
    return _over(catalog, found, found)


def went_by(catalog: Catalog, connection: sa.Connection, numbers: Sequence[int]) -> Catalog:
    """The catalogue with just these changes: what a batch went by, if the files are still the same."""
    found = approved(connection) if numbers else []
    return _over(catalog, [one for one in found if one.number in set(numbers)], found)


def _over(catalog: Catalog, found: Sequence[Change], known: Sequence[Change]) -> Catalog:
    """`known`: everything that was approved."""
    for resource_id, mine in _by_resource(catalog, found).items():
        before = _before(one for one in known if one.resource == resource_id)
        counting = [(number, edit) for number, edit in _last(mine).values() if _counts(catalog, resource_id, edit, before)]
        if counting:
            numbers = [one.number for one in mine if any(number == one.number for number, _ in counting)]
            catalog = overlaid(catalog, resource_id, [edit for _, edit in counting], numbers)
    return catalog


def standing(catalog: Catalog, one: Change, of_resource: Sequence[Change]) -> Standing:
    """What a change counts over the files' catalogue, among the approved ones of its resource."""
    if one.decided is None:
        return Standing.PROPOSED
    if one.decided.act is not Act.APPROVE:
        return Standing.REFUSED if one.decided.act is Act.REFUSE else Standing.WITHDRAWN
    if one.resource not in catalog.resources:
        return Standing.SUPERSEDED
    mine = [edit for number, edit in _last(of_resource).values() if number == one.number]
    before = _before(of_resource)
    if any(_counts(catalog, one.resource, edit, before) for edit in mine):
        return Standing.ACTIVE
    return Standing.MERGED if mine and all(merged(catalog, one.resource, edit) for edit in mine) else Standing.SUPERSEDED


def edits_in_effect(catalog: Catalog, connection: sa.Connection) -> dict[str, list[Edit]]:
    """Resource → what counts otherwise than the files say: what is to be merged into them."""
    found = {}
    for name, mine in _by_resource(catalog, approved(connection)).items():
        before = _before(mine)
        found[name] = [edit for _, edit in _last(mine).values() if _counts(catalog, name, edit, before)]
    return {name: edits for name, edits in found.items() if edits}


def _by_resource(catalog: Catalog, found: Sequence[Change]) -> dict[str, list[Change]]:
    mine: dict[str, list[Change]] = {}
    for one in found:
        if one.resource in catalog.resources:
            mine.setdefault(one.resource, []).append(one)
    return mine


def _last(found: Iterable[Change]) -> dict[_Place, tuple[int, Edit]]:
    """Place → (number of the change, edit) that came last there."""
    return {edit.place: (one.number, edit) for one in found for edit in one.edits}


def _before(found: Iterable[Change]) -> dict[_Place, list[object]]:
    """Place → what counted there whenever one of the changes was proposed."""
    said: dict[_Place, list[object]] = {}
    for one in found:
        for edit, was in zip(one.edits, one.was, strict=True):
            said.setdefault(edit.place, []).append(was)
    return said


def _counts(catalog: Catalog, resource_id: str, edit: Edit, before: Mapping[_Place, list[object]]) -> bool:
    """Whether an approved edit is laid over the files."""
    return not merged(catalog, resource_id, edit) and not _passed_by(catalog, resource_id, edit, before)


def _passed_by(catalog: Catalog, resource_id: str, edit: Edit, before: Mapping[_Place, list[object]]) -> bool:
    """Whether the files say neither what the edit says nor anything that it, or one before it, was to change: then somebody edited them
    after it, most often after it was merged, and the files count."""
    return not merged(catalog, resource_id, edit) and value(catalog, resource_id, edit) not in before.get(edit.place, ())


def merged(catalog: Catalog, resource_id: str, edit: Edit) -> bool:
    """Whether the files say it themselves by now; a rule that was switched off is merged when they no longer have it."""
    said = value(catalog, resource_id, edit)
    return said == edit.value or said is None


_ALL = sa.select(
    change, change_act.c.id.label("turn"), change_act.c.act, change_act.c.actor, change_act.c.reason.label("because"),
    change_act.c.at.label("decided_at"),
).select_from(change.outerjoin(change_act, change_act.c.change == change.c.number))  # fmt: skip


def _read(connection: sa.Connection, query: sa.Select) -> list[Change]:
    return [_change(row) for row in connection.execute(query)]


def _change(row: sa.Row) -> Change:
    decided = Decided(Act(row.act), row.actor, row.because, row.decided_at, row.turn) if row.act else None
    edits = tuple(Edit(one["of"], one["name"], one["what"], one["value"]) for one in row.edits)
    was = tuple(one["was"] for one in row.edits)
    return Change(row.number, row.resource, edits, was, row.author, row.reason, row.at, decided)
