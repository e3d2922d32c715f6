from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from license_hub.storage import (
    bulk,
    tables,
    tables_audit_log,
    tables_cases,
    tables_held,
    tables_keys,
    tables_lifecycle,
    tables_recall,
    tables_status,
)
from license_hub.storage.engine import open_engine, writing
from license_hub.storage.upgrade import MIGRATIONS, newest, upgrade


def test_migrations_give_the_tables_that_the_code_declares(engine):
    def ours(name, kind, _parents):
        return kind != "table" or (name or "").startswith("hub_")

    with engine.connect() as connection:
        options = {"version_table": "hub_alembic", "include_name": ours, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, tables.metadata) == []


def test_upgrade_run_again_changes_nothing(engine):
    count = sa.select(sa.func.count()).select_from(tables.sequence)
    with engine.connect() as connection:
        before = connection.execute(count).scalar_one()
    upgrade(engine)
    with engine.connect() as connection:
        assert connection.execute(count).scalar_one() == before


def test_newest_revision_by_file_name_is_the_head_alembic_finds():
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == newest()


def test_hub_opened_over_a_newest_schema_imports_no_alembic(engine, tmp_path):
    import subprocess
    import sys

    from quality.store.upgrade import upgrade as upgrade_quality

    upgrade_quality(engine)
    url = engine.url.render_as_string(hide_password=False)
    code = (
        "import sys; from license_hub.storage.engine import open_engine; from license_hub.storage.upgrade import upgrade;"
        "from quality.store.upgrade import upgrade as other; engine = open_engine(sys.argv[1]); upgrade(engine); other(engine);"
        "assert 'alembic' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, url], check=True)


def test_upgrade_by_two_processes_at_once_makes_one_schema(empty_database_url):
    engines = [open_engine(empty_database_url) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(upgrade, engines))
    with engines[0].connect() as connection:
        assert sa.inspect(connection).has_table("hub_version")
    for one in engines:
        one.dispose()


def test_current_view_has_the_columns_the_code_declares(engine):
    with engine.connect() as connection:
        assert connection.execute(sa.select(tables.current)).all() == []


SAMPLES = {
    sa.Text: "x",
    sa.LargeBinary: b"x",
    sa.Boolean: True,
    sa.SmallInteger: 1,
    sa.BigInteger: 1,
}


def sample(table: sa.Table) -> tuple:
    return tuple(next(value for kind, value in SAMPLES.items() if isinstance(column.type, kind)) for column in bulk.columns(table))


def test_append_only_table_refuses_changes(engine):
    modules = (tables, tables_cases, tables_held, tables_keys, tables_lifecycle, tables_status, tables_recall)
    for name in sorted([name for one in modules for name in one.APPEND_ONLY] + [tables_audit_log.audit_leaf.name]):
        table = tables.metadata.tables[name]
        with writing(engine) as connection:
            bulk.insert(connection, table, [sample(table)])
        column = bulk.columns(table)[-1]
        for statement in (sa.delete(table), sa.update(table).values({column.name: sample(table)[-1]})):
            with pytest.raises(sa.exc.DBAPIError, match="append-only"), writing(engine) as connection:
                connection.execute(statement)
        with engine.connect() as connection:
            assert connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() == 1


def test_append_only_table_on_postgres_refuses_truncate(postgres_url):
    engine = open_engine(postgres_url)
    upgrade(engine)
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), writing(engine) as connection:
        connection.execute(sa.text("TRUNCATE hub_leaf"))
    engine.dispose()
