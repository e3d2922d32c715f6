"""The one query of verification and reading: versions with their attestation, their license's newest version and its last status event."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from license_hub.storage import epoch
from license_hub.storage.engine import is_postgres
from license_hub.storage.tables import attestation, holder, license, sequence, status, version
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


_EPOCH = epoch.NOW.with_only_columns(sa.literal(True).label("epoch"), sequence.c.next.label("number"))


class Found(NamedTuple):
    epoch: int
    """The security epoch: who decides on remembered keys compares it with theirs (`service.security.Security.seen`)."""
    rows: list[sa.Row]
    """Of FOUND's columns, and `change_held`."""


def find(connection: sa.Connection, identifiers: Collection[str], numbers: Collection[bytes], instead: int | None = None) -> Found:
    """Versions with one of those identifiers, and newest versions with one of those certificate numbers (blind index).

    `instead`: an entry that is read, and not told, where nothing is found, so that nobody learns from the time whether there is something.
    """
    places, rows = (_PLACES_ANY, _ROWS_ANY) if is_postgres(connection) else (_PLACES_IN, _ROWS_IN)
    # Entries first, then everything by its primary key: a plan that stays right while a bulk load has left statistics behind.
    found = connection.execute(places, {"identifiers": list(identifiers), "numbers": list(numbers)}).all()
    entries = sorted({number for is_epoch, number in found if not is_epoch})
    read = entries or ([] if instead is None else [instead])
    listed = connection.execute(rows, {"entries": read}).all() if read else []
    return Found(next(number for is_epoch, number in found if is_epoch), list(listed) if entries else [])


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


def _places(among: Callable[[sa.Column, str], sa.ColumnElement[bool]]) -> sa.CompoundSelect:
    wanted = ((version.c.identifier, "identifiers"), (version.c.number_bi, "numbers"))
    return sa.union_all(_EPOCH, *(sa.select(sa.literal(False), version.c.entry).where(among(*one)) for one in wanted))


def _held_by(among: Callable[[sa.Column, str], sa.ColumnElement[bool]]) -> sa.CompoundSelect:
    """Entries by holder. What an older version says of its holder no longer counts."""
    here = sa.select(holder.c.number_bi.label("index"), version.c.entry.label("number")).join(version, version.c.entry == holder.c.entry)
    newest = version.c.entry == _last_version
    epoch_now = epoch.NOW.with_only_columns(sa.null().label("index"), sequence.c.next.label("number"))
    return sa.union_all(epoch_now, here.where(among(holder.c.number_bi, "holders"), among(version.c.type_id, "types"), newest))


_HELD_IN, _HELD_ANY = _held_by(among_each), _held_by(among_all)
_PLACES_IN, _PLACES_ANY = _places(among_each), _places(among_all)
_WAITS = sa.exists().where(held_ticket.c.license_id == version.c.license_id).label("change_held")
"""Whether a correction of the license waits for its issuing organ's word."""
_ROWS_IN, _ROWS_ANY = (FOUND.add_columns(_WAITS).where(among(version.c.entry, "entries")) for among in (among_each, among_all))
