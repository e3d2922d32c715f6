"""Audit entries as leaves of a log of their own: one leaf for the entries of a transaction, written in that transaction.

    leaf = JCS {at, d, id, kind: "audit", v: 1}     d = base64 of the entries' digests, 32 bytes each, in their order
    digest = SHA-256(secret ‖ JCS [at, request_id, actor, action, entry, subject, status, code, purpose, case_no])

- The leaf's number comes from a row lock that lasts until the commit, so `record` is the last thing a transaction does. One leaf a
  transaction and not one an entry: what is added to an answer is one statement, however many answers share its commit.
- The digests name the row that differs; the secret (hub_audit_leaf) keeps the log from confirming guesses.
- Rows go in behind the lock: `seq` rises with the leaf's number.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from license_hub.errors import LogDiverged
from license_hub.hashing import flat, joined, sha256_each
from license_hub.log.tree import leaf_hash
from license_hub.service.behind import WHAT_TO_DO, published_size
from license_hub.signing.columns import quoted
from license_hub.storage import audit_entries
from license_hub.storage.audit_entries import COLUMNS, Leaf
from license_hub.storage.engine import whole

PER_LEAF = 256
"""Entries of one leaf: some 11 kB, far from the 65,535 bytes an entry bundle allows."""
SECRET_BYTES = 32
TILES = "hub_audit_tiles"
"""Option of a hub's engine: the audit log's own files, which a restored database must not contradict."""

_array = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode


def append(connection: sa.Connection, at: str, rows: Sequence[tuple]) -> None:
    """Rows of hub_audit as (at, … , case_no), with the leaves that stand for them. Holds the audit log's lock until the commit.

    Raises LogDiverged.
    """
    if len(rows) > PER_LEAF:
        with whole(connection):
            for start in range(0, len(rows), PER_LEAF):
                append(connection, at, rows[start : start + PER_LEAF])
        return
    tiles = connection.get_execution_options().get(TILES)
    # Read here and not beside the new entry: nothing but the commit is waited for while the log's lock is held.
    least = published_size(tiles) if tiles is not None else 0
    texts, secret = [text_of(row) for row in rows], os.urandom(SECRET_BYTES)
    content = leaf(at, os.urandom(16).hex(), [_digest(secret, text) for text in texts])
    if audit_entries.write(connection, Leaf(content, leaf_hash(content), secret, texts), least) is None:
        raise LogDiverged(f"a checkpoint of {least} audit entries is published, the database has fewer: {WHAT_TO_DO}")


def text_of(row: tuple) -> str:
    """What is digested and stored of (at, request_id, actor, action, entry, subject_bi, status, code, purpose, case_no): a JSON array."""
    at, request_id, actor, action, entry, subject, *rest = row
    return _array([at, request_id, actor, action, entry, None if subject is None else bytes(subject).hex(), *rest])


def digests(secret: bytes, rows: Sequence[tuple]) -> list[bytes]:
    """One digest a row, as `text_of` takes it."""
    return [_digest(secret, text_of(row)) for row in rows]


def _digest(secret: bytes, text: str) -> bytes:
    return hashlib.sha256(secret + text.encode()).digest()


def digests_each(secrets: pa.BinaryArray, rows: pa.Table) -> pa.FixedSizeBinaryArray:
    """The digest of each row of hub_audit's columns, under the secret of its leaf."""
    subject = pa.array([None if one is None else one.hex() for one in rows["subject_bi"].to_pylist()], pa.string())
    shown = {"entry": pc.cast(pc.cast(flat(rows, "entry"), pa.string()), pa.binary()), "subject_bi": quoted(subject)}
    parts: list[pa.Array | bytes] = [secrets]
    for name in COLUMNS:
        column = shown[name] if name in shown else quoted(flat(rows, name))
        parts += [b"," if len(parts) > 1 else b"[", column.fill_null(b"null")]
    return sha256_each(joined(*parts, b"]"))


def leaf(at: str, leaf_id: str, of: Sequence[bytes]) -> bytes:
    return f'{{"at":"{at}","d":"{base64.b64encode(b"".join(of)).decode()}","id":"{leaf_id}","kind":"audit","v":1}}'.encode()


def read_leaf(content: bytes) -> list[bytes]:
    """The digests of a leaf. Raises ValueError for anything `leaf` does not write."""
    value = json.loads(content)
    texts = [value.get(name) for name in ("at", "id", "d")] if isinstance(value, dict) else []
    if not texts or not all(isinstance(one, str) for one in texts):
        raise ValueError("not a leaf of the audit log")
    data = base64.b64decode(texts[2], validate=True)
    found = [data[at : at + 32] for at in range(0, len(data), 32)]
    if len(data) % 32 or leaf(*texts[:2], found) != content:
        raise ValueError("not a leaf of the audit log")
    return found
