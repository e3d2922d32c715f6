"""Erasures against the log: each has its leaf, each erase leaf has its version, and nothing of an erased version is left."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import sqlalchemy as sa

from license_hub.errors import DecryptionError
from license_hub.log.tree import leaf_hash
from license_hub.service.erasures import erase_leaf
from license_hub.service.hub import Hub
from license_hub.storage.tables import leaf, version
from license_hub.storage.tables_at_rest import erasure

if TYPE_CHECKING:
    from license_hub.service.fsck import Findings


def erased_between(connection: sa.Connection, start: int, stop: int) -> dict[int, bytes]:
    """Entry of each erased version → hash of its stored leaf."""
    query = (
        sa.select(erasure.c.of_entry, leaf.c.leaf)
        .join(leaf, leaf.c.entry == erasure.c.of_entry)
        .where(erasure.c.of_entry >= start, erasure.c.of_entry < stop)
    )
    return {row.of_entry: leaf_hash(bytes(row.leaf)) for row in connection.execute(query)}


def erased_faults(row: sa.Row, holders: list[bytes]) -> Iterator[str]:
    """What is left of a version that was erased."""
    if row.secret or any(row.number_bi) or any(map(any, holders)):
        yield "was erased and something of it is left: run `hub erase reapply`"


def inspect_erasures(hub: Hub, connection: sa.Connection, start: int, stop: int, findings: Findings) -> dict[int, tuple[str, bytes | None]]:
    """entry → (table, the leaf its row gives), like the other inspections."""
    made: dict[int, tuple[str, bytes | None]] = {}
    query = (
        sa.select(erasure, version.c.leaf_id.label("of_leaf"), sa.func.length(version.c.payload).label("left_over"), leaf.c.leaf)
        .outerjoin(version, version.c.entry == erasure.c.of_entry)
        .outerjoin(leaf, leaf.c.entry == erasure.c.entry)
        .where(erasure.c.entry >= start, erasure.c.entry < stop)
    )
    for row in connection.execute(query):
        findings.checked["hub_erasure"] += 1
        where = f"entry {row.entry}"
        made[row.entry] = ("hub_erasure", None)
        if row.of_leaf is None:
            findings.add("hub_erasure", where, "of_entry names no version")
            continue
        if row.left_over:
            findings.add("hub_version", f"entry {row.of_entry}", "was erased and its content is back: run `hub erase reapply`")
        try:
            made[row.entry] = ("hub_erasure", erase_leaf(hub.crypt, row, row.of_leaf))
        except (DecryptionError, ValueError):
            findings.add("hub_erasure", where, "secret, leaf_id or recorded_at was changed")
        named = (b'"kind":"erase"', f'"of":"{row.of_leaf}"'.encode())
        if row.leaf is not None and not all(part in bytes(row.leaf) for part in named):
            findings.add("hub_erasure", where, "the log has no erasure of that version at this entry")
    return made


def is_listed(connection: sa.Connection, entry: int) -> bool:
    return connection.execute(sa.select(erasure.c.entry).where(erasure.c.of_entry == entry)).first() is not None
