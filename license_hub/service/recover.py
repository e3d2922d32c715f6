"""Brings a restored, older database up to the published log, before anything is issued or answered again.

1. the surviving log        its checkpoint is signed by us, its tiles and entries give the signed root
2. one history              the database's own leaves are its first entries, or it is not our log
3. leaf rows                every entry the database lacks comes back under its old number; none is ever given out twice
4. status acts              `of` and `status` are in the leaf: what was revoked since is refused again. Which act it was is found by
                            trying the acts against the leaf's commitment; where further words were committed, it is `RECOVERED`
5. issues and changes       their content is gone with the database; they are listed as lost. A license with a lost change is
                            状态未提供 until its source speaks again, for its newest content is unknown here; a change into a state
                            against it, or an act against a lost version, counts as it stands

Safe to run again. Source: issue 3 §5; design.md decision 2.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from license_hub.domain.lifecycle import Act
from license_hub.errors import HubError, LogDiverged, TileCorrupt
from license_hub.log import audit
from license_hub.log import checkpoint as checkpoints
from license_hub.log.checkpoint import Checkpoint
from license_hub.log.copy import copy_log
from license_hub.log.tiles import WIDTH, TileStore
from license_hub.log.tree import HASH_BYTES, leaf_hash
from license_hub.service.content import Opened, open_version
from license_hub.service.hub import Hub
from license_hub.service.integrate import as_integrator
from license_hub.service.list_audit import Entry, record
from license_hub.service.replayed import RECOVERED, effect
from license_hub.signing.canonical import parse
from license_hub.signing.commitment import act_secret, commit, instant
from license_hub.storage import bulk, tables
from license_hub.storage.engine import writing
from license_hub.storage.leaves import advance_log, lock_log
from license_hub.storage.licenses import chunks
from license_hub.storage.lookup import FOUND
from license_hub.storage.tables_recovery import recovered

_IDS = 1_000


@dataclass(frozen=True)
class Lost:
    """An entry whose content the restored database does not have. `of_leaf`: the leaf id it changed or was about."""

    entry: int
    kind: str
    leaf_id: str
    at: str
    of_leaf: str | None = None
    status: str | None = None


@dataclass(frozen=True)
class Recovery:
    database_entries: int
    """How many entries the database had."""
    log_entries: int
    statuses: int
    """Status acts that count again."""
    lost: tuple[Lost, ...]


@dataclass(frozen=True)
class _Subject:
    """A version the restored database knows."""

    license_id: int
    entry: int
    leaf_id: str
    opened: Opened


def recover(hub: Hub, log: TileStore, operator: str) -> Recovery:
    """`log`: the hub's own, if it survived, or a fetched copy. Raises LogDiverged, TileMissing, TileCorrupt, NoteMalformed."""
    head = _trusted(hub, log)
    with as_integrator(hub), writing(hub.engine) as connection:
        have = lock_log(connection)
        _same_history(connection, log, min(have, head.size), head.size)
        if have >= head.size:
            return Recovery(have, head.size, 0, ())
        leaves = list(_entries(log, have, head.size))
        statuses, lost = _replay(hub, connection, have, leaves)
        advance_log(connection, head.size)
        known = connection.execute(sa.select(tables.checkpoint.c.size).where(tables.checkpoint.c.size == head.size)).scalar()
        if known is None:
            row = {"size": head.size, "root": head.root, "note": head.note, "created_at": instant(hub.now())}
            connection.execute(sa.insert(tables.checkpoint), [row])
        what = Entry(hub.entropy(16).hex(), operator, "restore", head.size - 1, None, None, f"REPLAYED {head.size - have}")
        record(connection, hub.now(), [what])
        if log.directory != hub.tiles.directory:
            _adopt(hub, log, head)
    return Recovery(have, head.size, statuses, lost)


def lost_entries(hub: Hub) -> list[Lost]:
    """All that restores ever found to be lost, by entry."""
    columns = [recovered.c[name] for name in ("entry", "kind", "leaf_id", "at", "of_leaf", "status")]
    query = sa.select(*columns).where(recovered.c.lost).order_by(recovered.c.entry)
    with hub.engine.connect() as connection:
        return [Lost(*row) for row in connection.execute(query)]


def _trusted(hub: Hub, log: TileStore) -> Checkpoint:
    note = log.read_checkpoint()
    if note is None:
        raise LogDiverged(f"{log.directory} holds no checkpoint: give the log that survived, or a mirror's address, with --from")
    keys = checkpoints.keys(hub.origin, [(one.alg, one.public) for one in hub.keyring.public_keys("checkpoint")])
    head = checkpoints.verify(note, hub.origin, keys)
    for fault in audit.faults(log, head):
        raise TileCorrupt(f"{log.directory}: {fault}; nothing was replayed")
    return head


