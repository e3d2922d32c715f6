"""What a new rule or catalogue version would say about rows that are trusted already. A dry run: nothing is written, nothing withdrawn.

Trusted rows are put back into the shape of a delivery (source text where cleaning changed it, else the value) and go through the same scan.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pyarrow.parquet as pq
import sqlalchemy as sa

from catalogs.model import Catalog, Resource
from connectors.lake import Lake
from quality import changes, clean, publications, scan
from quality.check.rows import Context
from quality.publications import Publication
from quality.rulebook import rulebook
from quality.scan import Landed
from quality.session import session
from quality.sql import Sql, commas, compose, ident, literal, named, trusted

SHANGHAI = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True)
class Recheck:
    """One partition's head under today's row rules."""

    resource: str
    partition: str
    publication: int
    rows: int
    would_reject: int
    failed: Mapping[str, int]
    """Rule id → trusted rows that fail it now."""
    errored: Mapping[str, str]


def recheck(catalog: Catalog, resource_id: str, *, lake: Lake | Path, database: sa.Engine, now: datetime) -> list[Recheck]:
    """Judge the trusted rows of every partition by the catalogue's row rules."""
    with database.connect() as connection:
        found = publications.heads(connection, resource_id)
        catalog = changes.effective(catalog, connection)
    resource = catalog.resources[resource_id]
    with session(lake, catalog) as connection:
        return [_recheck(connection, catalog, resource, head, Lake.of(lake), now) for head in found]


def _recheck(
    connection: duckdb.DuckDBPyConnection, catalog: Catalog, resource: Resource, head: Publication, lake: Lake, now: datetime
) -> Recheck:
    book = rulebook(resource, catalog)
    context = Context(resource, catalog, now.astimezone(SHANGHAI).date(), head.partition or None)
    judged = scan.stage(connection, _as_delivery(resource, lake, lake / head.rows_path), book, context)
    masks = connection.execute("SELECT _failed, count(*) FROM stage GROUP BY ALL").fetchall()
    failed = {rule.id: sum(rows for mask, rows in masks if mask & book.bits[rule.id]) for rule in book.row_rules}
    return Recheck(
        resource=resource.id, partition=head.partition, publication=head.number, rows=sum(rows for _, rows in masks),
        would_reject=sum(rows for mask, rows in masks if mask & book.rejecting), failed=failed, errored=judged.errored,
    )  # fmt: skip


def _as_delivery(resource: Resource, lake: Lake, path: Path) -> Landed:
    """A head file as if it had just landed. A field an older catalogue did not know is absent."""
    with lake.open(path) as file:
        present = set(pq.read_schema(file).names)
    fields = [field for field in resource.fields if field.name in present]
    texts = [
        named(compose("coalesce({src}, {value}::VARCHAR)", src=ident(clean.source_column(field)), value=ident(field.name)), field.source)
        for field in fields
    ]
    own = [
        named(trusted("_origin"), "_source"),
        named(literal(0), "_line"),
        named(trusted("NULL::VARCHAR"), "_raw"),
        trusted("file_row_number"),
    ]
    rows = compose(
        "(SELECT {columns} FROM read_parquet({path}, file_row_number = true))",
        columns=commas([*texts, *own]),
        path=literal(lake.named(path)),
    )
    columns = frozenset({field.source for field in fields} | {"_source", "_line", "_raw"})
    return Landed(lake.named(path), columns, Sql(rows.text))
