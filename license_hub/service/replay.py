"""Rows made of the log's leaves: what a restored database gets back of what it lacks."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from license_hub.domain.lifecycle import Act
from license_hub.errors import HubError, LogDiverged
from license_hub.log.checkpoint import Checkpoint
from license_hub.log.tiles import WIDTH, TileStore
from license_hub.log.tree import HASH_BYTES, leaf_hash
from license_hub.service.content import Opened, open_version
from license_hub.service.hub import Hub
from license_hub.service.replayed import RECOVERED, effect
from license_hub.signing.commitment import act_secret, commit, instant
from license_hub.storage import bulk, tables
from license_hub.storage.leaves import LogTables
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
class _Subject:
    """A version the restored database knows."""

    license_id: int
    entry: int
    leaf_id: str
    opened: Opened


def same_history(connection: sa.Connection, leaf: sa.Table, log: TileStore, size: int, whole: int) -> None:
    """The database's first `size` leaves and those of the log of `whole` entries are the same ones. Raises LogDiverged."""
    for start in range(0, size, 64 * WIDTH):
        stop = min(start + 64 * WIDTH, size)
        query = sa.select(leaf.c.leaf_hash).where(leaf.c.entry >= start, leaf.c.entry < stop)
        mine = b"".join(bulk.fetch_blobs(connection, query.order_by(leaf.c.entry)))
        indexes = range(start // WIDTH, -(-stop // WIDTH))
        theirs = b"".join(log.read_tile(0, index, min(WIDTH, whole - index * WIDTH)) for index in indexes)
        if mine != theirs[: (stop - start) * HASH_BYTES]:
            raise LogDiverged(
                f"entries {start} to {stop - 1} of the database are not those of the log: this is another hub's backup or log"
            )


def entries(log: TileStore, start: int, stop: int) -> Iterator[bytes]:
    """Leaves [start, stop) of a log that ends there."""
    for index in range(start // WIDTH, -(-stop // WIDTH)):
        found = log.read_entries(index, min(WIDTH, stop - index * WIDTH))
        yield from found[max(0, start - index * WIDTH) :]


def adopt_checkpoint(hub: Hub, connection: sa.Connection, log: LogTables, head: Checkpoint) -> None:
    """The published head as the newest row, unless it is there: the hub's own lines, and with cosignatures if they make a quorum."""
    table = log.checkpoint
    if connection.execute(sa.select(table.c.size).where(table.c.size == head.size)).first() is not None:
        return
    text, _, lines = head.note.partition("\n\n")
    own = "".join(line for line in lines.splitlines(keepends=True) if line.startswith(f"— {head.origin} "))
    row = {"size": head.size, "root": head.root, "note": f"{text}\n\n{own}", "created_at": instant(hub.now())}
    if hub.policy.demands and hub.policy.witnessed(head):
        row |= {"cosigned": head.note, "witnessed_at": instant(hub.now())}
    connection.execute(sa.insert(table), [row])


def replay(
    hub: Hub, connection: sa.Connection, first: int, leaves: Sequence[bytes], said: Sequence[dict], settled: Collection[int]
) -> tuple[int, tuple[Lost, ...]]:
    """Inserts the rows; (status acts that count again, what is lost). `said`: the leaves, parsed.

    `settled`: entries that others bring back, which are not lost: changes of keys, erasures of versions that are there.
    """
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
                "lost": entry not in settled and (leaf["kind"] != "status" or event is None),
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
