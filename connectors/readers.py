"""How rows come out of each database: batches of text columns, streamed, NULL kept.

Every reader takes (url, table, where) and yields lists of string arrays in the table's column order. Casting to text
happens in SQL, where it is cheap and the server knows its own types; bytes become lower-case hexadecimal digits.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import decimal
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

from connectors.watermark import Cut

ROWS = 50_000
"""Rows fetched at a time where the driver does not decide."""


@dataclass(frozen=True)
class Table:
    name: str
    schema: str | None
    types: Mapping[str, sa.types.TypeEngine]
    """Column name → type, in order."""


Where = tuple[str, Cut] | None
"""Watermark column and where to begin."""
Reader = Callable[[sa.URL, Table, Where], Iterator[list[pa.Array]]]


def for_dialect(url: sa.URL) -> Reader:
    name = url.get_backend_name()
    if name == "mysql" and set(url.query) - {"charset"}:
        # TLS options and sockets are pymysql's; ConnectorX would not know them.
        return by_sqlalchemy
    return {"postgresql": by_adbc, "mysql": by_connectorx, "sqlite": by_sqlite}.get(name, by_sqlalchemy)


def by_adbc(url: sa.URL, table: Table, where: Where) -> Iterator[list[pa.Array]]:
    """PostgreSQL. COPY takes no parameters, so the watermark is bound into a setting of the transaction."""
    from adbc_driver_postgresql import dbapi

    columns = {name: _text(name, kind, sa.Text(), lambda column: sa.func.encode(column, "hex")) for name, kind in table.types.items()}
    since = sa.cast(sa.func.current_setting("hub.since"), table.types[where[0]]) if where else None
    # Arguments of functions are this module's own constants; the base dialect does not double `%` in names.
    statement = _select(table, columns, where, since).compile(
        dialect=postgresql.dialect(paramstyle="numeric_dollar"), compile_kwargs={"literal_binds": True}
    )
    # What the URL says goes first; a server that stops answering is given up after a minute, not after hours.
    patient = url.set(drivername="postgresql", query={**_LIBPQ, **url.query})
    address = patient.render_as_string(hide_password=False)
    with dbapi.connect(address) as connection, connection.cursor() as cursor:
        for setting in _POSTGRES_SETTINGS:
            cursor.execute(setting)
        if where:
            cursor.execute("SELECT set_config('hub.since', $1, true)", parameters=(where[1].text,))
            cursor.fetchall()
        cursor.execute(str(statement))
        with cursor.fetch_record_batch() as stream:
            for batch in stream:
                yield [column.cast(pa.string()) for column in batch.columns]


_LIBPQ = {"connect_timeout": "10", "keepalives_idle": "30", "keepalives_interval": "10", "keepalives_count": "3"}
_POSTGRES_SETTINGS = (
    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
    "SET LOCAL TIME ZONE 'UTC'",
    "SET LOCAL datestyle = 'ISO, YMD'",
    "SET LOCAL intervalstyle = 'iso_8601'",
    # Rows in the table's own order, whatever other readers do: the content hash depends on it.
    "SET LOCAL synchronize_seqscans = off",
    "SET LOCAL max_parallel_workers_per_gather = 0",
)


def by_connectorx(url: sa.URL, table: Table, where: Where) -> Iterator[list[pa.Array]]:
    """MySQL and MariaDB: one statement, which InnoDB answers from one snapshot."""
    import connectorx

    columns = {name: _text(name, kind, sa.CHAR(), lambda column: sa.func.lower(sa.func.hex(column))) for name, kind in table.types.items()}
    since = sa.literal(where[1].value) if where else None
    dialect = mysql.dialect(paramstyle="named")
    statement = _select(table, columns, where, since).compile(dialect=dialect, compile_kwargs={"literal_binds": True})
    address = url.set(drivername="mysql", query={}).render_as_string(hide_password=False)
    for batch in connectorx.read_sql(address, str(statement), return_type="arrow_stream", batch_size=ROWS):
        yield [column.cast(pa.string()) for column in batch.columns]


def by_sqlite(url: sa.URL, table: Table, where: Where) -> Iterator[list[pa.Array]]:
    columns = {name: sa.cast(_column(name), sa.Text) for name in table.types}
    since = None if where is None else sa.bindparam("since")
    statement = _select(table, columns, where, since).compile(dialect=sqlite.dialect(paramstyle="named"))
    value = where and (where[1].value if isinstance(where[1].value, int) else where[1].text)
    with contextlib.closing(sqlite3.connect(f"{url.database}?mode=ro", uri=True)) as connection:
        rows = connection.execute(str(statement), {"since": value} if where else {})
        while part := rows.fetchmany(ROWS):
            yield [pa.array(column, pa.string()) for column in zip(*part, strict=True)]


def by_sqlalchemy(url: sa.URL, table: Table, where: Where) -> Iterator[list[pa.Array]]:
    """Any other database; values become text here."""
    columns = {name: _column(name, kind) for name, kind in table.types.items()}
    since = sa.bindparam("since", where[1].value) if where else None
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        rows = connection.execution_options(stream_results=True, max_row_buffer=ROWS).execute(_select(table, columns, where, since))
        for part in rows.partitions(ROWS):
            yield [pa.array([as_text(value) for value in column], pa.string()) for column in zip(*part, strict=True)]


def as_text(value: object) -> str | None:
    """A driver's value as the databases themselves write it."""
    match value:
        case None | str():
            return value
        case bool():
            return "true" if value else "false"
        case dt.datetime():
            return value.isoformat(sep=" ")
        case dt.date() | dt.time():
            return value.isoformat()
        case decimal.Decimal():
            return format(value, "f")
        case bytes() | bytearray() | memoryview():
            return bytes(value).hex()
        case _:
            return str(value)


