"""Audit entries against the leaves of their own log. Rows are read in the order of `seq`, which is that of their leaves.

`service.inspect_audit_columns` says which leaves have exactly their rows; the rows of the others are looked at one by one here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from license_hub.hashing import HASH_BYTES
from license_hub.log.hash_columns import leaf_hashes
from license_hub.log.tree import leaf_hash
from license_hub.service.audit_log import digests, read_leaf
from license_hub.service.hub import Hub
from license_hub.service.inspect_audit_columns import CHUNK, Run, logged_subject, runs
from license_hub.service.recover_audit import RESTORE, gap
from license_hub.storage.fetch import fetch_columns
from license_hub.storage.tables import audit, sequence
from license_hub.storage.tables_audit_log import audit_leaf

if TYPE_CHECKING:
    from license_hub.service.fsck import Findings

_CONTENT = slice(1, 11)
"""Of a row of hub_audit: at, request_id, actor, action, entry, subject_bi, status, code, purpose, case_no."""
_SUBJECT = 5


def inspect_audit(hub: Hub, connection: sa.Connection, findings: Findings, *, vouch: bool = True) -> list[bytes]:
    """Hash of every leaf row, by entry. What is wrong goes to `findings`, with the `seq` of the row that differs.

    `vouch`: whether columns may say that rows need no look of their own.
    """
    size = connection.execute(sa.select(sequence.c.next).where(sequence.c.name == "audit")).scalar_one()
    hashes: list[bytes] = []
    lost: set[int] = set()
    rest = runs(hub, connection, findings, vouch)
    run = next(rest, None)
    for start in range(0, size, CHUNK):
        kept, hashed = _leaves(connection, start, start + CHUNK)
        for entry in range(start, min(start + CHUNK, size)):
            findings.checked["hub_audit_leaf"] += 1
            mine: list[Run] = []
            while run is not None and run.entry <= entry:
                if run.entry == entry:
                    mine.append(run)
                else:
                    _misplaced(run.rows(connection), findings)
                run = next(rest, None)
            if len(mine) == 1 and mine[0].vouched and entry in hashed:
                hashes.append(hashed[entry])
            else:
                rows = [row for one in mine for row in one.rows(connection)]
                stored = _stored(connection, entry) if entry in kept else None
                if stored is not None and not stored.secret and not rows:
                    lost.add(entry)
                hashes.append(_leaf(hub, entry, stored, rows, findings))
    while run is not None:
        _misplaced(run.rows(connection), findings)
        run = next(rest, None)
    if lost:
        _lost(connection, lost, findings)
    for entry in connection.execute(sa.select(audit_leaf.c.entry).where((audit_leaf.c.entry >= size) | (audit_leaf.c.entry < 0))).scalars():
        findings.add("hub_audit_leaf", f"entry {entry}", f"lies outside the {size} entries that were given out")
    return hashes


def _lost(connection: sa.Connection, lost: set[int], findings: Findings) -> None:
    """Leaves that a restore made anew, without their rows: one of its own entries says which."""
    named = sa.select(audit.c.action, audit.c.code, audit.c.purpose).where(audit.c.action == RESTORE, audit.c.log_entry.is_not(None))
    told = {entry for row in connection.execute(named) for entry in gap(row.action, row.code, row.purpose)}
    findings.checked["audit leaves whose entries a restore lost"] += len(lost & told)
    for entry in sorted(lost - told):
        findings.add("hub_audit", f"log_entry {entry}", "its rows are missing, and no restore says that they were lost")


def _leaves(connection: sa.Connection, start: int, stop: int) -> tuple[set[int], dict[int, bytes]]:
    """(entries that have a leaf, hashes of those whose leaf has its own hash)."""
    query = sa.select(audit_leaf.c.entry, audit_leaf.c.leaf, audit_leaf.c.leaf_hash)
    found = fetch_columns(connection, query.where(audit_leaf.c.entry >= start, audit_leaf.c.entry < stop))
    entries, meant = found["entry"].to_pylist(), found["leaf_hash"].to_pylist()
    data = leaf_hashes(found["leaf"].to_pylist()) if entries else b""
    made = (data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES))
    return set(entries), {entry: one for entry, one, other in zip(entries, made, meant, strict=True) if one == other}


def _stored(connection: sa.Connection, entry: int) -> sa.Row:
    return connection.execute(sa.select(audit_leaf).where(audit_leaf.c.entry == entry)).one()


def _misplaced(rows: list[sa.Row], findings: Findings) -> None:
    for row in rows:
        findings.add("hub_audit", f"seq {row.seq}", "log_entry names no leaf that has a place for it")


def _logged(hub: Hub, row: sa.Row) -> tuple:
    """The row as it was logged."""
    content = tuple(row)[_CONTENT]
    return (*content[:_SUBJECT], logged_subject(hub, row.seq, row.subject_bi, row.logged), *content[_SUBJECT + 1 :])


def _leaf(hub: Hub, entry: int, stored: sa.Row | None, rows: list[sa.Row], findings: Findings) -> bytes:
    """The leaf's hash, after comparing its digests with those its rows give."""
    if stored is None:
        findings.add("hub_audit_leaf", f"entry {entry}", "is missing")
        return leaf_hash(b"")
    content = bytes(stored.leaf)
    hashed = leaf_hash(content)
    if hashed != bytes(stored.leaf_hash):
        findings.add("hub_audit_leaf", f"entry {entry}", "leaf and leaf_hash do not belong together")
    try:
        meant = read_leaf(content)
    except ValueError:
        findings.add("hub_audit_leaf", f"entry {entry}", "leaf is not one of the audit log")
        return hashed
    if not stored.secret and not rows:
        # A restore made it anew from the log: `inspect_audit` asks whether one says so.
        return hashed
    made = digests(bytes(stored.secret), [_logged(hub, row) for row in rows])
    if made and meant and not set(made) & set(meant) and len(made) > 1:
        findings.add("hub_audit_leaf", f"entry {entry}", "secret was changed: none of its rows gives its digest")
        return hashed
    seen = set()
    for row, digest in zip(rows, made, strict=True):
        place = row.place
        if place is None or not 0 <= place < len(meant) or place in seen or meant[place] != digest:
            findings.add("hub_audit", f"seq {row.seq}", "is not the row that was logged: a column was changed, or it was added later")
        else:
            seen.add(place)
    if len(rows) < len(meant):
        findings.add("hub_audit", f"log_entry {entry}", f"{len(meant) - len(rows)} of its {len(meant)} rows are missing")
    return hashed
