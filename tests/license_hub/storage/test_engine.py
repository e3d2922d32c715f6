from __future__ import annotations

import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from license_hub.storage import tables
from license_hub.storage.engine import answering, open_engine, reading, whole, writing


def test_engine_for_another_database_is_refused():
    with pytest.raises(ValueError, match="sqlite or postgresql"):
        open_engine("mysql://localhost/x")


def test_sqlite_has_write_ahead_log_foreign_keys_and_full_sync(tmp_path):
    engine = open_engine(f"sqlite:///{tmp_path}/x.db")
    with engine.connect() as connection:
        found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "foreign_keys", "synchronous")}
    engine.dispose()
    assert found == {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 2}


def test_sqlite_opened_while_another_process_makes_it_waits_for_it(tmp_path):
    maker = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    maker.execute("BEGIN IMMEDIATE")
    engine = open_engine(f"sqlite:///{tmp_path}/x.db")
    with ThreadPoolExecutor(1) as thread:
        opened = thread.submit(lambda: engine.connect().close())
        time.sleep(0.3)
        maker.execute("COMMIT")
        opened.result(30)
    engine.dispose()
    maker.close()


def test_tile_without_its_attestation_is_refused(engine):
    with pytest.raises(sa.exc.IntegrityError), engine.begin() as connection:
        row = {"attestation_id": "none", "level": 0, "tile_index": 0, "data": b""}
        connection.execute(sa.insert(tables.attestation_tile), [row])


TAKE = sa.update(tables.sequence).where(tables.sequence.c.name == "log").values(next=tables.sequence.c.next + 1)
TAKEN = sa.select(tables.sequence.c.next).where(tables.sequence.c.name == "log")


def test_statement_of_an_answer_holds_no_lock_after_it_and_several_in_whole_are_one(engine):
    with pytest.raises(ZeroDivisionError), answering(engine) as connection:
        connection.execute(TAKE)
        if engine.dialect.name == "postgresql":
            with engine.begin() as other:
                # Would wait for ever.
                other.execute(TAKE)
        with whole(connection):
            connection.execute(TAKE)
            raise ZeroDivisionError
    with answering(engine) as connection:
        assert connection.execute(TAKEN).scalar_one() == (2 if engine.dialect.name == "postgresql" else 0)
        with whole(connection), whole(connection):
            connection.execute(TAKE)
            connection.execute(TAKE)
    with reading(engine) as connection:
        assert connection.execute(TAKEN).scalar_one() == (4 if engine.dialect.name == "postgresql" else 2)
    with writing(engine) as connection, whole(connection):
        connection.execute(TAKE)


@pytest.mark.parametrize("idle", [True, False])
def test_connection_the_database_closed_is_noticed_before_its_use_where_it_was_idle(migrated_postgres_url, idle, monkeypatch):
    if idle:
        monkeypatch.setattr("license_hub.storage.engine.TRUSTED_S", -1.0)
    used, other = open_engine(migrated_postgres_url), sa.create_engine(migrated_postgres_url)
    with reading(used) as connection:
        pid = connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
    with other.connect() as connection:
        connection.execute(sa.text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
    if not idle:
        with pytest.raises(sa.exc.OperationalError), reading(used) as connection:
            connection.execute(TAKEN)
    with reading(used) as connection:
        assert connection.execute(TAKEN).scalar_one() == 0
    used.dispose()
    other.dispose()


def test_reader_sees_one_state_while_a_writer_commits(engine):
    query = sa.select(tables.sequence.c.next).where(tables.sequence.c.name == "log")
    with reading(engine) as reader:
        before = reader.execute(query).scalar_one()
        with engine.connect() as other, other.begin():
            other.execute(sa.update(tables.sequence).where(tables.sequence.c.name == "log").values(next=9))
        if engine.dialect.name == "sqlite":
            assert reader.execute(query).scalar_one() == before
    with reading(engine) as reader:
        assert reader.execute(query).scalar_one() == 9
