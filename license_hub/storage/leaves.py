"""The log's rows: entries are given out under one lock, and the integrator reads them from here.

- A writer locks row `log` of hub_sequence, takes its entries, inserts its leaves and commits: entries have no gap and no double,
  and what is visible is always a prefix.
- The integrator's lease is a lock that dies with its process (PostgreSQL: advisory lock of a session; SQLite: a locked file beside
  the database), so that a killed integrator is replaced at once. Its fencing number refuses a holder that was cut off and comes back.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from license_hub.errors import LeaseLost
from license_hub.log.checkpoint import Checkpoint
from license_hub.signing.commitment import instant
from license_hub.storage import bulk
from license_hub.storage.engine import reading, writing
from license_hub.storage.tables import checkpoint, leaf, sequence
from license_hub.storage.tables_audit_log import audit_checkpoint, audit_leaf


@dataclass(frozen=True)
class LogTables:
    """Where one log keeps its rows."""

    sequence: str
    """Row of hub_sequence with the next free entry."""
    integrator: str
    """Row of hub_sequence with the newest fencing number; on SQLite also the suffix of the lock's file."""
    lease: int
    """Advisory lock number of its integrator on PostgreSQL."""
    leaf: sa.Table
    checkpoint: sa.Table


LICENSES = LogTables("log", "integrator", 0x6D7A74_03, leaf, checkpoint)
AUDIT = LogTables("audit", "audit-integrator", 0x6D7A74_04, audit_leaf, audit_checkpoint)


def lock_log(connection: sa.Connection) -> int:
    """Waits for the writers' lock, held until the transaction ends; returns the next free entry."""
    return lock_sequence(connection, LICENSES)


def advance_log(connection: sa.Connection, next_entry: int) -> None:
    """Records that entries below `next_entry` are taken; `lock_log` must be held."""
    move_sequence(connection, LICENSES, next_entry)


def lock_sequence(connection: sa.Connection, tables: LogTables) -> int:
    """`lock_log` of either log."""
    statement = sa.select(sequence.c.next).where(sequence.c.name == tables.sequence).with_for_update()
    return connection.execute(statement).scalar_one()


def move_sequence(connection: sa.Connection, tables: LogTables, next_entry: int) -> None:
    connection.execute(sa.update(sequence).where(sequence.c.name == tables.sequence).values(next=next_entry))


def taking_entry(tables: LogTables) -> sa.Update:
    """Takes one entry (`entry`), unless the log has fewer than `least`: nothing then. Its lock is held until the transaction ends."""
    row = (sequence.c.name == tables.sequence, sequence.c.next >= sa.bindparam("least", type_=sequence.c.next.type))
    return sa.update(sequence).where(*row).values(next=sequence.c.next + 1).returning((sequence.c.next - 1).label("entry"))


class LeafRows:
    """`license_hub.log.integrator.LeafSource` over the database. Made by `leased`."""

    def __init__(self, engine: sa.Engine, now: datetime, tables: LogTables = LICENSES):
        self._engine = engine
        self._now = now
        self._tables = tables

    def lease(self, now: datetime) -> int:
        """The next fencing number; `leased` holds the lock."""
        with writing(self._engine) as connection:
            row = sequence.c.name == self._tables.integrator
            connection.execute(sa.update(sequence).where(row).values(next=sequence.c.next + 1))
            return connection.execute(sa.select(sequence.c.next).where(row)).scalar_one()

    def size(self) -> int:
        with reading(self._engine) as connection:
            return connection.execute(sa.select(sequence.c.next).where(sequence.c.name == self._tables.sequence)).scalar_one()

    def entries(self, start: int, stop: int) -> list[bytes]:
        return self._column(self._tables.leaf.c.leaf, start, stop)

    def hashes(self, start: int, stop: int) -> list[bytes]:
        return self._column(self._tables.leaf.c.leaf_hash, start, stop)

    def latest_checkpoint(self) -> str | None:
        checkpoints = self._tables.checkpoint
        with reading(self._engine) as connection:
            return connection.execute(sa.select(checkpoints.c.note).order_by(checkpoints.c.size.desc()).limit(1)).scalar()

    def store_checkpoint(self, checkpoint: Checkpoint, fence: int) -> None:
        checkpoints = self._tables.checkpoint
        with writing(self._engine) as connection:
            held = sa.select(sequence.c.next).where(sequence.c.name == self._tables.integrator).with_for_update()
            if connection.execute(held).scalar_one() != fence:
                raise LeaseLost(f"fencing number {fence} is not the newest: another integrator took over")
            stored = connection.execute(sa.select(checkpoints.c.note).where(checkpoints.c.size == checkpoint.size)).scalar()
            if stored is None:
                row = {"size": checkpoint.size, "root": checkpoint.root, "note": checkpoint.note, "created_at": instant(self._now)}
                connection.execute(sa.insert(checkpoints), [row])

    def _column(self, column: sa.Column, start: int, stop: int) -> list[bytes]:
        entry = self._tables.leaf.c.entry
        query = sa.select(column).where(entry >= start, entry < stop).order_by(entry)
        with reading(self._engine) as connection:
            return bulk.fetch_blobs(connection, query)


@contextmanager
def leased(engine: sa.Engine, now: datetime, tables: LogTables = LICENSES) -> Iterator[LeafRows]:
    """The leaf rows, with the integrator's lock held until the end. Raises LeaseLost while another process has it."""
    lock = _session_lock if engine.dialect.name == "postgresql" else _file_lock
    with lock(engine, tables):
        yield LeafRows(engine, now, tables)


@contextmanager
def _session_lock(engine: sa.Engine, tables: LogTables) -> Iterator[None]:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if not connection.execute(sa.select(sa.func.pg_try_advisory_lock(tables.lease))).scalar_one():
            raise LeaseLost("another integrator is at work")
        try:
            yield
        finally:
            connection.execute(sa.select(sa.func.pg_advisory_unlock(tables.lease)))


@contextmanager
def _file_lock(engine: sa.Engine, tables: LogTables) -> Iterator[None]:
    with Path(f"{engine.url.database}.{tables.integrator}").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LeaseLost("another integrator is at work") from None
        yield
