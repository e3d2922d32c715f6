"""Quality's tables: migrations make what the code declares, on both databases; instants come back aware."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from quality.store import tables, upgrade


@pytest.fixture
def engine(empty_database_url) -> Iterator[sa.Engine]:
    made = sa.create_engine(empty_database_url)
    upgrade(made)
    yield made
    made.dispose()


def test_migrations_make_exactly_the_declared_tables(engine):
    def ours(_object, name, kind, _reflected, _other):
        return kind != "table" or name.startswith("quality_") and name != "quality_alembic"

    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": "quality_alembic", "include_object": ours})
        assert compare_metadata(context, tables.metadata) == []


def test_upgrade_twice_changes_nothing(engine):
    before = sorted(sa.inspect(engine).get_table_names())
    upgrade(engine)
    assert sorted(sa.inspect(engine).get_table_names()) == before and len(before) == 19


def test_instant_comes_back_aware_and_needs_a_zone(engine):
    line = {"batch": "b", "kind": "approve", "name": "n", "reason": "r", "figures": {}}
    at = datetime(2026, 11, 21, 9, 30, 1, tzinfo=UTC)
    with engine.begin() as connection:
        connection.execute(sa.insert(tables.approval).values(**line, at=at))
        assert connection.scalar(sa.select(tables.approval.c.at)) == at
        with pytest.raises(sa.exc.StatementError, match="zone"):
            connection.execute(sa.insert(tables.approval).values(**line, at=at.replace(tzinfo=None)))


def test_newest_revision_by_file_name_is_the_head_alembic_finds():
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    from quality.store.upgrade import MIGRATIONS, _newest

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == _newest()


@pytest.mark.parametrize("name", ["quality_ticket_event", "quality_sample_verdict", "quality_correction"])
@pytest.mark.parametrize("act", ["UPDATE", "DELETE"])
def test_t7_what_happened_can_only_be_added_to(engine, name, act):
    table = tables.metadata.tables[name]
    values = {column.name: _some(column) for column in table.columns if column.autoincrement is not True}
    change = sa.update(table).values(**{next(one for one in values if one != "id"): "other"}) if act == "UPDATE" else sa.delete(table)
    with engine.begin() as connection:
        connection.execute(sa.insert(table).values(**values))
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(change)
    with engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(table)) == 1


def _some(column: sa.Column) -> object:
    if isinstance(column.type, tables.Instant):
        return datetime(2026, 11, 22, tzinfo=UTC)
    return {} if isinstance(column.type, sa.JSON) else 1 if isinstance(column.type, sa.BigInteger) else "x"
