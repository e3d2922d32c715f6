"""The one way to change cells of append-only tables: a named, counted maintenance transaction that the triggers let through."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

from license_hub.storage.engine import writing
from license_hub.storage.tables_at_rest import rewrite

KINDS = ("reencrypt", "reindex", "erase")


@dataclass
class Rewrite:
    connection: sa.Connection
    rows: int = 0

    def change(self, statement: sa.Update, rows: list[dict]) -> None:
        """One UPDATE a row, its values bound."""
        if rows:
            self.connection.execute(statement, rows)
            self.rows += len(rows)


@contextmanager
def opened(connection: sa.Connection, kind: str, actor: str, at: str) -> Iterator[Rewrite]:
    """Within the caller's transaction; nobody else sees the row while it is open."""
    if kind not in KINDS:
        raise ValueError(f"no rewrite of kind {kind}")
    row = {"at": at, "actor": actor, "kind": kind, "open": True, "rows": 0}
    made = connection.execute(sa.insert(rewrite).values(row).returning(rewrite.c.id)).scalar_one()
    work = Rewrite(connection)
    yield work
    connection.execute(sa.update(rewrite).where(rewrite.c.id == made).values(open=False, rows=work.rows))


@contextmanager
def rewriting(engine: sa.Engine, kind: str, actor: str, at: str) -> Iterator[Rewrite]:
    """A transaction of its own."""
    with writing(engine) as connection, opened(connection, kind, actor, at) as work:
        yield work
