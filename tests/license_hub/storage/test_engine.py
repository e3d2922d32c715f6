from __future__ import annotations

import pytest
import sqlalchemy as sa

from license_hub.storage import tables
from license_hub.storage.engine import open_engine, reading


def test_engine_for_another_database_is_refused():
    with pytest.raises(ValueError, match="sqlite or postgresql"):
        open_engine("mysql://localhost/x")


def test_sqlite_has_write_ahead_log_foreign_keys_and_full_sync(tmp_path):
    engine = open_engine(f"sqlite:///{tmp_path}/x.db")
    with engine.connect() as connection:
        found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "foreign_keys", "synchronous")}
    engine.dispose()
    assert found == {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 2}


def test_tile_without_its_attestation_is_refused(engine):
    with pytest.raises(sa.exc.IntegrityError), engine.begin() as connection:
        row = {"attestation_id": "none", "level": 0, "tile_index": 0, "data": b""}
        connection.execute(sa.insert(tables.attestation_tile), [row])


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