def _same_history(connection: sa.Connection, log: TileStore, size: int, whole: int) -> None:
    """The database's first `size` leaves and those of the log of `whole` entries are the same ones."""
    for start in range(0, size, 64 * WIDTH):
        stop = min(start + 64 * WIDTH, size)
        query = sa.select(tables.leaf.c.leaf_hash).where(tables.leaf.c.entry >= start, tables.leaf.c.entry < stop)
        mine = b"".join(bulk.fetch_blobs(connection, query.order_by(tables.leaf.c.entry)))
        indexes = range(start // WIDTH, -(-stop // WIDTH))
        theirs = b"".join(log.read_tile(0, index, min(WIDTH, whole - index * WIDTH)) for index in indexes)
        if mine != theirs[: (stop - start) * HASH_BYTES]:
            raise LogDiverged(
                f"entries {start} to {stop - 1} of the database are not those of the log: this is another hub's backup or log"
            )


def _entries(log: TileStore, start: int, stop: int) -> Iterator[bytes]:
    """Leaves [start, stop) of a log that ends there."""
    for index in range(start // WIDTH, -(-stop // WIDTH)):
        entries = log.read_entries(index, min(WIDTH, stop - index * WIDTH))
        yield from entries[max(0, start - index * WIDTH) :]


def _replay(hub: Hub, connection: sa.Connection, first: int, leaves: Sequence[bytes]) -> tuple[int, tuple[Lost, ...]]:
    """Inserts the rows; (status acts that count again, what is lost)."""
    said = [parse(one) for one in leaves]
    # By leaf id, the version that speaks for it: itself, or the one that a chain of lost changes goes back to.
    subjects = _subjects(hub, connection, {one["of"] for one in said if "of" in one})
    known, rows, events = frozenset(subjects), [], []
    for entry, leaf in enumerate(said, start=first):
        of = leaf.get("of")
        subject = subjects.get(of or "")
        if leaf["kind"] == "change" and subject is not None:
            subjects[leaf["id"]] = subject
        event = _event(entry, leaf, subject, of in known) if subject else None
        if event:
            events.append(event)
        rows.append(
            {
                **{"entry": entry, "kind": leaf["kind"], "leaf_id": leaf["id"], "of_leaf": of, "status": leaf.get("status")},
                **{"at": leaf["at"], "license_id": subject.license_id if subject else None, "recovered_at": instant(hub.now())},
                "lost": leaf["kind"] != "status" or event is None,
            }
        )
    bulk.insert(connection, tables.leaf, [(first + at, one, leaf_hash(one)) for at, one in enumerate(leaves)])
    bulk.insert(connection, tables.status, events)
    connection.execute(sa.insert(recovered), rows)
    lost = [Lost(*(row[name] for name in ("entry", "kind", "leaf_id", "at", "of_leaf", "status"))) for row in rows if row["lost"]]
    return sum(1 for row in rows if row["kind"] == "status" and not row["lost"]), tuple(lost)


def _event(entry: int, leaf: dict, subject: _Subject, there: bool) -> tuple | None:
    """The row of hub_status this entry makes, in the order of the table's columns. `there`: the version it names is in the database."""
    if leaf["kind"] == "status" and there:
        state, act = leaf["status"], _act(leaf, subject)
    elif leaf["kind"] in ("status", "change"):
        state, act = effect(leaf, lost=True), RECOVERED
    else:
        return None
    return (entry, subject.license_id, subject.entry, state, act, None, None, None, None, None, leaf["at"], leaf["id"])


def _act(leaf: dict, subject: _Subject) -> str:
    """The act whose commitment this is; RECOVERED where more was committed than act and state."""
    secret = act_secret(subject.opened.secret, leaf["id"])
    for act in Act:
        if commit(secret, {"act": act.value, "state": leaf["status"]}).hex() == leaf["c"]:
            return act.value
    return RECOVERED


def _subjects(hub: Hub, connection: sa.Connection, leaf_ids: set[str]) -> dict[str, _Subject]:
    """Leaf id → version, of those the database has."""
    found = {}
    for part in chunks(sorted(leaf_ids), _IDS):
        for row in connection.execute(FOUND.where(tables.version.c.leaf_id.in_(part))):
            try:
                found[row.leaf_id] = _Subject(row.license_id, row.entry, row.leaf_id, open_version(hub.crypt, row))
            except (HubError, ValueError):
                continue
    return found


def _adopt(hub: Hub, log: TileStore, head: Checkpoint) -> None:
    """A fetched log becomes the hub's own."""
    copy_log(log, hub.tiles, head)
