"""Synchronous database code on an event loop: while PostgreSQL works the loop goes on, and no second thread fights for the interpreter.

`on_loop(call)` runs a plain function in a greenlet (SQLAlchemy's bridge); a connection of `loop_engine` gives its waits to the loop there,
and waits as ever in a thread. Between two waits nothing else of the process runs: what is slow without being the database's goes through
`aside`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import psycopg
import sqlalchemy as sa
from psycopg.waiting import wait_async
from sqlalchemy.util.concurrency import await_, greenlet_spawn, in_greenlet

from license_hub.storage.engine import postgres_arguments
from license_hub.storage.outage import through_outages

INTERVAL_S = 0.1
"""How often a wait looks up, as psycopg has it."""

RESTED_S = 1.0
_USED = "used"

Given = ParamSpec("Given")
Result = TypeVar("Result")


async def on_loop(call: Callable[Given, Result], *given: Given.args, **named: Given.kwargs) -> Result:
    """`call` on this event loop. Raises what it raises."""
    return await greenlet_spawn(call, *given, **named)


def aside(call: Callable[Given, Result], *given: Given.args, **named: Given.kwargs) -> Result:
    """Slow work that is not the database's: on an event loop it goes to a thread, anywhere else it is done here."""
    if in_greenlet():
        return await_(asyncio.to_thread(call, *given, **named))
    return call(*given, **named)


def loop_engine(engine: sa.Engine, calls: int, patience_s: float) -> sa.Engine | None:
    """An engine beside that one, for `calls` at a time `on_loop`, with a connection each: on the loop nobody may wait for a pool.

    None where the driver knows no event loop (SQLite). A database that is away is waited for. Disposed of with the other.
    """
    if engine.dialect.name != "postgresql":
        return None
    url, arguments = postgres_arguments(engine.url)
    made = sa.create_engine(url, pool_size=calls, **arguments | {"pool_pre_ping": False})
    sa.event.listen(made, "do_connect", _connect)
    for event in ("connect", "checkin"):
        sa.event.listen(made, event, _note_use)
    sa.event.listen(made, "checkout", _checked(made.dialect))
    # The first connection tells the dialect about the server under a lock of threads, which no two greenlets of one may ask for.
    through_outages(made, lambda: made.connect().close(), patience_s)
    sa.event.listen(engine, "engine_disposed", lambda _engine: made.dispose())
    return made.execution_options(**engine.get_execution_options())


class _Connection(psycopg.Connection):
    """One that waits on the event loop it is used on."""

    def wait(self, gen, interval=INTERVAL_S, timeout=None):
        if in_greenlet():
            return await_(wait_async(gen, self.pgconn.socket, interval=interval, timeout=timeout))
        return super().wait(gen, interval=interval, timeout=timeout)


def _checked(dialect: sa.Dialect) -> Callable[..., None]:
    def check(connection: _Connection, record, _proxy) -> None:
        """One that rested is asked whether it lives; under load that would be one more wait a batch. Raises DisconnectionError."""
        if time.monotonic() - record.info[_USED] > RESTED_S:
            try:
                dialect.do_ping(connection)
            except psycopg.Error:
                raise sa.exc.DisconnectionError from None

    return check


def _note_use(_connection, record) -> None:
    record.info[_USED] = time.monotonic()


def _connect(_dialect, _record, given, named) -> _Connection:
    return aside(_Connection.connect, *given, **named)
