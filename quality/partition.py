"""Which partition a delivery is: given with it, or the code-table value most rows carry. A value outside the table never defines one."""

from __future__ import annotations

import duckdb

from catalogs.model import Field, Resource
from quality import scan
from quality.errors import PartitionUndetermined
from quality.scan import Landed
from quality.sql import compose, ident, literal


def determine(connection: duckdb.DuckDBPyConnection, landed: Landed, resource: Resource, given: str | None) -> str:
    """The partition's code; '' for modes without partitions. Raises PartitionUndetermined."""
    if resource.delivery.mode != "partition" or resource.delivery.partition_field is None:
        return ""
    field = resource.field(resource.delivery.partition_field)
    if given is not None:
        return _given(connection, resource, field, given)
    return _most_common(connection, landed, resource, field)


def _given(connection: duckdb.DuckDBPyConnection, resource: Resource, field: Field, given: str) -> str:
    """A code or any spelling of its table."""
    if field.table is None:
        return given.strip()
    query = compose("SELECT code_of({table}, {given})", table=literal(field.table), given=literal(given))
    ((code,),) = connection.execute(query.text).fetchall()
    if code is None:
        raise PartitionUndetermined(
            f"resource {resource.id}: the partition given is not in code table {field.table}: give a code or label of that table"
        )
    return code


def _most_common(connection: duckdb.DuckDBPyConnection, landed: Landed, resource: Resource, field: Field) -> str:
    known = compose("SELECT code FROM code_alias WHERE code_table = {table}", table=literal(field.table))
    query = compose(
        "SELECT {f}, sum(rows) FROM ({values}) {where} GROUP BY ALL ORDER BY 2 DESC, 1 LIMIT 1",
        f=ident(field.name), values=scan.counted(landed, field),
        where=compose("WHERE {f} IN ({known})" if field.table else "WHERE {f} IS NOT NULL", f=ident(field.name), known=known),
    )  # fmt: skip
    found = connection.execute(query.text).fetchall()
    if not found:
        raise PartitionUndetermined(
            f"resource {resource.id}: no row has a known value in {field.name}, so the delivery's partition is unknown: "
            "give it with --partition or in the delivery's manifest"
        )
    return found[0][0]
