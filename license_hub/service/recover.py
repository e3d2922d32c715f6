"""Brings a restored, older database up to the published log, before anything is issued or answered again.

1. the surviving log        its checkpoint is signed by a key that counts, its tiles and entries give the signed root
2. one history              the database's own leaves are its first entries, or it is not our log
3. keys                     their states are those of the newest key manifest: what fell since the backup does not come back
4. leaf rows                every entry the database lacks comes back under its old number; none is ever given out twice
5. status acts              `of` and `status` are in the leaf: what was revoked since is refused again. Which act it was is found by
                            trying the acts against the leaf's commitment; where further words were committed, it is `RECOVERED`
6. erasures                 are done again: in the lake before the commit, in the database with it
7. issues and changes       their content is gone with the database; they are listed as lost. A license with a lost change is
                            状态未提供 until its source speaks again, for its newest content is unknown here; a change into a state
                            against it, or an act against a lost version, counts as it stands
8. the audit log            its lost leaves come back too (`recover_audit`)
9. the security epoch       goes on above any that was ever given out, so that every process reads everything again

One transaction: until it commits, whoever answers or issues finds the database behind its log and refuses. Safe to run again.
Source: issue 3 §5; design.md decision 2.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from license_hub.errors import LogDiverged, TileCorrupt
from license_hub.log import audit
from license_hub.log import checkpoint as checkpoints
from license_hub.log.checkpoint import Checkpoint
from license_hub.log.copy import copy_log
from license_hub.log.note import NoteKey, parse
from license_hub.log.tiles import TileStore
from license_hub.service import logs, reapply, recover_keys
from license_hub.service.blank import sweep_lake
from license_hub.service.hub import Hub
from license_hub.service.integrate import as_integrator
from license_hub.service.kept_manifest import best
from license_hub.service.list_audit import Entry, record
from license_hub.service.recover_audit import LOST, RESTORE, lost_leaves, recover_audit, stated
from license_hub.service.recover_audit import trusted as trusted_audit
from license_hub.service.replay import Lost, adopt_checkpoint, entries, replay, same_history
from license_hub.signing import canonical
from license_hub.signing.manifest import KnownKey
from license_hub.storage import epoch, tables
from license_hub.storage.engine import reading, writing
from license_hub.storage.leaves import LICENSES, advance_log, lock_log
from license_hub.storage.tables_recovery import recovered

__all__ = ["Lost", "Recovery", "lost_entries", "recover"]


@dataclass(frozen=True)
class Recovery:
    database_entries: int
    """How many entries the database had."""
    log_entries: int
    statuses: int
    """Status acts that count again."""
    erased: int
    """Versions that were erased again."""
    keys: int
    """Changes of keys that the manifest explains; others are among `lost`."""
    audit_leaves: int
    """Of the audit log, whose entries are gone."""
    lost: tuple[Lost, ...]


def recover(hub: Hub, log: TileStore, operator: str, *, manifest: str | None = None) -> Recovery:
    """`log`: the hub's own, if it survived, or a fetched copy. `manifest`: a signed one that is newer than the one kept beside the log.

    Raises LogDiverged, TileMissing, TileCorrupt, NoteMalformed, SignatureBad, KeyRefused.
    """
    signed = best(hub, manifest)
    with as_integrator(hub), as_integrator(hub, logs.audit(hub)):
        with reading(hub.engine) as connection:
            keys = [one for one in recover_keys.known(connection, signed).values() if one.role == "checkpoint"]
        head, audited = _trusted(hub, log, keys), trusted_audit(hub, keys)
        erasures = reapply.erase_leaves(log)
        with reading(hub.engine) as connection:
            have = connection.execute(sa.select(tables.sequence.c.next).where(tables.sequence.c.name == "log")).scalar_one()
            same_history(connection, tables.leaf, log, min(have, head.size), head.size)
            doomed = reapply.handles(connection, erasures)
        leaves = list(entries(log, have, head.size)) if have < head.size else []
        said = [canonical.parse(one) for one in leaves]
        sweep_lake(hub, doomed)
        with writing(hub.engine) as connection:
            if lock_log(connection) != have:
                raise LogDiverged("something was issued while the log was read: stop every process of the hub, then replay again")
            changes = {entry: one for entry, one in enumerate(said, start=have) if one["kind"] == "key"}
            explained = recover_keys.take_in(connection, signed, changes)
            statuses, lost = 0, ()
            if leaves:
                again = {entry for entry, one in enumerate(said, start=have) if one["kind"] == "erase" and _is_here(connection, one["of"])}
                statuses, lost = replay(hub, connection, have, leaves, said, explained | again)
                advance_log(connection, head.size)
                adopt_checkpoint(hub, connection, LICENSES, head)
            erased = reapply.rows(hub, connection, erasures, operator)
            fallen = recover_keys.distrust_tokens(hub, connection) if set(changes) - explained else []
            epoch.restart(connection, int(hub.now().timestamp()))
            if log.directory != hub.tiles.directory:
                copy_log(log, hub.tiles, head)
            gone = recover_audit(hub, connection, audited) if audited else range(0)
            what = [("key", one.logged.entry, one.state.upper(), f"token {one.kid}: {one.reason}") for one in fallen]
            if leaves or gone:
                what.append((RESTORE, head.size - 1 if head.size else None, f"REPLAYED {len(leaves)}", None))
            if gone:
                what.append((RESTORE, None, LOST, stated(gone)))
            record(connection, hub.now(), [_entry(hub, operator, *one) for one in what])
        with reading(hub.engine) as connection:
            hub.security.refresh(connection)
    return Recovery(have, head.size, statuses, erased, len(explained), len(gone), lost)


def lost_entries(hub: Hub) -> list[Lost]:
    """All that restores ever found to be lost, by entry; then the audit log's leaves, `status` = how many entries each stood for."""
    columns = [recovered.c[name] for name in ("entry", "kind", "leaf_id", "at", "of_leaf", "status")]
    query = sa.select(*columns).where(recovered.c.lost).order_by(recovered.c.entry)
    with reading(hub.engine) as connection:
        found = [Lost(*row) for row in connection.execute(query)]
        return found + [Lost(entry, "audit", leaf_id, at, None, str(count)) for entry, leaf_id, at, count in lost_leaves(connection)]


def _entry(hub: Hub, operator: str, action: str, entry: int | None, code: str, said: str | None) -> Entry:
    return Entry(hub.entropy(16).hex(), operator, action, entry, None, None, code, said)


def _trusted(hub: Hub, log: TileStore, keys: Iterable[KnownKey]) -> Checkpoint:
    """The log's head, signed by one of our keys that may be relied on for it, over tiles that are whole."""
    note = log.read_checkpoint()
    if note is None:
        raise LogDiverged(f"{log.directory} holds no checkpoint: give the log that survived, or a mirror's address, with --from")
    named = {NoteKey(hub.origin, one.alg, one.public): one for one in keys}
    head = checkpoints.verify(note, hub.origin, tuple(named))
    lines = {(one.name, one.key_id) for one in parse(note).signatures}
    if not any(known.vouches(head) for key, known in named.items() if (hub.origin, key.key_id) in lines):
        raise LogDiverged(
            f"the checkpoint of {head.size} entries is signed by a compromised key alone: replay the last log before it, with --from"
        )
    for fault in audit.faults(log, head):
        raise TileCorrupt(f"{log.directory}: {fault}; nothing was replayed")
    return head


def _is_here(connection: sa.Connection, leaf_id: str) -> bool:
    return connection.execute(sa.select(tables.version.c.entry).where(tables.version.c.leaf_id == leaf_id)).first() is not None
