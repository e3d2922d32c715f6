"""What a judged batch makes of its partition's head: the change set, the new head, and both as files.

- first publication: the trusted rows; every one an insert, so one file serves as head and change set
- snapshot, partition: trusted rows; a head key that is missing is `removed` (reported, never revoked here); a head key whose new row is in
  quarantine keeps its last trusted row, `_stale`
- a row pushed after a delivery was cut stays as it is: the delivery could not know of it
- increment: the head with trusted rows put over it; keys of winning D rows are `deleted`; all others carried
- a head row that is stale already makes no further change; a key that is well again is an `update`, also with equal content

Every head row is either trusted in this batch or carried: rows = trusted + carried.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from catalogs.model import Resource
from quality import clean
from quality.duplicates import content_columns, content_of, key_of
from quality.sql import Sql, commas, compose, ident, literal, literals, named, trusted

_OWN = {"_key": "VARCHAR", "_origin": "VARCHAR", "_batch": "VARCHAR", "_stale": "BOOLEAN", "_warnings": "VARCHAR[]"}
_FORMAT = "(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"
"""Level 1 takes a tenth less time than the default and makes files of the same size here."""


@dataclass(frozen=True)
class Difference:
    """The batch against the head."""

    removed: int
    gone: int
    """Head keys removed or deleted."""
    carried: int


def columns_of(resource: Resource) -> dict[str, Sql]:
    """Columns of a head file and their types."""
    found: dict[str, Sql] = {}
    for field in resource.fields:
        found[field.name] = clean.sql_type(field)
        if field.type == "money":
            found[clean.currency_column(field)] = trusted("VARCHAR")
    for field in resource.fields:
        found[clean.source_column(field)] = trusted("VARCHAR")
    return found | {name: trusted(kind) for name, kind in _OWN.items()}


def fresh_rows(resource: Resource, batch: str) -> Sql:
    """The batch's trusted rows as head rows. Needs `judged` and `rule_names`."""
    own = {"_key": key_of(resource), "_origin": trusted("_source || ':' || _line"), "_batch": literal(batch), "_stale": trusted("stale"),
           "_warnings": trusted("rule_names.rules")}  # fmt: skip
    columns = [named(own.get(name, ident(name)), name) for name in columns_of(resource)]
    return compose(
        "SELECT {columns} FROM judged JOIN rule_names ON rule_names.mask = judged.failed WHERE judged.fate = 'trusted'",
        columns=commas(columns),
    )


def head_rows(connection: duckdb.DuckDBPyConnection, resource: Resource, name: str) -> Sql:
    """The head's rows under today's columns: one an older catalogue did not have is NULL, another type is cast where it can be."""
    file = compose("read_parquet({path})", path=literal(name))
    present = {name for name, *_ in connection.execute(compose("DESCRIBE SELECT * FROM {file}", file=file).text).fetchall()}
    columns = [
        named(compose("try_cast({name} AS {kind})" if name in present else "NULL::{kind}", name=ident(name), kind=kind), name)
        for name, kind in columns_of(resource).items()
    ]
    return compose("SELECT {columns} FROM {file}", columns=commas(columns), file=file)


def compare(
    connection: duckdb.DuckDBPyConnection, resource: Resource, head: Sql | None, *, whole: bool, newer: Sequence[str] = ()
) -> Difference:
    """Make table `difference(_key, op, fresh)` and, with a head, view `carried`: head rows that stay, `_stale` where they must be.

    `whole`: the delivery is all of its resource or partition, so that a head key without a row is `removed`. `newer`: batches of rows
    pushed after the delivery was cut: it can say nothing of them.
    """
    if head is None:
        return Difference(0, 0, 0)
    places = {
        "key": key_of(resource), "content": content_of(resource), "head": head, "whole": literal(whole), "newer": _among(newer),
        "content_past": compose("hash({columns})", columns=commas(ident(name) for name in content_columns(resource))),
    }  # fmt: skip
    for statement in (_LEFT, _DIFFERENCE, _CARRIED):
        connection.execute(compose(statement, **places).text).fetchall()
    ((removed, gone),) = connection.execute(
        "SELECT count(*) FILTER (WHERE op = 'removed'), count(*) FILTER (WHERE op IN ('removed', 'deleted')) FROM difference"
    ).fetchall()
    ((carried,),) = connection.execute("SELECT count(*) FROM carried").fetchall()
    return Difference(removed, gone, carried)