def driver_errors() -> tuple[type[BaseException], ...]:
    """Everything the readers' drivers raise: Arrow streams an OSError, ConnectorX a RuntimeError or, midway, a panic."""
    from adbc_driver_manager import Error as AdbcError

    panics = (one for one in BaseException.__subclasses__() if one.__name__ == "PanicException")
    return (sa.exc.SQLAlchemyError, sqlite3.Error, AdbcError, pa.ArrowException, OSError, RuntimeError, *panics)


def sqlstate(fault: BaseException) -> str | None:
    found = getattr(fault, "sqlstate", None)
    return found if isinstance(found, str) and found.strip("\0 ") else None


_MYSQL_CONTRACT = {1054, 1142, 1143, 1146}
"""Unknown column, no right to the table or column, unknown table."""


def is_contract(fault: BaseException, state: str | None) -> bool:
    """A missing table, column or right: asking again does not help."""
    if state is not None and len(state) == 5:
        return state.startswith("42")
    if isinstance(fault, sqlite3.Error):
        return isinstance(fault, sqlite3.OperationalError) and any(part in str(fault) for part in ("no such", "decode to UTF-8"))
    if fault.args and isinstance(fault.args[0], int):
        return fault.args[0] in _MYSQL_CONTRACT
    return any(f"ERROR {number} " in str(fault) for number in _MYSQL_CONTRACT)


def _column(name: str, kind: sa.types.TypeEngine | None = None) -> sa.ColumnElement:
    """A column whose name is quoted always: it is data of the source."""
    return sa.column(sa.sql.quoted_name(name, True), kind)


def _text(
    name: str, kind: sa.types.TypeEngine, text: sa.types.TypeEngine, digits: Callable[[sa.ColumnElement], sa.ColumnElement]
) -> sa.ColumnElement:
    """The column as text; bytes as hexadecimal digits."""
    return digits(_column(name)) if isinstance(kind, sa.types._Binary) else sa.cast(_column(name), text)


def _select(table: Table, columns: Mapping[str, sa.ColumnElement], where: Where, since: sa.ColumnElement | None) -> sa.Select:
    """SELECT of the columns under their names, from the watermark on."""
    schema = None if table.schema is None else sa.sql.quoted_name(table.schema, True)
    source = sa.table(sa.sql.quoted_name(table.name, True), schema=schema)
    labelled = (column.label(sa.sql.quoted_name(name, True)) for name, column in columns.items())
    statement = sa.select(*labelled).select_from(source)
    return statement if where is None else statement.where(_column(where[0], table.types[where[0]]) >= since)
