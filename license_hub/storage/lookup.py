"""The one query of verification and reading: versions with their attestation, their license's newest version and its last status event."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from license_hub.storage import epoch
from license_hub.storage.engine import is_postgres
from license_hub.storage.tables import attestation, checkpoint, holder, license, sequence, status, version
from license_hub.storage.tables_held import held_ticket

_newest = version.alias("newest")
_former = version.alias("former")
_later = version.alias("later")
_event = status.alias("event")

_last_version = sa.select(sa.func.max(_later.c.entry)).where(_later.c.license_id == version.c.license_id).scalar_subquery()
_last_event = (
    sa.select(sa.func.max(status.c.entry))
    .where(status.c.license_id == version.c.license_id, status.c.entry > _newest.c.entry)
    .correlate(version, _newest)
    .scalar_subquery()
)

_ATTESTED = ("statement", "signature", "kid", "alg")

FOUND = (
    sa.select(
        version,
        *(attestation.c[name] for name in _ATTESTED),
        attestation.c.issuer_code.label("attested_by"),
        license.c.resource,
        license.c.key_bi,
        _former.c.leaf_id.label("of_leaf"),
        _newest.c.entry.label("newest_entry"),
        _newest.c.source_status.label("newest_status"),
        *(column.label(f"event_{column.name}") for column in _event.columns),
    )
    .join_from(version, _newest, _newest.c.entry == _last_version)
    .outerjoin(_event, _event.c.entry == _last_event)
    .outerjoin(_former, _former.c.entry == version.c.supersedes)
    .join(license, license.c.license_id == version.c.license_id)
    .join(attestation, attestation.c.attestation_id == version.c.attestation_id)
)
"""Columns of hub_version; `resource, key_bi` of its license; `statement … alg, attested_by` of its attestation; `of_leaf` of the version
it supersedes; `newest_*` of the license's newest version; `event_*` of the last status event after that one (NULL = none)."""


class LookedUp(NamedTuple):
    epoch: int
    """The security epoch: who decides on remembered keys compares it with theirs (`service.security.Security.seen`)."""
    note: str | None
    """The newest checkpoint, read before the rows; None before the first."""
    witnessed: int | None
    """Entries under the newest checkpoint with a quorum of witnesses; None without one, and where it was not asked for."""
    rows: list[sa.Row]
    """Of FOUND's columns, and `change_held`."""


def find(
    connection: sa.Connection,
    identifiers: Collection[str],
    numbers: Collection[bytes],
    instead: int | None = None,
    *,
    witnessed: bool = False,
) -> LookedUp:
    """Versions with one of those identifiers, and newest versions with one of those certificate numbers (blind index).

    `instead`: an entry that is read, and not told, where nothing is found, so that nobody learns from the time whether there is something.
    """
    places, rows = (_PLACES_ANY, _ROWS_ANY) if is_postgres(connection) else (_PLACES_IN, _ROWS_IN)
    # Entries first, then everything by its primary key: a plan that stays right while a bulk load has left statistics behind.
    given = {"identifiers": list(identifiers), "numbers": list(numbers), "witnessed": witnessed}
    found: dict[str, list[tuple[int, str | None]]] = {}
    for what, number, note in connection.execute(places, given):
        found.setdefault(what, []).append((number, note))
    entries = sorted({number for number, _ in found.get("entry", ())})
    read = entries or ([] if instead is None else [instead])
    listed = connection.execute(rows, {"entries": read}).all() if read else []
    [(epoch_now, _)] = found["epoch"]
    (_, note), (quorum, _) = (found.get(one, [(None, None)])[0] for one in ("newest", "witnessed"))
    return LookedUp(epoch_now, note, quorum, list(listed) if entries else [])


def find_held(
    connection: sa.Connection, holders: Collection[bytes], types: Collection[str]
) -> tuple[int, list[tuple[bytes, int]], list[sa.Row]]:
    """(security epoch, (holder's blind index, entry) pairs, the versions' rows): newest versions of those types held by those holders."""
    places, rows = (_HELD_ANY, _ROWS_ANY) if is_postgres(connection) else (_HELD_IN, _ROWS_IN)
    found = connection.execute(places, {"holders": list(holders), "types": list(types)}).all()
    epoch_now = next(number for index, number in found if index is None)
    held_by = [(bytes(index), entry) for index, entry in found if index is not None]
    entries = sorted({entry for _, entry in held_by})
    listed = connection.execute(rows, {"entries": entries}).all() if entries else []
    return epoch_now, held_by, list(listed)


