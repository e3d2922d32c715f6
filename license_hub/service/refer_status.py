"""Where a version stands in the status lists: its shard, its secret place there, and the signed word that binds the two to its leaf."""

from __future__ import annotations

import sqlalchemy as sa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from license_hub.service.hub import Hub
from license_hub.signing import reference, statuslist
from license_hub.signing.commitment import instant
from license_hub.signing.statuslist import Places
from license_hub.storage.listing import lock_lists
from license_hub.storage.tables_status import shard as shards_table


def refer(hub: Hub, connection: sa.Connection, entry: int, leaf_hash: bytes) -> str:
    """The signed reference of that version. It travels in the bundle, so that nobody can point to another's place."""
    shard, place = statuslist.shard_of(entry)
    index = open_shards(hub, connection, range(shard, shard + 1))[shard].index(place)
    return reference.make(hub.keyring.signer("status"), leaf_hash, uri_of(hub, shard), index, hub.now())


def uri_of(hub: Hub, shard: int) -> str:
    return f"{hub.public_url}/status/{shard}"


def open_shards(hub: Hub, connection: sa.Connection, shards: range) -> dict[int, Places]:
    """Places by shard; seeds that are missing are made, for which the transaction must be one that writes."""
    seeds = _seeds(connection)
    if any(one not in seeds for one in shards):
        lock_lists(connection)
        seeds = _seeds(connection)
        missing = [one for one in shards if one not in seeds]
        if missing:
            rows = [{"shard": one, "seed": _seed(hub, one), "made_at": instant(hub.now())} for one in missing]
            connection.execute(sa.insert(shards_table), rows)
            seeds |= {row["shard"]: row["seed"] for row in rows}
    return {one: Places(seeds[one]) for one in shards}


def _seeds(connection: sa.Connection) -> dict[int, bytes]:
    return {row.shard: bytes(row.seed) for row in connection.execute(sa.select(shards_table.c.shard, shards_table.c.seed))}


def _seed(hub: Hub, shard: int) -> bytes:
    """Derived, so that a database restored from before the shard began gives it the same places again; stored, so that another key
    one day moves no place."""
    info = f"mianzhengtong status list {shard}".encode()
    return HKDF(SHA256(), statuslist.SEED_BYTES, None, info).derive(hub.data_keys.of("status")[0].key)
