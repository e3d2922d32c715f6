"""Tables and views of any database SQLAlchemy speaks to, as a feed of text columns.

- One read transaction; the order of rows is the table's own, so the same content has the same hash.
- Increments re-read the declared lag behind the last watermark (`watermark`), so a late commit is not lost.
- Identifiers come from the catalogue and are quoted by the dialect (T17); values are bound, or rendered from a parsed time.
- PostgreSQL streams by ADBC, MySQL and MariaDB by ConnectorX, SQLite by its own module, the rest by SQLAlchemy (`readers`).
- A driver's own text may carry addresses or values of rows: only its kind and SQLSTATE are told.
"""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import sqlalchemy as sa

from catalogs.model import Resource
from connectors import contract, readers
from connectors.errors import ContractBroken, SourceUnavailable
from connectors.protocol import Feed, Origin, well_formed
from connectors.settings import Connection
from connectors.watermark import Cut, Highest, cut

CONNECT_SECONDS = 10


@contextmanager
def feed(resource: Resource, connection: Connection, *, now: dt.datetime, since: str | None = None) -> Iterator[Feed]:
    """The table as a feed; `since` is the watermark an increment begins at (None: everything)."""
    try:
        url = sa.make_url(connection.url)
    except sa.exc.ArgumentError:
        raise ContractBroken(
            "the connection is not a database URL", source=resource.id, hint="give dialect://user:password@host/database"
        ) from None
    yield _TableFeed(resource, url, now, since)


class _TableFeed:
    def __init__(self, resource: Resource, url: sa.URL, now: dt.datetime, since: str | None):
        options = resource.connector.options
        self.source = str(options["table"])
        self._resource, self._url, self._now = resource, _with_driver(url), now
        schema = options.get("schema")
        self._schema = None if schema is None else str(schema)
        self._types = self._reflect()
        self.columns = list(self._types)
        increment = resource.delivery.mode == "increment"
        self._watermark = contract.watermark_column(resource) if increment else None
        lag = dt.timedelta(minutes=resource.delivery.lag_minutes)
        self._cut = cut(since, lag, source=resource.id) if since is not None and self._watermark else None
        self._highest = Highest(since, now)

    def batches(self) -> Iterator[pa.RecordBatch]:
        table = readers.Table(self.source, self._schema, self._types)
        where: tuple[str, Cut] | None = None if self._cut is None else (str(self._watermark), self._cut)
        line = 1
        with _told(self._resource, self.source):
            for values in readers.for_dialect(self._url)(self._url, table, where):
                batch = well_formed(self.columns, values, line)
                line += batch.num_rows
                if self._watermark is not None:
                    self._highest.see(batch.column(self._watermark))
                yield batch

    def origin(self) -> Origin:
        watermark = None if self._watermark is None else self._highest.watermark()
        return Origin(connector="database", as_of=self._now, watermark=watermark)

    def _reflect(self) -> dict[str, sa.types.TypeEngine]:
        """Column names and types, in the table's order."""
        engine = sa.create_engine(self._url, poolclass=sa.NullPool, connect_args=_connect_args(self._url))
        with _told(self._resource, self.source), warnings.catch_warnings():
            # Types SQLAlchemy does not know are cast to text like all others.
            warnings.simplefilter("ignore", sa.exc.SAWarning)
            found = sa.inspect(engine).get_columns(self.source, schema=self._schema)
        if not found:
            raise ContractBroken("the table has no columns", source=self._resource.id, file=self.source)
        return {one["name"]: one["type"] for one in found}


@contextmanager
def _told(resource: Resource, table: str) -> Iterator[None]:
    """Turns drivers' errors into ours, without their text."""
    try:
        yield
    except sa.exc.NoSuchTableError:
        raise ContractBroken(
            "no such table", source=resource.id, file=table, hint="correct the catalogue, or the provider restores it"
        ) from None
    except readers.driver_errors() as fault:
        origin = getattr(fault, "orig", None) or fault
        state = readers.sqlstate(origin)
        told = f"{type(origin).__name__}" + (f", SQLSTATE {state}" if state else "")
        if readers.is_contract(origin, state):
            raise ContractBroken(
                f"the database refuses the query ({told})",
                source=resource.id,
                file=table,
                hint="table, columns or rights are not what the catalogue says",
            ) from None
        raise SourceUnavailable(
            f"the database cannot be read ({told})",
            source=resource.id,
            file=table,
            hint="check server, network and credentials of the connection",
        ) from None


def _with_driver(url: sa.URL) -> sa.URL:
    """The drivers this project installs; a SQLite file is opened read-only and never made."""
    name = url.get_backend_name()
    if name == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if name in ("mysql", "mariadb"):
        return url.set(drivername="mysql+pymysql")
    if name == "sqlite" and url.database and not url.database.startswith("file:"):
        path = Path(url.database).absolute().as_uri()
        return url.set(database=path, query={**url.query, "mode": "ro", "uri": "true"})
    return url


def _connect_args(url: sa.URL) -> dict[str, object]:
    name = url.get_backend_name()
    return {"connect_timeout": CONNECT_SECONDS} if name in ("postgresql", "mysql") else {}
