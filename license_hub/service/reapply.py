"""Erases again what the log says was erased, after a restore of database or lake."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa

from license_hub.log.checkpoint import parse
from license_hub.log.tiles import WIDTH, TileStore
from license_hub.service.blank import Handle, blank, remember, remembered, said_at, sweep_lake
from license_hub.service.erase import Erased
from license_hub.service.hub import Hub
from license_hub.signing.commitment import instant
from license_hub.storage.engine import reading, writing
from license_hub.storage.leaves import lock_log
from license_hub.storage.rewrite import opened
from license_hub.storage.tables import license, version
from license_hub.storage.tables_at_rest import erasure

Leaves = Sequence[tuple[int, dict]]
"""(entry, what it says) of erase leaves."""


def reapply(hub: Hub, actor: str = "reapply") -> Erased:
    """From the log's tiles into database and lake. Safe to run at any time, any number of times."""
    leaves, done = erase_leaves(hub.tiles), Erased()
    with writing(hub.engine) as connection:
        lock_log(connection)
        done.versions = rows(hub, connection, leaves, actor)
    with reading(hub.engine) as connection:
        found = remembered(connection)
    done.lake_rows = sweep_lake(hub, found)
    return done


def erase_leaves(log: TileStore) -> Leaves:
    """Every one below the published checkpoint, from the tiles: they outlive the database."""
    note = log.read_checkpoint()
    size, found = parse(note).size if note else 0, []
    for index in range(-(-size // WIDTH)):
        for place, content in enumerate(log.read_entries(index, min(WIDTH, size - index * WIDTH))):
            if b'"kind":"erase"' in content:
                found.append((index * WIDTH + place, json.loads(content)))
    return found


def handles(connection: sa.Connection, leaves: Leaves) -> dict[Handle, datetime]:
    """Rows that have to leave the lake: those remembered, and those of leaves this database has not heard of."""
    return remembered(connection) | {where: said_at(said) for (_, said), _, where in _unknown(connection, leaves)}


def rows(hub: Hub, connection: sa.Connection, leaves: Leaves, actor: str) -> int:
    """Erasures a restored database lacks, and whatever of their versions is back; in the caller's transaction, which holds the log's lock.

    How many versions were emptied.
    """
    for (entry, said), of_entry, where in _unknown(connection, leaves):
        connection.execute(sa.insert(erasure).values(entry=entry, of_entry=of_entry, leaf_id=said["id"], recorded_at=said["at"]))
        remember(connection, {where: entry})
    undone = sa.select(version.c.entry).join(erasure, erasure.c.of_entry == version.c.entry).where(sa.func.length(version.c.payload) > 0)
    found = list(connection.execute(undone).scalars())
    if found:
        with opened(connection, "erase", actor, instant(hub.now())) as work:
            blank(hub.crypt, work, found)
    return len(found)


def _unknown(connection: sa.Connection, leaves: Leaves) -> Iterable[tuple[tuple[int, dict], int, Handle]]:
    """Leaves without a row whose version is here: (leaf, the version's entry, its row)."""
    known = set(connection.execute(sa.select(erasure.c.leaf_id)).scalars())
    query = sa.select(version.c.entry, license.c.resource, license.c.key_bi).join(license, license.c.license_id == version.c.license_id)
    found = []
    for entry, said in leaves:
        row = connection.execute(query.where(version.c.leaf_id == said["of"])).first() if said["id"] not in known else None
        if row is not None:
            found.append(((entry, said), row.entry, (row.resource, bytes(row.key_bi))))
    return found
