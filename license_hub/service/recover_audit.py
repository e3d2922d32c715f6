"""The audit log after a restore: its lost leaves come back under their old numbers, so that answers are audited again.

A leaf holds digests under a secret that went with the database: what was asked is gone, how many entries there were is not. Their rows
keep an empty secret, and the entry that records the restore says from where to where they reach: `fsck` accepts no other gap.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import sqlalchemy as sa

from license_hub.errors import TileCorrupt
from license_hub.log import audit as whole
from license_hub.log import checkpoint as checkpoints
from license_hub.log.checkpoint import Checkpoint
from license_hub.log.note import NoteKey
from license_hub.log.tree import leaf_hash
from license_hub.service.audit_log import read_leaf
from license_hub.service.hub import Hub
from license_hub.service.logs import audit
from license_hub.service.replay import adopt_checkpoint, entries, same_history
from license_hub.signing.canonical import parse
from license_hub.signing.manifest import KnownKey
from license_hub.storage import bulk
from license_hub.storage.leaves import lock_sequence, move_sequence
from license_hub.storage.tables_audit_log import audit_leaf

RESTORE, LOST = "restore", "AUDIT_LOST"
_RANGE = re.compile(r"leaves ([0-9]{1,18}) to ([0-9]{1,18})")


def trusted(hub: Hub, keys: Iterable[KnownKey]) -> Checkpoint | None:
    """The published head of the audit log, its signature and all its tiles checked; None before the first."""
    log = audit(hub)
    note = log.tiles.read_checkpoint()
    if note is None:
        return None
    head = checkpoints.verify(note, log.origin, tuple(NoteKey(log.origin, one.alg, one.public) for one in keys))
    for fault in whole.faults(log.tiles, head):
        raise TileCorrupt(f"{log.tiles.directory}: {fault}; nothing was replayed")
    return head


def recover_audit(hub: Hub, connection: sa.Connection, head: Checkpoint) -> range:
    """Brings the rows up to the head; the numbers of the leaves that came back. Holds the audit log's lock from here on."""
    log = audit(hub)
    have = lock_sequence(connection, log.tables)
    same_history(connection, log.tables.leaf, log.tiles, min(have, head.size), head.size)
    if have >= head.size:
        return range(have, have)
    rows = [(at, leaf, leaf_hash(leaf), b"") for at, leaf in enumerate(entries(log.tiles, have, head.size), start=have)]
    bulk.insert(connection, audit_leaf, rows)
    move_sequence(connection, log.tables, head.size)
    adopt_checkpoint(hub, connection, log.tables, head)
    return range(have, head.size)


def stated(lost: range) -> str:
    """In the audit entry of the restore."""
    return f"leaves {lost.start} to {lost.stop - 1}"


def gap(action: str, code: str, said: str | None) -> range:
    """Leaves that such an audit entry says are lost."""
    found = _RANGE.fullmatch(said or "") if (action, code) == (RESTORE, LOST) else None
    return range(int(found[1]), int(found[2]) + 1) if found else range(0)


def lost_leaves(connection: sa.Connection) -> list[tuple[int, str, str, int]]:
    """(entry, leaf id, at, how many audit entries it stood for) of every leaf whose rows a restore lost."""
    query = sa.select(audit_leaf.c.entry, audit_leaf.c.leaf).where(sa.func.length(audit_leaf.c.secret) == 0).order_by(audit_leaf.c.entry)
    found = []
    for entry, content in connection.execute(query):
        said = parse(bytes(content))
        found.append((entry, said["id"], said["at"], len(read_leaf(bytes(content)))))
    return found
