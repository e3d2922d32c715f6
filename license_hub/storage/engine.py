"""Engines for the two databases the hub supports, and the two kinds of transaction.

- SQLite: WAL, foreign keys on, writers begin IMMEDIATE (a deferred writer that upgrades its lock can fail half-way), readers deferred.
- PostgreSQL: READ COMMITTED; writers serialise on the `hub_sequence` row.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from time import monotonic, sleep

import sqlalchemy as sa

BUSY_TIMEOUT_MS = 60_000
"""How long a SQLite writer waits for another one."""


TRUSTED_S = 1.0
"""A connection used within that many seconds is taken to be alive; if it is not, one call fails and the pool is made anew."""

POSTGRES_LIMITS = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
    "options": "-c idle_in_transaction_session_timeout=900000",
}
"""libpq's parameters (seconds; tcp_user_timeout in ms), each unless the URL gives its own: a server that vanished is noticed, and a
process that stopped while it held the log's lock loses it after 15 minutes."""


def open_engine(url: str) -> sa.Engine:
    """An engine with our connection settings. `url` is a SQLAlchemy URL: `sqlite:///path` or `postgresql+psycopg://…`."""
    target = sa.make_url(url)
    if target.get_backend_name() == "sqlite":
        return _sqlite(target)
    if target.get_backend_name() == "postgresql":
        return _postgres(target)
    raise ValueError(f"HUB_DATABASE_URL: {target.get_backend_name()} is not supported; use sqlite or postgresql")


def is_postgres(connection: sa.Connection) -> bool:
    return connection.dialect.name == "postgresql"


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """One read-write transaction; commits at the end, rolls back on any exception."""
    with engine.connect().execution_options(hub_begin="IMMEDIATE") as connection, connection.begin():
        yield connection


@contextmanager
def reading(engine: sa.Engine, *, one_state: bool = False) -> Iterator[sa.Connection]:
    """One transaction for reading; it does not block writers.

    `one_state`: all its statements see the same committed state (SQLite's readers always do).
    """
    options = {"isolation_level": "REPEATABLE READ"} if one_state and engine.dialect.name == "postgresql" else {}
    with engine.connect().execution_options(**options) as connection, connection.begin():
        yield connection


@contextmanager
def answering(engine: sa.Engine) -> Iterator[sa.Connection]:
    """For reading and, last, one statement that writes; what takes several goes into `whole`.

    PostgreSQL: every statement is a transaction by itself. READ COMMITTED shows each its own state in any case, so nothing is lost, and the
    log's lock is held inside the server alone, never while this process is busy with something else. SQLite: one transaction that writes.
    """
    if engine.dialect.name != "postgresql":
        with writing(engine) as connection:
            yield connection
        return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        yield connection


@contextmanager
def whole(connection: sa.Connection) -> Iterator[None]:
    """What is written inside is committed together, or none of it."""
    driver = connection.connection.driver_connection
    if is_postgres(connection) and driver.autocommit:
        with driver.transaction():
            yield
    else:
        yield


def _postgres(url: sa.URL) -> sa.Engine:
    # Here, so that a hub on SQLite starts without the driver.
    from psycopg.types.array import ListBinaryDumper

    wanted = {name: value for name, value in POSTGRES_LIMITS.items() if name not in url.query}
    engine = sa.create_engine(url.set(drivername="postgresql+psycopg"), connect_args=wanted)

    @sa.event.listens_for(engine, "connect")
    def on_connect(connection, _record):
        # As text each element is quoted by itself: several microseconds instead of a quarter of one.
        connection.adapters.register_dumper(list, ListBinaryDumper)

    @sa.event.listens_for(engine, "checkin")
    def on_checkin(_connection, record):
        record.info["used"] = monotonic()

    @sa.event.listens_for(engine, "checkout")
    def on_checkout(connection, record, _proxy):
        # In place of `pool_pre_ping`, which asks each time: an answer is four statements, it would be a fifth.
        if monotonic() - record.info.get("used", inf) > TRUSTED_S and not _alive(engine, connection):
            raise sa.exc.InvalidatePoolError

    return engine


def _alive(engine: sa.Engine, connection) -> bool:
    try:
        return engine.dialect.do_ping(connection)
    except engine.dialect.loaded_dbapi.Error:
        return False


def _to_wal(connection: sqlite3.Connection) -> None:
    """Raises sqlite3.OperationalError. SQLite itself does not wait here for one who writes, such as another process that makes the file."""
    until = monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as fault:
            if fault.sqlite_errorcode != sqlite3.SQLITE_BUSY or monotonic() > until:
                raise
            sleep(0.02)


def _sqlite(url: sa.URL) -> sa.Engine:
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False})

    @sa.event.listens_for(engine, "connect")
    def on_connect(connection, _record):
        # The driver must not begin transactions of its own: `on_begin` does.
        connection.isolation_level = None
        _to_wal(connection)
        for pragma in ("synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_TIMEOUT_MS}"):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def on_begin(connection):
        kind = connection.get_execution_options().get("hub_begin", "DEFERRED")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if kind == "IMMEDIATE" else "BEGIN")

    return engine
