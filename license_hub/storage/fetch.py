"""A query's rows as columns. PostgreSQL itself puts each column together: one value for thousands of rows, not a Python object a cell."""

from __future__ import annotations

from itertools import repeat

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from license_hub.storage.engine import is_postgres

_NOTHING = sa.literal(b"", sa.LargeBinary)


def fetch_columns(connection: sa.Connection, query: sa.Select) -> pa.Table:
    """Under the names the query selects, in its order. For some thousands of rows: a column comes as one value of at most 1 GiB."""
    if is_postgres(connection):
        return _aggregated(connection, query)
    rows = connection.execute(query).all()
    listed = zip(*rows, strict=True) if rows else repeat(())
    return pa.table({one.name: pa.array(values, _arrow(one.type)) for one, values in zip(query.selected_columns, listed, strict=False)})


def _aggregated(connection: sa.Connection, query: sa.Select) -> pa.Table:
    """Aggregates take the rows in the order of the sub-query: nothing else in the statement orders them."""
    rows = query.subquery()
    parts = [part for column in rows.columns for part in _parts(column)]
    made = sa.select(*(sa.func.coalesce(sa.func.string_agg(one, _NOTHING), _NOTHING) for one in parts))
    compiled = made.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
    with connection.connection.cursor(binary=True) as cursor:
        cursor.execute(str(compiled), compiled.params)
        cells = iter(cursor.fetchone())
    return pa.table({column.name: _column(column.type, next(cells), next(cells)) for column in rows.columns})


def _parts(column: sa.ColumnElement) -> tuple[sa.ColumnElement, sa.ColumnElement]:
    """(each value's length in bytes, -1 for NULL; the values themselves), in the form the server sends values in."""
    sent = column
    if not isinstance(column.type, sa.LargeBinary):
        sent = getattr(sa.func, _SENDERS[_arrow(column.type)])(column, type_=sa.LargeBinary)
    return sa.func.int4send(sa.func.coalesce(sa.func.octet_length(sent), -1)), sent


def _column(kind: sa.types.TypeEngine, lengths: bytes, data: bytes) -> pa.Array:
    length, arrow = np.frombuffer(lengths, ">i4"), _arrow(kind)
    valid = length >= 0
    if arrow in _NUMBERS:
        values = np.zeros(len(length), _NUMBERS[arrow])
        values[valid] = np.frombuffer(data, _NUMBERS[arrow])
        return pc.cast(pa.array(values.astype(np.int64), mask=~valid), arrow)
    offsets = np.zeros(len(length) + 1, np.int32)
    np.cumsum(np.maximum(length, 0), out=offsets[1:])
    present = None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.Array.from_buffers(arrow, len(length), [present, pa.py_buffer(offsets), pa.py_buffer(data)])


def _arrow(kind: sa.types.TypeEngine) -> pa.DataType:
    found = [
        (sa.Boolean, pa.bool_()),
        (sa.SmallInteger, pa.int16()),
        (sa.Integer, pa.int64()),
        (sa.LargeBinary, pa.binary()),
        (sa.Text, pa.string()),
    ]
    return next(arrow for known, arrow in found if isinstance(kind, known))


_SENDERS = {pa.bool_(): "boolsend", pa.int16(): "int2send", pa.int64(): "int8send", pa.string(): "textsend"}
_NUMBERS = {pa.bool_(): "i1", pa.int16(): ">i2", pa.int64(): ">i8"}
