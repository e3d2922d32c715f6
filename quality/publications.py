"""What quality has published, for readers: the hub, reference rules, pages. Exactly the signatures of docs/architecture.md.

A publication is a whole head of its resource or partition plus the change set against its parent. Files lie in the lake, paths are
relative to it, and a file counts only because a publication names it.

- `_op` of a change: insert | update | removed | stale | deleted; the last three carry the last trusted row.
- A row may be `_stale` with any of insert, update and stale: something newer about its key was rejected.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import sqlalchemy as sa

from connectors.lake import Lake
from quality.session import spilling
from quality.sql import Sql, compose, literal
from quality.store.tables import outcome, publication


@dataclass(frozen=True)
class Publication:
    seq: int
    resource: str
    number: int
    partition: str
    """'' where the delivery mode has none."""
    parent: int | None
    """Number of the partition's head before this one."""
    batch: str
    content_hash: str
    counts: dict
    """read, trusted, quarantined, superseded, deleted, removed, carried, warned of the batch, and `rows` of the head."""
    as_of: datetime
    """When the source was as the rows say; aware UTC."""
    created_at: datetime
    catalog_version: str
    rows_path: str
    changes_path: str
    """Same as `rows_path` for a first publication: every row is an insert."""
    pushed: bool = False
    """One row an approval system sent (同步签发), not a delivery of the source."""


def pending(connection: sa.Connection, resource_id: str, after_number: int) -> list[Publication]:
    """Publications after a high-water mark, strictly by number."""
    where = (publication.c.resource == resource_id) & (publication.c.number > after_number)
    return _read(connection, sa.select(publication).where(where).order_by(publication.c.number))


def head(connection: sa.Connection, resource_id: str, partition: str) -> Publication | None:
    """The newest publication of a partition ('' where the mode has none)."""
    where = (publication.c.resource == resource_id) & (publication.c.partition == partition)
    found = _read(connection, sa.select(publication).where(where).order_by(publication.c.number.desc()).limit(1))
    return found[0] if found else None


def heads(connection: sa.Connection, resource_id: str) -> list[Publication]:
    """The newest publication of each partition, by partition."""
    newest = sa.select(sa.func.max(publication.c.number)).where(publication.c.resource == resource_id).group_by(publication.c.partition)
    where = (publication.c.resource == resource_id) & publication.c.number.in_(newest)
    return _read(connection, sa.select(publication).where(where).order_by(publication.c.partition))


def numbered(connection: sa.Connection, resource_id: str, number: int) -> Publication | None:
    found = _read(connection, sa.select(publication).where(publication.c.resource == resource_id, publication.c.number == number))
    return found[0] if found else None


def of_batch(connection: sa.Connection, batch: str) -> Publication | None:
    """What came of a batch; None where nothing did."""
    found = _read(connection, sa.select(publication).where(publication.c.batch == batch))
    return found[0] if found else None


def judged_by(connection: sa.Connection, rule: str) -> list[tuple[Publication, str]]:
    """Publications whose batch that rule judged, each with the rule's severity then (reject | warn); by time."""
    query = sa.select(publication, outcome.c.severity).join_from(publication, outcome, outcome.c.batch == publication.c.batch)
    rows = connection.execute(query.where(outcome.c.rule == rule, outcome.c.skipped == 0).order_by(publication.c.seq))
    return [(_publication(row), row.severity) for row in rows]


def deliveries(connection: sa.Connection, *resources: str) -> list[Publication]:
    """The newest delivery of each partition: what says how fresh the source is. A pushed row says that of itself alone."""
    place = (publication.c.resource, publication.c.partition)
    delivered = publication.c.resource.in_(resources) & publication.c.pushed.is_(False)
    last = sa.select(*place, sa.func.max(publication.c.number).label("number")).where(delivered).group_by(*place).subquery()
    same = (publication.c.resource == last.c.resource) & (publication.c.number == last.c.number)
    return _read(connection, sa.select(publication).join(last, same).order_by(*place))


def keys_of_batch(lake: Lake | Path, published: Publication, limit: int | None = None) -> list[str]:
    """Keys whose trusted row came with the publication's own batch; the first `limit` of them."""
    opened = Lake.of(lake)
    query = compose("SELECT _key FROM read_parquet({path}) WHERE _batch = {batch} ORDER BY 1 LIMIT {limit}", limit=literal(limit),
                    path=literal(opened.named(opened / published.rows_path)), batch=literal(published.batch))  # fmt: skip
    with reader(opened) as connection:
        return [key for (key,) in connection.sql(query.text).fetchall()]


def rows_paths(connection: sa.Connection, lake: Lake | Path, resource_id: str) -> list[Path]:
    """Head Parquet files of all partitions."""
    return [lake / one.rows_path for one in heads(connection, resource_id)]


def changes(lake: Lake | Path, published: Publication) -> pa.Table:
    """The change set, ordered by `_key`."""
    with reader(lake) as connection:
        return connection.sql(changes_sql(Lake.of(lake), published).text).to_arrow_table()


def change_batches(lake: Lake | Path, published: Publication, rows: int = 100_000) -> Iterator[pa.RecordBatch]:
    """The change set in pieces, ordered by `_key`, for sets that should not be in memory whole."""
    with reader(lake) as connection:
        yield from connection.sql(changes_sql(Lake.of(lake), published).text).to_arrow_reader(rows)


@contextmanager
def reader(lake: Lake | Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB connection that reads the lake's files by `Lake.named`; what it must spill goes where the lake says."""
    opened = Lake.of(lake)
    with spilling(opened) as folder, duckdb.connect(":memory:") as connection:
        # The zone comes after connecting: as a start option it wants the ICU extension before it is there.
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(compose("SET temp_directory = {folder}", folder=literal(str(folder))).text)
        opened.attach(connection)
        yield connection


def changes_sql(lake: Lake, published: Publication) -> Sql:
    """The change set as a query, for a connection of `reader`."""
    path = literal(lake.named(lake / published.changes_path))
    if published.changes_path == published.rows_path:
        return compose("SELECT *, 'insert' AS _op FROM read_parquet({path}) ORDER BY _key", path=path)
    return compose("SELECT * FROM read_parquet({path}) ORDER BY _key", path=path)


def _read(connection: sa.Connection, query: sa.Select) -> list[Publication]:
    return [_publication(row) for row in connection.execute(query)]


def _publication(row: sa.Row) -> Publication:
    values = {column.name: row._mapping[column] for column in publication.columns}
    return Publication(**(values | {"parent": row.parent or None}))