# Keys that stand in the batch without a trusted row: deleted by the source, or only in quarantine.
_LEFT = """CREATE OR REPLACE TEMP TABLE left_over AS
    SELECT ({key}) AS _key, bool_or(fate = 'deleted') AS deleted FROM judged
    WHERE fate IN ('deleted', 'quarantined') AND ({key}) IS NOT NULL
    GROUP BY ALL"""

_DIFFERENCE = """CREATE OR REPLACE TEMP TABLE difference AS
    SELECT * FROM (
        SELECT coalesce(fresh._key, past._key) AS _key, fresh._key IS NOT NULL AS fresh,
               CASE WHEN past._key IS NULL THEN 'insert'
                    WHEN fresh._key IS NOT NULL THEN
                        CASE WHEN fresh.content <> past.content OR (past._stale AND NOT fresh.stale) THEN 'update'
                             WHEN fresh.stale AND NOT past._stale THEN 'stale' END
                    WHEN past.newer THEN NULL
                    WHEN left_over.deleted THEN 'deleted'
                    WHEN left_over._key IS NOT NULL THEN CASE WHEN NOT past._stale THEN 'stale' END
                    WHEN {whole} THEN 'removed' END AS op
        FROM (SELECT ({key}) AS _key, {content} AS content, stale FROM judged WHERE fate = 'trusted') AS fresh
        FULL JOIN (SELECT _key, {content_past} AS content, _stale, {newer} AS newer FROM ({head})) AS past ON past._key = fresh._key
        LEFT JOIN left_over ON left_over._key = past._key)
    WHERE op IS NOT NULL"""

_CARRIED = """CREATE OR REPLACE TEMP VIEW carried AS
    SELECT past.* EXCLUDE (newer) REPLACE (past._stale OR (left_over._key IS NOT NULL AND NOT past.newer) AS _stale)
    FROM (SELECT *, {newer} AS newer FROM ({head})) AS past LEFT JOIN left_over ON left_over._key = past._key
    WHERE (NOT {whole} OR past.newer OR left_over._key IS NOT NULL) AND (past.newer OR NOT coalesce(left_over.deleted, FALSE))
      AND past._key NOT IN (SELECT ({key}) FROM judged WHERE fate = 'trusted')"""


def _among(batches: Sequence[str]) -> Sql:
    """Whether a head row came with one of these batches."""
    return compose("coalesce(_batch IN ({batches}), FALSE)", batches=literals(batches)) if batches else trusted("FALSE")


_CHANGES = """COPY (
    SELECT new.*, difference.op AS _op FROM ({fresh}) AS new JOIN difference ON difference.fresh AND difference._key = new._key
    UNION ALL BY NAME
    SELECT past.* REPLACE (past._stale OR difference.op = 'stale' AS _stale), difference.op AS _op
    FROM ({head}) AS past JOIN difference ON NOT difference.fresh AND difference._key = past._key
    ORDER BY _key
) TO {path} """


def write_rows(connection: duckdb.DuckDBPyConnection, resource: Resource, batch: str, head: Sql | None, name: str) -> None:
    """Write the new head into the file DuckDB knows by that name (`Lake.named`), as do the others."""
    fresh = fresh_rows(resource, batch)
    rows = fresh if head is None else compose("{fresh} UNION ALL BY NAME SELECT * FROM carried", fresh=fresh)
    connection.execute(compose("COPY ({rows}) TO {path} {format}", rows=rows, path=literal(name), format=trusted(_FORMAT)).text).fetchall()


def write_superseded(connection: duckdb.DuckDBPyConnection, resource: Resource, name: str) -> None:
    """Write which rows lost to which row of their key, and why: origin, key, lost_to (NULL = the head's row), reason."""
    statement = compose(_SUPERSEDED, key=key_of(resource), path=literal(name), format=trusted(_FORMAT))
    connection.execute(statement.text).fetchall()


_SUPERSEDED = """COPY (
    SELECT lost.origin, lost.key, winner._source || ':' || winner._line AS lost_to, lost.reason
    FROM (SELECT _row, _source || ':' || _line AS origin, {key} AS key, lost_to, reason FROM judged WHERE fate = 'superseded') AS lost
    LEFT JOIN stage AS winner ON winner._row = lost.lost_to
    ORDER BY lost._row
) TO {path} {format}"""


def write_changes(connection: duckdb.DuckDBPyConnection, resource: Resource, batch: str, head: Sql, name: str) -> None:
    """Write the change set, ordered by key."""
    places = {"fresh": fresh_rows(resource, batch), "head": head, "path": literal(name)}
    connection.execute(compose(_CHANGES, **places).text + _FORMAT).fetchall()
