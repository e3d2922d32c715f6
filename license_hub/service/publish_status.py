"""Publishes the status lists: one signed token a shard, of every version in the log.

1. seeds     each shard's secret places, made once and kept
2. values    all of them on the first run of a day (dates move), else those that entries since the last run may have changed
3. tokens    signed outside the transaction: a key may live in a remote service
4. replace   under a lock; a list is never replaced by an older one, however many publish at once

Every run signs every shard anew, so that lists stay fresh while nothing changes. Safe to run again and to kill at any point.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import sqlalchemy as sa

from license_hub.domain.lifecycle import shanghai_date
from license_hub.service.hub import Hub
from license_hub.service.refer_status import open_shards, uri_of
from license_hub.signing import statuslist
from license_hub.signing.commitment import instant
from license_hub.signing.statuslist import SHARD, SHARD_BITS, Places
from license_hub.storage.engine import reading, writing
from license_hub.storage.listing import lock_lists, log_size, values
from license_hub.storage.tables_status import listed as lists_table

TTL_S = 900
"""How long a reader need not ask again. The DAG publishes as often."""
LIFE_S = 12 * 3600
"""How long a list counts at all: a counter that loses the network in the morning works on until the evening."""


@dataclass(frozen=True)
class Published:
    shard: int
    uri: str
    changed: bool
    """Its values differ from those of the list before."""
    bytes: int
    """Size of the token."""
    issued_at: str
    expires_at: str


def publish(hub: Hub, *, life_s: int = LIFE_S, ttl_s: int = TTL_S) -> list[Published]:
    """Every shard's list, signed now. One at least, so that a new hub serves one."""
    now = hub.now()
    day = shanghai_date(now).isoformat()
    with writing(hub.engine) as connection:
        size = log_size(connection)
        places = open_shards(hub, connection, range(shards(size)))
    with reading(hub.engine, one_state=True) as connection:
        stored = {row.shard: row for row in connection.execute(sa.select(lists_table))}
        made = _lists(connection, places, stored, day, size)
    rows = [_signed(hub, shard, lst, now, life_s, ttl_s) | {"mark": size, "day": day} for shard, lst in sorted(made.items())]
    with writing(hub.engine) as connection:
        lock_lists(connection)
        _replace(connection, rows)
    return [_published(hub, row, stored.get(row["shard"])) for row in rows]


def shards(size: int) -> int:
    """How many lists a log of that size has."""
    return max(1, -(-size // SHARD))


def _lists(connection: sa.Connection, places: Mapping[int, Places], stored: Mapping[int, sa.Row], day: str, size: int) -> dict[int, bytes]:
    """ZLIB data by shard; untouched shards keep theirs."""
    since = _since(stored, day)
    made = {shard: statuslist.empty() for shard in places if since is None or shard not in stored}
    for entries, found in values(connection, day, size, since):
        for shard in set((entries >> SHARD_BITS).tolist()) - set(made):
            made[shard] = statuslist.unpack(statuslist.decompress(stored[shard].lst))
        fill(made, places, entries, found)
    kept = {shard: bytes(row.lst) for shard, row in stored.items() if shard not in made}
    return kept | {shard: statuslist.compress(statuslist.pack(one)) for shard, one in made.items()}


def fill(lists: Mapping[int, np.ndarray], places: Mapping[int, Places], entries: np.ndarray, found: np.ndarray) -> None:
    """Puts values of versions to their places."""
    for shard in set((entries >> SHARD_BITS).tolist()):
        here = entries >> SHARD_BITS == shard
        lists[shard][places[shard].indices((entries[here] & (SHARD - 1)).astype(np.uint32))] = found[here]


def _since(stored: Mapping[int, sa.Row], day: str) -> int | None:
    """From which entry on to look; None: at everything, on the first run of a day or where a list is missing."""
    if not stored or any(row.day != day for row in stored.values()):
        return None
    mark = min(row.mark for row in stored.values())
    return mark if all(shard in stored for shard in range(shards(mark))) else None


def _signed(hub: Hub, shard: int, lst: bytes, now: datetime, life_s: int, ttl_s: int) -> dict[str, object]:
    token = statuslist.make(
        hub.keyring.signer("status"),
        uri_of(hub, shard),
        lst,
        now,
        life_s=life_s,
        ttl_s=ttl_s,
        aggregation_uri=f"{hub.public_url}/status",
    )
    return {
        "shard": shard,
        "lst": lst,
        "token": token,
        "digest": hashlib.sha256(token.encode()).hexdigest(),
        "issued_at": instant(now),
        "expires_at": instant(now + timedelta(seconds=life_s)),
    }


def _replace(connection: sa.Connection, rows: list[dict[str, object]]) -> None:
    query = sa.select(lists_table.c.shard, lists_table.c.mark, lists_table.c.issued_at)
    newest = {row.shard: (row.mark, row.issued_at) for row in connection.execute(query)}
    for row in rows:
        shard = row["shard"]
        if shard not in newest:
            connection.execute(sa.insert(lists_table), [row])
        elif newest[shard] <= (row["mark"], row["issued_at"]):
            connection.execute(sa.update(lists_table).where(lists_table.c.shard == shard).values(**row))


def _published(hub: Hub, row: Mapping[str, object], before: sa.Row | None) -> Published:
    changed = before is None or bytes(before.lst) != row["lst"]
    return Published(row["shard"], uri_of(hub, row["shard"]), changed, len(row["token"]), row["issued_at"], row["expires_at"])
