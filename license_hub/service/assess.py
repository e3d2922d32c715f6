"""Whether the holders of rows are who their holder bases say: one DuckDB join over the bases' trusted rows.

A holder within a base's coverage must be trusted there under the same name, or the row is held. A holder outside every base's coverage
(another province, a passport) is accepted as 主体未核验.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from catalogs.model import Catalog, Field, Resource
from connectors.lake import Lake
from license_hub.service.recipe import Recipe
from license_hub.service.rows import holder_lines
from quality import publications

SQL = (Path(__file__).parent / "holders.sql").read_text("utf-8")
BARE = "CREATE MACRO bare(text) AS upper(translate(coalesce(text, ''), '（）　 ·•', '()'))"
"""Names without what carries no meaning: both sides were cleaned, by the rules of two different field types."""

_CODE_TYPES = {"citizen_id": "111", "uscc": "001"}
_NAME_TYPES = ("person_name", "org_name")


def assess(connection: sa.Connection, lake: Lake, catalog: Catalog, recipe: Recipe, table: pa.Table) -> tuple[pa.Array, np.ndarray]:
    """For each row of `table` (text rows): why it may not be issued (NULL: it may), and whether its holders are trusted."""
    bases = [catalog.resources[name] for name in recipe.source.holder_base]
    if not bases or not table.num_rows:
        # The row itself is the base.
        return pa.nulls(table.num_rows, pa.string()), np.ones(table.num_rows, bool)
    paths = {base.id: [lake.named(path) for path in publications.rows_paths(connection, lake, base.id)] for base in bases}
    # Personal data stays in memory: no database file, no spilling to disk.
    with duckdb.connect(config={"temp_directory": ""}) as duck:
        lake.attach(duck)
        duck.execute(BARE)
        duck.register("holders", holder_lines(table, recipe))
        duck.register("bases", _bases(bases, paths))
        duck.register("prefixes", _prefixes(bases))
        _trusted(duck, bases, paths)
        found = duck.sql(SQL).to_arrow_table().combine_chunks()
    return found["reason"].combine_chunks(), found["verified"].to_numpy()


def _bases(bases: Sequence[Resource], paths: dict[str, list[str]]) -> pa.Table:
    numbers = [_number(base) for base in bases]
    return pa.table(
        {
            "base": pa.array([base.id for base in bases], pa.string()),
            "code_type": pa.array([_CODE_TYPES[field.type] for field in numbers], pa.string()),
            "published": pa.array([bool(paths[base.id]) for base in bases], pa.bool_()),
        }
    )


def _prefixes(bases: Sequence[Resource]) -> pa.Table:
    pairs = [(base.id, prefix) for base in bases for prefix in base.coverage.divisions]
    return pa.table({"base": pa.array([one for one, _ in pairs], pa.string()), "prefix": pa.array([one for _, one in pairs], pa.string())})


def _trusted(duck: duckdb.DuckDBPyConnection, bases: Sequence[Resource], paths: dict[str, list[str]]) -> None:
    """View `trusted` over the head files of all bases; stale rows are trusted rows."""
    union = None
    for base in bases:
        if not paths[base.id]:
            continue
        columns = (
            duckdb.ConstantExpression(base.id).alias("base"),
            duckdb.ColumnExpression(_number(base).name).alias("number"),
            duckdb.ColumnExpression(_name(base).name).alias("name"),
        )
        rows = duck.read_parquet(paths[base.id]).select(*columns)
        union = rows if union is None else union.union(rows)
    if union is None:
        union = duck.from_arrow(pa.table({name: pa.array([], pa.string()) for name in ("base", "number", "name")}))
    union.create_view("trusted")


def _number(base: Resource) -> Field:
    """The field that identifies the base's subjects: its key. Raises KeyError for a base without one."""
    for name in base.key:
        if base.field(name).type in _CODE_TYPES:
            return base.field(name)
    raise KeyError(f"{base.id}: a holder base needs a citizen_id or uscc key")


def _name(base: Resource) -> Field:
    for field in base.fields:
        if field.type in _NAME_TYPES:
            return field
    raise KeyError(f"{base.id}: a holder base needs a person_name or org_name field")
