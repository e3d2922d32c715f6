"""Which leaves of the audit log have exactly the rows of hub_audit that they stand for, computed over columns.

It vouches for leaves and names nothing: what it does not vouch for, `service.inspect_audit` looks at row by row.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from license_hub.errors import DecryptionError
from license_hub.hashing import HASH_BYTES, bytes_of, flat
from license_hub.service.audit_log import digests_each
from license_hub.service.hub import Hub
from license_hub.storage.fetch import fetch_columns
from license_hub.storage.tables import audit
from license_hub.storage.tables_audit_log import audit_leaf, audit_subject

if TYPE_CHECKING:
    from license_hub.service.fsck import Findings

CHUNK = 8192
"""Rows or leaves read at once."""
_ROWS = sa.select(audit, audit_subject.c.logged).outerjoin(audit_subject, audit_subject.c.seq == audit.c.seq).order_by(audit.c.seq)
_LEAVES = sa.select(audit_leaf.c.entry, audit_leaf.c.leaf, audit_leaf.c.secret)
_LEAF = re.compile(rb'\{"at":"[0-9TZ:-]*","d":"([A-Za-z0-9+/]*={0,2})","id":"[0-9a-f]*","kind":"audit","v":1\}')


@dataclass(frozen=True)
class Run:
    """Rows that follow each other and name one leaf. `vouched`: they give exactly its digests."""

    entry: int
    first: int
    last: int
    """Their `seq`."""
    vouched: bool

    def rows(self, connection: sa.Connection) -> list[sa.Row]:
        within = (audit.c.seq >= self.first, audit.c.seq <= self.last, audit.c.log_entry == self.entry)
        return list(connection.execute(_ROWS.where(*within)))


def runs(hub: Hub, connection: sa.Connection, findings: Findings, vouch: bool) -> Iterator[Run]:
    """In the order of `seq`. Rows that name no leaf are counted, or found out if others named one before them."""
    after, limit, begun = None, CHUNK, False
    while True:
        rows = fetch_columns(connection, (_ROWS if after is None else _ROWS.where(audit.c.seq > after)).limit(limit))
        whole = rows.num_rows < limit
        logged = rows.filter(pc.is_valid(rows["log_entry"]))
        starts = _starts(logged)
        if not whole and len(starts) == 1:
            # One leaf's rows and no end in sight: a run is looked at as a whole.
            limit *= 2
            continue
        if not whole and len(starts):
            # The last run may go on behind what was read.
            last = int(starts[-1])
            rows = rows.filter(pc.less(rows["seq"], logged["seq"][last]))
            logged, starts = logged.slice(0, last), starts[:-1]
        findings.checked["hub_audit"] += rows.num_rows
        begun = _unlogged(rows, begun, findings)
        yield from _judged(hub, connection, logged, starts, vouch)
        if whole:
            return
        after, limit = rows["seq"][-1].as_py(), CHUNK


def logged_subject(hub: Hub, seq: int, subject: bytes | None, logged: bytes | None) -> bytes | None:
    """The index of the time of logging, which must lead to the one that stands now; else the one that stands."""
    if logged is None:
        return subject
    try:
        was = hub.crypt.decrypt("hub_audit_subject", "logged", seq, logged)
        leads = subject is not None and hub.crypt.advance("subject", was) == hub.crypt.advance("subject", bytes(subject))
    except (DecryptionError, KeyError, IndexError):
        leads = False
    return was if leads else subject


def _starts(rows: pa.Table) -> np.ndarray:
    """Where another leaf's rows begin."""
    entries = rows["log_entry"].to_numpy()
    return np.flatnonzero(np.concatenate([[True], entries[1:] != entries[:-1]])[: len(entries)])


def _unlogged(rows: pa.Table, begun: bool, findings: Findings) -> bool:
    """Looks at rows without a leaf. `begun`: rows before these had one; returned: whether that is so for the next."""
    named = pc.is_valid(rows["log_entry"]).to_numpy()
    behind = np.logical_or.accumulate(np.concatenate([[begun], named]))[:-1]
    for seq in rows["seq"].to_numpy()[~named & behind].tolist():
        findings.add("hub_audit", f"seq {seq}", "is not in the audit log")
    if older := int((~named & ~behind).sum()):
        findings.checked["hub_audit older than its log"] += older
    return begun or bool(named.any())


def _judged(hub: Hub, connection: sa.Connection, rows: pa.Table, starts: np.ndarray, vouch: bool) -> Iterator[Run]:
    if not len(starts):
        return
    seq, entries, stops = rows["seq"].to_numpy(), rows["log_entry"].to_numpy()[starts], np.append(starts[1:], rows.num_rows)
    good = _vouched(hub, connection, rows, starts, stops) if vouch else np.zeros(len(starts), bool)
    for entry, start, stop, one in zip(entries.tolist(), starts.tolist(), stops.tolist(), good.tolist(), strict=True):
        yield Run(entry, int(seq[start]), int(seq[stop - 1]), one)


def _vouched(hub: Hub, connection: sa.Connection, rows: pa.Table, starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """Of each run, whether its rows are those of the leaf, all of them and in order."""
    named = flat(rows, "log_entry")
    leaves = fetch_columns(connection, _LEAVES.where(audit_leaf.c.entry.in_(named.take(pa.array(starts)).to_pylist())))
    place = pc.index_in(named, flat(leaves, "entry"))
    if rows["logged"].null_count < rows.num_rows:
        names = ("seq", "subject_bi", "logged")
        was = [logged_subject(hub, *one) for one in zip(*(rows[name].to_pylist() for name in names), strict=True)]
        rows = rows.set_column(rows.column_names.index("subject_bi"), "subject_bi", pa.array(was, pa.binary()))
    made = bytes_of(digests_each(flat(leaves, "secret").take(place).fill_null(b""), rows)).tobytes()
    inside = np.arange(rows.num_rows) - np.repeat(starts, stops - starts)
    ordered = np.logical_and.reduceat(pc.equal(flat(rows, "place"), pa.array(inside)).fill_null(False).to_numpy(False), starts)
    contents = flat(leaves, "leaf").take(place.take(pa.array(starts))).to_pylist()
    good = []
    for start, stop, content in zip(starts.tolist(), stops.tolist(), contents, strict=True):
        found = content is not None and _LEAF.fullmatch(content)
        good.append(bool(found) and found[1] == base64.b64encode(made[start * HASH_BYTES : stop * HASH_BYTES]))
    return ordered & np.array(good)
