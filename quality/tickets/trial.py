"""A handful of rows as the source would say them, cleaned and judged by one rule: before a person is told, or a value is taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from catalogs.model import Resource, Rule
from quality.check.rows import Context, compile_rule
from quality.scan import Landed, cleaned
from quality.sql import Sql, commas, compose, ident, literal, named

Said = Mapping[str, str | None]
"""Source column → text."""


def values(connection: duckdb.DuckDBPyConnection, resource: Resource, rows: Sequence[tuple[int, Said]]) -> dict[int, dict[str, str | None]]:
    """Row → field → cleaned value as text. The connection is a `session`."""
    _lay(connection, resource, rows)
    columns = commas(compose("{f}::VARCHAR", f=ident(one.name)) for one in resource.fields)
    query = compose("SELECT _row, {columns} FROM ({rows})", columns=columns, rows=cleaned(_as_landed(resource), resource))
    names = [one.name for one in resource.fields]
    return {row: dict(zip(names, found, strict=True)) for row, *found in connection.execute(query.text).fetchall()}


def accepted(connection: duckdb.DuckDBPyConnection, context: Context, rule: Rule, rows: Sequence[tuple[int, Said]]) -> set[int]:
    """Rows a row rule does not fail."""
    _lay(connection, context.resource, rows)
    judged = compose(
        "SELECT _row FROM (SELECT _row, {verdict} FROM ({rows})) WHERE coalesce(accepted, TRUE)",
        verdict=named(compile_rule(rule, context), "accepted"), rows=cleaned(_as_landed(context.resource), context.resource),
    )  # fmt: skip
    return {row for (row,) in connection.execute(judged.text).fetchall()}


def _lay(connection: duckdb.DuckDBPyConnection, resource: Resource, rows: Sequence[tuple[int, Said]]) -> None:
    """Temp table `page`: source columns by header, as a landed file has them."""
    lines = [(number, *(said.get(one.source) for one in resource.fields)) for number, said in rows]
    columns = [
        compose("unnest(${at}::VARCHAR[]) AS {header}", at=literal(at), header=ident(one.source))
        for at, one in enumerate(resource.fields, 2)
    ]
    create = compose(_PAGE, columns=commas(columns))
    connection.execute(create.text, [[line[at] for line in lines] for at in range(len(columns) + 1)]).fetchall()


_PAGE = """CREATE OR REPLACE TEMP TABLE page AS
    SELECT unnest($1::BIGINT[]) AS file_row_number, {columns}, NULL::VARCHAR AS _raw, ''::VARCHAR AS _source, 0::BIGINT AS _line"""


def _as_landed(resource: Resource) -> Landed:
    return Landed("", frozenset({one.source for one in resource.fields} | {"_source", "_line", "_raw"}), Sql("page"))
