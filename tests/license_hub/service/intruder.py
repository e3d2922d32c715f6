"""Somebody with the database's own rights: changes what triggers protect, and puts it back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import sqlalchemy as sa

from license_hub.service.hub import Hub


@contextmanager
def tampered(hub: Hub, table: sa.Table, values: Mapping[str, object], where: Mapping[str, object] | None = None) -> Iterator[None]:
    """All rows of `table`, or the one with that primary key, hold `values` until the end."""
    chosen = [table.c[name] == value for name, value in (where or {}).items()]
    with hub.engine.connect() as connection:
        before = [dict(row._mapping) for row in connection.execute(sa.select(table).where(*chosen))]
    assert before, f"nothing in {table.name} to change"
    as_superuser(hub, table, [sa.update(table).where(*chosen).values(values)])
    yield
    as_superuser(hub, table, [_back(table, row, values) for row in before])


@contextmanager
def deleted(hub: Hub, table: sa.Table, where: Mapping[str, object]) -> Iterator[None]:
    """The row with that primary key is away until the end."""
    chosen = [table.c[name] == value for name, value in where.items()]
    with hub.engine.connect() as connection:
        before = [dict(row._mapping) for row in connection.execute(sa.select(table).where(*chosen))]
    as_superuser(hub, table, [sa.delete(table).where(*chosen)])
    yield
    as_superuser(hub, table, [sa.insert(table).values(row) for row in before])


def _back(table: sa.Table, row: Mapping[str, object], values: Mapping[str, object]) -> sa.Update:
    key = {column.name: values.get(column.name, row[column.name]) for column in table.primary_key.columns}
    return sa.update(table).where(*(table.c[name] == value for name, value in key.items())).values({name: row[name] for name in values})


def as_superuser(hub: Hub, table: sa.Table, statements: list[sa.Executable]) -> None:
    """In one transaction, past the triggers and foreign keys that protect `table`."""
    postgres = hub.engine.dialect.name == "postgresql"
    with hub.engine.connect() as connection:
        driver = connection.connection.dbapi_connection
        # Outside a transaction: within one SQLite ignores it.
        driver.execute("SET session_replication_role = replica" if postgres else "PRAGMA foreign_keys = OFF")
        for act in () if postgres else ("UPDATE", "DELETE"):
            connection.execute(sa.DDL("DROP TRIGGER IF EXISTS %(name)s_keep_%(act)s", context={"name": table.name, "act": act}))
        for one in statements:
            connection.execute(one)
        connection.commit()
        driver.execute("SET session_replication_role = DEFAULT" if postgres else "PRAGMA foreign_keys = ON")
        if postgres:
            driver.commit()
