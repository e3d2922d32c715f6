"""The published status lists as a reader gets them, and whether they are what the database says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import sqlalchemy as sa

from license_hub.domain.lifecycle import shanghai_date
from license_hub.errors import SigningError
from license_hub.service.hub import Hub
from license_hub.service.publish_status import fill, shards
from license_hub.service.refer_status import open_shards, uri_of
from license_hub.signing import statuslist
from license_hub.signing.statuslist import SHARD, SHARD_BITS, Listed
from license_hub.storage.engine import reading, writing
from license_hub.storage.listing import log_size, touched, values
from license_hub.storage.tables_status import listed as lists_table

_CHANGED = 255
"""Marks a value that may differ."""


@dataclass(frozen=True)
class Served:
    """A shard's newest list."""

    token: str
    digest: str
    """Hex."""
    expires_at: datetime


@dataclass(frozen=True)
class ShardCheck:
    shard: int
    age_s: int | None
    """Seconds since it was signed; None where there is none that verifies."""
    stale: bool
    counts: dict[str, int]
    """How many places read VALID, INVALID, SUSPENDED; UNDETERMINED includes those nobody holds."""
    missing: bool
    faults: tuple[str, ...]


def serve(hub: Hub, shard: int) -> Served | None:
    with reading(hub.engine) as connection:
        wanted = sa.select(lists_table.c.token, lists_table.c.digest, lists_table.c.expires_at)
        row = connection.execute(wanted.where(lists_table.c.shard == shard)).first()
    return Served(row.token, row.digest, datetime.fromisoformat(row.expires_at)) if row else None


def uris(hub: Hub) -> list[str]:
    """Of every published list, in order."""
    with reading(hub.engine) as connection:
        return [uri_of(hub, shard) for shard in connection.execute(sa.select(lists_table.c.shard).order_by(lists_table.c.shard)).scalars()]


def check(hub: Hub) -> list[ShardCheck]:
    """Every shard: signature, age, and each value against the database. What changed after the list was made is no fault."""
    day = shanghai_date(hub.now()).isoformat()
    with writing(hub.engine) as connection:
        size = log_size(connection)
        places = open_shards(hub, connection, range(shards(size)))
    meant = {shard: statuslist.empty() for shard in places}
    with reading(hub.engine, one_state=True) as connection:
        hub.security.refresh(connection)
        stored = {row.shard: row for row in connection.execute(sa.select(lists_table))}
        for entries, found in values(connection, day, size):
            fill(meant, places, entries, found)
        newer = np.array(sorted(connection.execute(touched(min((row.mark for row in stored.values()), default=0))).scalars()), np.int64)
    for shard, list_ in meant.items():
        # What changed since is the next list's to say.
        here = places[shard].indices((newer[newer >> SHARD_BITS == shard] & (SHARD - 1)).astype(np.uint32))
        list_[here] = _CHANGED
    return [_checked(hub, shard, stored.get(shard), meant[shard], day) for shard in places]


def _checked(hub: Hub, shard: int, row: sa.Row | None, meant: np.ndarray, day: str) -> ShardCheck:
    if row is None:
        return ShardCheck(shard, None, True, {}, True, ())
    try:
        read = statuslist.read(row.token, [one for one in hub.security.keys("status") if not one.compromised])
    except SigningError as fault:
        return ShardCheck(shard, None, True, {}, False, (str(fault),))
    said, now, faults = statuslist.unpack(read.raw), hub.now(), []
    if read.uri != uri_of(hub, shard):
        faults.append("it names another address as its own: HUB_PUBLIC_URL was changed, publish again")
    counts = {one.name: int((said == one).sum()) for one in Listed}
    wrong = int(((said != meant) & (meant != _CHANGED)).sum()) if row.day == day else 0
    if wrong:
        faults.append(f"{wrong} value(s) are not what the database says: find out who changed what, then publish again")
    return ShardCheck(shard, read.age_s(now), now >= read.expires_at, counts, False, tuple(faults))
