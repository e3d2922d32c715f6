"""One call of a key at a time, across threads and processes: a lock that dies with who holds it, so that a killed call can be resumed.

PostgreSQL: an advisory lock of a session. SQLite: one of 256 locked files beside the database (two keys may share one and wait).
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from license_hub.storage.idempotency import Call

_SPACE = 0x6D7A74_05
"""First half of the advisory locks' numbers."""


@contextmanager
def held_call(engine: sa.Engine, call: Call) -> Iterator[bool]:
    """Whether the call's lock was free; if so it is held until the end."""
    lock = _session if engine.dialect.name == "postgresql" else _file
    with lock(engine, call.key_hash) as free:
        yield free


@contextmanager
def _session(engine: sa.Engine, key: bytes) -> Iterator[bool]:
    number = int.from_bytes(key[:4], "big", signed=True)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        free = connection.execute(sa.select(sa.func.pg_try_advisory_lock(_SPACE, number))).scalar_one()
        try:
            yield free
        finally:
            if free:
                connection.execute(sa.select(sa.func.pg_advisory_unlock(_SPACE, number)))


@contextmanager
def _file(engine: sa.Engine, key: bytes) -> Iterator[bool]:
    with Path(f"{engine.url.database}.call-{key[0]:02x}").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