def among_each(column: sa.Column, name: str) -> sa.ColumnElement[bool]:
    return column.in_(sa.bindparam(name, expanding=True))


def among_all(column: sa.Column, name: str) -> sa.ColumnElement[bool]:
    """One parameter however many values: the statement's text stays the same, so the driver prepares it and PostgreSQL plans it once."""
    return column == sa.any_(sa.bindparam(name, type_=ARRAY(column.type)))


def listed(column: sa.Column, name: str) -> sa.TableValuedAlias:
    """The values of one array parameter as rows, `value`. What is joined to them by `each` looks every one of them up by its index.

    Of a column that is not unique, compared with `any`, PostgreSQL guesses the rows: without statistics, as after a bulk load, some hundred
    values are taken for the whole table, and it is read from end to end.
    """
    value = sa.column("value", column.type)
    return sa.func.unnest(sa.bindparam(name, type_=ARRAY(column.type))).table_valued(value).render_derived(name=f"listed_{name}")


def each(values: sa.TableValuedAlias, found: sa.Select) -> sa.Select:
    """`found`, which says `values.c.value`, once for every value. `OFFSET 0` keeps the planner from making one join of it."""
    lateral = found.offset(sa.literal_column("0")).lateral()
    return sa.select(lateral).select_from(values.join(lateral, sa.true()))


def _places_any() -> sa.CompoundSelect:
    identifiers, numbers = listed(version.c.identifier, "identifiers"), listed(version.c.number_bi, "numbers")
    entry = _part("entry", version.c.entry)
    named = each(identifiers, entry.where(version.c.identifier == identifiers.c.value))
    return sa.union_all(*_FIRST, named, each(numbers, entry.where(version.c.number_bi == numbers.c.value)))


def _places_in() -> sa.CompoundSelect:
    wanted = ((version.c.identifier, "identifiers"), (version.c.number_bi, "numbers"))
    return sa.union_all(*_FIRST, *(_part("entry", version.c.entry).where(among_each(*one)) for one in wanted))


def _part(what: str, number: sa.ColumnElement, note: sa.ColumnElement | None = None) -> sa.Select:
    told = sa.literal_column(f"'{what}'").label("what")
    return sa.select(told, number.label("number"), (sa.null() if note is None else note).label("note"))


def _first() -> tuple[sa.Select, ...]:
    """What a verification needs to know before its rows."""
    sizes = sa.select(sa.func.max(checkpoint.c.size))
    newest = checkpoint.c.size == sizes.scalar_subquery()
    # A table of all seconds without a quorum would be read to its end: only where somebody is to be a witness.
    quorum = sizes.where(checkpoint.c.witnessed_at.is_not(None)).scalar_subquery()
    return (
        _part("newest", checkpoint.c.size, checkpoint.c.note).where(newest),
        _part("witnessed", quorum).where(sa.bindparam("witnessed", type_=sa.Boolean)),
        _part("epoch", sequence.c.next).where(epoch.ROW),
    )


def _held_any() -> sa.CompoundSelect:
    holders = listed(holder.c.number_bi, "holders")
    return sa.union_all(_EPOCH, each(holders, _held(holder.c.number_bi == holders.c.value, among_all(version.c.type_id, "types"))))


def _held_in() -> sa.CompoundSelect:
    return sa.union_all(_EPOCH, _held(among_each(holder.c.number_bi, "holders"), among_each(version.c.type_id, "types")))


def _held(*where: sa.ColumnElement[bool]) -> sa.Select:
    """Entries by holder. What an older version says of its holder no longer counts."""
    here = sa.select(holder.c.number_bi.label("index"), version.c.entry.label("number")).join(version, version.c.entry == holder.c.entry)
    return here.where(*where, version.c.entry == _last_version)


_EPOCH = epoch.NOW.with_only_columns(sa.null().label("index"), sequence.c.next.label("number"))
_HELD_IN, _HELD_ANY = _held_in(), _held_any()
_FIRST = _first()
_PLACES_IN, _PLACES_ANY = _places_in(), _places_any()
"""(`epoch`, `newest`, `witnessed` or `entry`, its number, a checkpoint's note)."""
_WAITS = sa.exists().where(held_ticket.c.license_id == version.c.license_id).label("change_held")
"""Whether a correction of the license waits for its issuing organ's word."""
_ENTRIES = listed(version.c.entry, "entries")
_ROWS_IN = FOUND.add_columns(_WAITS).where(among_each(version.c.entry, "entries"))
_ROWS_ANY = each(_ENTRIES, FOUND.add_columns(_WAITS).where(version.c.entry == _ENTRIES.c.value))
