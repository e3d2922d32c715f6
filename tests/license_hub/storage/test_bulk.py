from __future__ import annotations

import pyarrow as pa
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from license_hub.storage import bulk, tables
from license_hub.storage.engine import reading, writing

TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)
EMPTY = {"entry": pa.array([], pa.int64()), "leaf": pa.array([], pa.binary()), "leaf_hash": pa.array([], pa.binary())}
AUDIT = st.tuples(
    TEXT,
    TEXT,
    TEXT,
    TEXT,
    st.none() | st.integers(-(2**62), 2**62),
    st.none() | st.binary(max_size=40),
    st.none() | TEXT,
    TEXT,
    st.none() | TEXT,
    st.none() | TEXT,
    st.none() | st.integers(0, 2**62),
    st.none() | st.integers(0, 255),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(rows=st.lists(AUDIT, max_size=8))
def test_rows_of_any_content_come_back_as_they_went_in(engine, rows):
    with reading(engine) as connection:
        before = connection.execute(sa.select(sa.func.max(tables.audit.c.seq))).scalar() or 0
    with writing(engine) as connection:
        assert bulk.insert(connection, tables.audit, rows) == len(rows)
    with reading(engine) as connection:
        query = sa.select(*bulk.columns(tables.audit)).where(tables.audit.c.seq > before).order_by(tables.audit.c.seq)
        assert [tuple(row) for row in connection.execute(query)] == rows


def test_rows_of_every_column_type_come_back(engine):
    row = (
        1,
        1,
        "001",
        "id",
        "food_permit",
        b"\x00" * 32,
        b"p\xff",
        b"",
        "leaf",
        1,
        "att",
        0,
        None,
        "2029-01-01",
        "IN_FORCE",
        "B",
        False,
        "a",
        "b",
        None,
    )
    with writing(engine) as connection:
        bulk.insert(connection, tables.version, [row])
        bulk.insert(connection, tables.holder, [(1, 0, b"h"), (1, 1, b"i")])
    with reading(engine) as connection:
        assert tuple(connection.execute(sa.select(tables.version)).one()) == row
        assert connection.execute(sa.select(tables.holder.c.position).order_by(tables.holder.c.position)).scalars().all() == [0, 1]


def test_rows_loaded_in_a_transaction_that_fails_leave_nothing(engine):
    with pytest.raises(RuntimeError), writing(engine) as connection:
        bulk.insert(connection, tables.leaf, [(0, b"leaf", b"hash")])
        raise RuntimeError
    with reading(engine) as connection:
        assert connection.execute(sa.select(tables.leaf)).all() == []


def test_block_of_no_rows_loads_nothing(engine):
    with writing(engine) as connection:
        assert bulk.load(connection, [bulk.block(tables.leaf, EMPTY, 0, connection.dialect.name)]) == 0


def test_block_with_plain_values_repeats_them_in_every_row(engine):
    values = {"entry": pa.array([0, 1]), "leaf": b"leaf", "leaf_hash": pa.array([b"a", b"b"])}
    with writing(engine) as connection:
        assert bulk.load(connection, [bulk.block(tables.leaf, values, 2, connection.dialect.name)]) == 2
    with reading(engine) as connection:
        found = connection.execute(sa.select(tables.leaf).order_by(tables.leaf.c.entry)).all()
        assert [tuple(row) for row in found] == [(0, b"leaf", b"a"), (1, b"leaf", b"b")]


def test_block_without_a_column_is_refused():
    with pytest.raises(KeyError):
        bulk.block(tables.leaf, {"entry": pa.array([0])}, 1, "postgresql")
