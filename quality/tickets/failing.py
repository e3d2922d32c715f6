"""Every failing row of a batch with every rule it fails, and who answers for it: rejected rows and trusted ones with a warning alike.

Makes temp table `failing(rule, body, division, key, origin, values, place)`; `removed` stands as a rule for keys a delivery no longer has.
`place` is by what a row is known again: its key, or its origin where it has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import sqlalchemy as sa

from catalogs.model import Catalog, Resource
from connectors.lake import Lake
from quality import clean, publications, responsible
from quality.session import fill
from quality.sql import NULL, Sql, commas, compose, ident, literal, literals
from quality.store import tables

REMOVED = "removed"
"""As a rule: keys of the head that the delivery no longer has."""


def stage(
    connection: duckdb.DuckDBPyConnection, database: sa.Engine, lake: Lake, catalog: Catalog, batch: str, rules: Sequence[str]
) -> None:
    """Make `failing` for these rules. Raises KeyError for an unknown batch.

    The connection is a `session`: who answers for a row may need its macros.
    """
    with database.connect() as reading:
        row = reading.execute(sa.select(tables.batch.c.resource, tables.batch.c.report).where(tables.batch.c.batch == batch)).one_or_none()
        published = publications.of_batch(reading, batch)
    if row is None:
        raise KeyError(batch)
    resource = catalog.resources[row.resource]
    wanted = literals(rules)
    parts = [_rejected(lake, lake / row.report["quarantine"], wanted)]
    if published is not None:
        parts.append(_warned(lake, resource, lake / published.rows_path, batch, wanted))
        if REMOVED in rules and published.changes_path != published.rows_path:
            parts.append(_removed(lake, resource, lake / published.changes_path))
    rows = " UNION ALL ".join(part.text for part in parts)
    connection.execute("CREATE OR REPLACE TEMP TABLE said AS " + rows).fetchall()
    found = responsible.found(resource, catalog, connection.execute("SELECT DISTINCT organ, division FROM said").fetchall())
    fill(connection, _BODIES, [(*saying, one.code, one.division) for saying, one in found.items()], 4)
    connection.execute(_FAILING).fetchall()


_BODIES = """CREATE OR REPLACE TEMP TABLE bodies AS
    SELECT unnest($1::VARCHAR[]) AS organ, unnest($2::VARCHAR[]) AS division,
           unnest($3::VARCHAR[]) AS body, unnest($4::VARCHAR[]) AS seat"""

# Of several rows of one key that fail the same rule, the last one delivered stands for the key.
_FAILING = """CREATE OR REPLACE TEMP TABLE failing AS
    SELECT rule, body, arg_max(seat, turn) AS division, arg_max(key, turn) AS key, arg_max(origin, turn) AS origin,
           arg_max("values", turn) AS "values", place
    FROM (SELECT said.*, bodies.body, bodies.seat, coalesce(key, chr(30) || origin) AS place,
                 coalesce(try_cast(regexp_extract(origin, '[0-9]+$') AS BIGINT), 0) AS turn
          FROM said JOIN bodies ON said.organ IS NOT DISTINCT FROM bodies.organ AND said.division IS NOT DISTINCT FROM bodies.division)
    GROUP BY rule, body, place"""


def _rejected(lake: Lake, path: Path, rules: Sql) -> Sql:
    with lake.open(path) as file:
        says = "organ" in pq.read_schema(file).names
    return compose(
        """SELECT * FROM (SELECT unnest(failed_rules) AS rule, key, origin, "values", {organ} AS organ, {division} AS division
           FROM read_parquet({path})) WHERE rule IN ({rules})""",
        organ=ident("organ") if says else compose("{null}::VARCHAR", null=NULL),
        division=ident("division") if says else compose("{null}::VARCHAR", null=NULL),
        path=literal(lake.named(path)), rules=rules,
    )  # fmt: skip


def _warned(lake: Lake, resource: Resource, path: Path, batch: str, rules: Sql) -> Sql:
    return compose(
        """SELECT * FROM (SELECT unnest(_warnings) AS rule, _key AS key, _origin AS origin, {values} AS "values",
                                 ({organ})::VARCHAR AS organ, ({division})::VARCHAR AS division
           FROM read_parquet({path}) WHERE _batch = {batch} AND len(_warnings) > 0) WHERE rule IN ({rules})""",
        path=literal(lake.named(path)), batch=literal(batch), rules=rules, **said_of(resource),
    )  # fmt: skip


def _removed(lake: Lake, resource: Resource, path: Path) -> Sql:
    return compose(
        """SELECT {rule} AS rule, _key AS key, _origin AS origin, {values} AS "values",
                  ({organ})::VARCHAR AS organ, ({division})::VARCHAR AS division
           FROM read_parquet({path}) WHERE _op = 'removed'""",
        rule=literal(REMOVED), path=literal(lake.named(path)), **said_of(resource),
    )  # fmt: skip


def said_of(resource: Resource) -> dict[str, Sql]:
    """Body, division and the source's values of a trusted row."""
    organ, division = responsible.said(resource)
    return {"organ": organ, "division": division, "values": source_values(resource)}


def source_values(resource: Resource) -> Sql:
    """A trusted row as the source said it: JSON by header."""
    pairs = [
        compose("{name} := coalesce({src}, {value}::VARCHAR)",
                name=ident(field.source), src=ident(clean.source_column(field)), value=ident(field.name))
        for field in resource.fields
    ]  # fmt: skip
    return compose("to_json(struct_pack({pairs}))::VARCHAR", pairs=commas(pairs))
