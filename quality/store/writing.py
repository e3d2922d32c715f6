"""Transactions that change something."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """One read-write transaction. On the hub's SQLite engine it waits for its turn first: one that reads before it writes would fail."""
    with engine.connect().execution_options(hub_begin="IMMEDIATE") as connection, connection.begin():
        yield connection
