"""Audit entries against the leaves of their own log. Rows are read in the order of `seq`, which is that of their leaves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import sqlalchemy as sa

from license_hub.errors import DecryptionError
from license_hub.log.tree import leaf_hash
from license_hub.service.audit_log import digests, read_leaf
from license_hub.service.hub import Hub
from license_hub.service.recover_audit import gap
from license_hub.storage.tables import audit, sequence
from license_hub.storage.tables_audit_log import audit_leaf, audit_subject

if TYPE_CHECKING:
    from license_hub.service.fsck import Findings

CHUNK = 10_000
"""Leaves read at once."""
_CONTENT = slice(1, 11)
"""Of a row of hub_audit: at, request_id, actor, action, entry, subject_bi, status, code, purpose, case_no."""
_SUBJECT = 5


def inspect_audit(hub: Hub, connection: sa.Connection, findings: Findings) -> list[bytes]:
    """Hash of every leaf row, by entry. What is wrong goes to `findings`, with the `seq` of the row that differs."""
    size = connection.execute(sa.select(sequence.c.next).where(sequence.c.name == "audit")).scalar_one()
    hashes: list[bytes] = []
    lost: set[int] = set()
    gaps: list[range] = []
    rows = _grouped(connection, size, findings)
    group = next(rows, None)
    for start in range(0, size, CHUNK):
        query = sa.select(audit_leaf).where(audit_leaf.c.entry >= start, audit_leaf.c.entry < start + CHUNK)
        stored = {row.entry: row for row in connection.execute(query)}
        for entry in range(start, min(start + CHUNK, size)):
            findings.checked["hub_audit_leaf"] += 1
            mine: list[sa.Row] = []
            while group is not None and group[0] <= entry:
                gaps += [gap(row.action, row.code, row.purpose) for row in group[1]]
                if group[0] == entry:
                    mine += group[1]
                else:
                    _misplaced(group[1], findings)
                group = next(rows, None)
            one = stored.get(entry)
            if one is not None and not one.secret and not mine:
                lost.add(entry)
            hashes.append(_leaf(hub, entry, one, mine, findings))
    while group is not None:
        _misplaced(group[1], findings)
        group = next(rows, None)
    told = {entry for one in gaps for entry in one}
    findings.checked["audit leaves whose entries a restore lost"] += len(lost & told)
    for entry in sorted(lost - told):
        findings.add("hub_audit", f"log_entry {entry}", "its rows are missing, and no restore says that they were lost")
    for entry in connection.execute(sa.select(audit_leaf.c.entry).where((audit_leaf.c.entry >= size) | (audit_leaf.c.entry < 0))).scalars():
        findings.add("hub_audit_leaf", f"entry {entry}", f"lies outside the {size} entries that were given out")
    return hashes


def _grouped(connection: sa.Connection, size: int, findings: Findings) -> Iterator[tuple[int, list[sa.Row]]]:
    """(log entry, its rows) in the order of `seq`; rows that name none after others did are not in the log."""
    query = sa.select(audit, audit_subject.c.logged).outerjoin(audit_subject, audit_subject.c.seq == audit.c.seq)
    query = query.order_by(audit.c.seq).execution_options(yield_per=CHUNK)
    current, rows = -1, []
    for row in connection.execute(query):
        findings.checked["hub_audit"] += 1
        if row.log_entry is None:
            if current >= 0:
                findings.add("hub_audit", f"seq {row.seq}", "is not in the audit log")
            else:
                findings.checked["hub_audit older than its log"] += 1
            continue
        if row.log_entry != current:
            if rows:
                yield current, rows
            current, rows = row.log_entry, []
        rows.append(row)
    if rows:
        yield current, rows


def _misplaced(rows: list[sa.Row], findings: Findings) -> None:
    for row in rows:
        findings.add("hub_audit", f"seq {row.seq}", "log_entry names no leaf that has a place for it")


def _logged(hub: Hub, row: sa.Row) -> tuple:
    """The row as it was logged: with the subject's index of that time, which must lead to the one that stands now."""
    content = tuple(row)[_CONTENT]
    if row.logged is None:
        return content
    try:
        was = hub.crypt.decrypt("hub_audit_subject", "logged", row.seq, row.logged)
        leads = row.subject_bi is not None and hub.crypt.advance("subject", was) == hub.crypt.advance("subject", bytes(row.subject_bi))
    except (DecryptionError, KeyError):
        leads = False
    return (*content[:_SUBJECT], was, *content[_SUBJECT + 1 :]) if leads else content


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
