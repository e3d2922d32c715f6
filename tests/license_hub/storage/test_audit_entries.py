"""The entries of a leaf as they are stored: read from the very texts that were digested, on both databases."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import sqlalchemy as sa

from license_hub.storage.audit_entries import COLUMNS, Leaf, write
from license_hub.storage.engine import reading, writing
from license_hub.storage.tables import audit, sequence
from license_hub.storage.tables_audit_log import audit_leaf

ROWS = [
    ["2026-11-22T00:00:00Z", "r1", "client", "verify", 7, "00ff" * 8, "VALID", "IN_FORCE", '核验 "引号" \\ {"a":1}', "办件-1"],
    ["2026-11-22T00:00:00Z", "r2", "'; DROP TABLE hub_audit; --", "verify", None, None, None, "NOT_FOUND", None, ""],
    ["2026-11-22T00:00:00Z", "r3", "名 😀", "read", 2**62, None, "INVALID", "REVOKED", "%(x)s $1 :y", None],
]


def leaf(number: int, rows=ROWS) -> Leaf:
    return Leaf(b"leaf %d" % number, bytes(32), b"s" * 32, [json.dumps(row, ensure_ascii=False) for row in rows])


def test_entries_are_stored_as_they_were_logged_in_their_places(engine):
    with writing(engine) as connection:
        assert write(connection, leaf(0)) == 0
        assert write(connection, leaf(1, ROWS[:1])) == 1
    with reading(engine) as connection:
        stored = connection.execute(sa.select(audit).order_by(audit.c.seq)).all()
        leaves = connection.execute(sa.select(audit_leaf).order_by(audit_leaf.c.entry)).all()
        assert connection.execute(sa.select(sequence.c.next).where(sequence.c.name == "audit")).scalar_one() == 2
    assert [(row.log_entry, row.place) for row in stored] == [(0, 0), (0, 1), (0, 2), (1, 0)]
    for row, given in zip(stored, [*ROWS, ROWS[0]], strict=True):
        shown = [value.hex() if isinstance(value, bytes) else value for value in (row._mapping[name] for name in COLUMNS)]
        assert shown == given
    assert [(one.entry, bytes(one.leaf), bytes(one.secret)) for one in leaves] == [(0, b"leaf 0", b"s" * 32), (1, b"leaf 1", b"s" * 32)]


def test_log_that_has_fewer_leaves_than_were_published_takes_none(engine):
    with writing(engine) as connection:
        assert write(connection, leaf(0)) == 0
        assert write(connection, leaf(1), least=2) is None
        assert write(connection, leaf(1), least=1) == 1
    with reading(engine) as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(audit)).scalar_one() == 6
        assert connection.execute(sa.select(audit_leaf.c.entry)).scalars().all() == [0, 1]


def test_writers_at_once_take_entries_without_gap_or_double(engine):
    def one(number: int) -> int:
        with writing(engine) as connection:
            return write(connection, leaf(number))

    with ThreadPoolExecutor(6) as threads:
        taken = list(threads.map(one, range(40)))
    assert sorted(taken) == list(range(40))
    with reading(engine) as connection:
        ordered = connection.execute(sa.select(audit.c.log_entry).order_by(audit.c.seq)).scalars().all()
    assert ordered == sorted(ordered) and len(ordered) == 120
