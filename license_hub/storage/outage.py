"""Getting through a database that goes away and comes back: wait for it, then do the same again.

Only for acts that read back what they find before they write (an intake reads its mark under the log's lock, an integrator the last
checkpoint): then an unknown commit, whose answer the lost connection took with it, is settled by the repetition itself.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

import psycopg
import sqlalchemy as sa

Result = TypeVar("Result")

PATIENCE_S = 120.0
"""Longest wait for the database in one outage."""
MOST_OUTAGES = 20
_PAUSE_S = 0.25
_GONE = ("08", "53", "57P")
"""SQLSTATE classes: connection lost; disk, memory or connections used up; shut down, crashed or starting."""

logger = logging.getLogger("hub.storage")


def is_outage(fault: BaseException) -> bool:
    """Whether the database is away or has run out of something, in contrast to refusing what was asked."""
    cause = fault.orig if isinstance(fault, sa.exc.DBAPIError) else fault
    if not isinstance(cause, psycopg.Error):
        return False
    # A connection that breaks has no SQLSTATE; so does one that cannot be made.
    return cause.sqlstate.startswith(_GONE) if cause.sqlstate else isinstance(cause, psycopg.OperationalError)


def through_outages(engine: sa.Engine, act: Callable[[], Result], patience_s: float = PATIENCE_S) -> Result:
    """What `act` returns, done again after each outage. Raises its fault if that is none, or the database stays away."""
    for _ in range(MOST_OUTAGES):
        try:
            return act()
        except (sa.exc.DBAPIError, psycopg.Error) as fault:
            if not is_outage(fault):
                raise
            logger.warning("the database is away (%s), waiting at most %.0f s", type(fault).__name__, patience_s)
            if not _comes_back(engine, patience_s):
                raise
    return act()


def _comes_back(engine: sa.Engine, patience_s: float) -> bool:
    until = time.monotonic() + patience_s
    # Connections of the old server are of no use to anybody.
    engine.dispose()
    while time.monotonic() < until:
        time.sleep(_PAUSE_S)
        try:
            with engine.connect() as connection:
                connection.execute(sa.select(1))
            return True
        except sa.exc.DBAPIError as fault:
            if not is_outage(fault):
                raise
    return False
