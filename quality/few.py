"""Columns with few distinct values: cleaned and judged once a value, and kept in the scan as short codes instead of text.

- A column counts as such if its type says so (code tables, divisions) or the landed Parquet file stores it as short dictionary codes.
- Table `few_<n>`: one line a distinct source text: cleaned columns, the source text to keep, findings of the column's rules.
- In a large batch the text columns are packed as ENUM (one or two bytes a row): the scan's table is what bounds memory.
"""

from __future__ import annotations

import duckdb

from catalogs.model import Field, Resource
from quality import clean
from quality.check.rows import shape_columns
from quality.sql import Sql, commas, compose, ident, joined, literal, named, trusted

FEW_BYTES = 3.0
"""A column stored in fewer bytes a value than this repeats few values."""
PACKED_FROM = 200_000
"""Rows from which packing pays; it costs a few milliseconds a column."""
MOST_PACKED = 50_000
"""Distinct values up to which a column is packed."""

_WIDTHS = """SELECT path_in_schema, sum(total_uncompressed_size) / greatest(sum(num_values), 1), sum(num_values)
    FROM parquet_metadata({path}) GROUP BY ALL"""


def choose(connection: duckdb.DuckDBPyConnection, path: str, present: frozenset[str], resource: Resource) -> tuple[list[Field], int]:
    """The resource's few-valued fields in a landed file, and the file's rows."""
    found = connection.execute(compose(_WIDTHS, path=literal(path)).text).fetchall()
    width = {field.source: 0.0 for field in resource.fields if field.source not in present} | {name: bytes_ for name, bytes_, _ in found}
    fields = [field for field in resource.fields if field.type in clean.ALWAYS_FEW or width.get(field.source, FEW_BYTES + 1) <= FEW_BYTES]
    return fields, max((rows for *_, rows in found), default=0)


def table(number: int) -> Sql:
    return ident("few_" + str(number))


def carried(field: Field) -> tuple[str, ...]:
    """Columns the scan goes on with; rules over several fields need the shape of a number too."""
    return (*clean.value_columns(field), clean.source_column(field), *shape_columns(field))


def packed_column(name: str) -> str:
    return name + "__packed"


def pack(connection: duckdb.DuckDBPyConnection, number: int, field: Field) -> list[str]:
    """Give the table's text columns a packed twin; returns their names, none where there are too many values."""
    here = table(number)
    ((values,),) = connection.execute(compose("SELECT count(*) FROM {table}", table=here).text).fetchall()
    if values > MOST_PACKED:
        return []
    names = [name for name in (*clean.value_columns(field), clean.source_column(field)) if _is_text(name, field)]
    twins = []
    for name in names:
        kind = ident("few_" + str(number) + "_" + name)
        connection.execute(compose(_TYPE, kind=kind, name=ident(name), table=here).text).fetchall()
        twins.append(named(compose("{name}::{kind}", name=ident(name), kind=kind), packed_column(name)))
    query = compose("CREATE OR REPLACE TEMP TABLE {table} AS SELECT *, {twins} FROM {table}", table=here, twins=commas(twins))
    connection.execute(query.text).fetchall()
    return names


# An ENUM needs one value at least.
_TYPE = """CREATE OR REPLACE TEMP TYPE {kind} AS ENUM (SELECT '' UNION SELECT {name} FROM {table} WHERE {name} IS NOT NULL)"""


def _is_text(name: str, field: Field) -> bool:
    return name != field.name or clean.sql_type(field).text == "VARCHAR"


def columns(number: int, field: Field, packed: list[str]) -> list[Sql]:
    """What the scan selects of a few-valued field: cleaned columns, packed twins, findings."""
    names = [*carried(field), *(packed_column(name) for name in packed)]
    found = [compose("{table}.{name}", table=table(number), name=ident(name)) for name in names]
    masks = [compose("{table}.{mask}", table=table(number), mask=trusted(mask)) for mask in ("failed", "undefined")]
    return [*found, named(masks[0], "failed_" + str(number)), named(masks[1], "undefined_" + str(number))]


def join(number: int, source: Sql, raw: Sql) -> Sql:
    return compose("LEFT JOIN {table} ON {x} IS NOT DISTINCT FROM {table}.{raw}", table=table(number), x=source, raw=raw)


def total(mask: str, own: Sql, count: int) -> Sql:
    """Findings of the scan's own rules and of all few-valued fields."""
    return joined(" + ", [own, *(ident(mask + "_" + str(number)) for number in range(count))])
