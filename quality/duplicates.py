"""Which row of a key counts, when a batch has several. Works on the few keys that occur twice, never on the whole batch.

- Order: the resource's order field (empty = oldest), then the row's place in the delivery. The last row wins.
- Only rows that pass every reject rule compete. If a *rejected* row comes after the winner, the winner is published `_stale`: what we
  know of the key is not the newest. So a bad row never hides a good one, and its trace is in quarantine and in the flag.
- A row that loses is superseded: `identical` (same cleaned content), `older` (lower order), or `conflict` (equal order, other content:
  the later line wins, and `conflicting_duplicate` fails for the winner).
- A winner with operation D deletes the key; operations are not part of the content.
- An increment that is read again for its lag may bring rows older than the head's: see `behind_head`.

Makes tables `superseded(_row, lost_to, reason)` and `marked(_row, stale, conflict)`. Reads `stage` and `late`.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from catalogs.model import Resource
from quality import clean
from quality.rulebook import Rulebook, operation_fields
from quality.sql import NULL, Sql, commas, compose, ident, joined, literal, literals

SEPARATOR = "\x1f"
"""Between the values of a compound key."""


def key_of(resource: Resource) -> Sql:
    """The key of a row, NULL where a part is empty."""
    parts = [compose("{part}::VARCHAR", part=ident(name)) for name in resource.key]
    return joined(" || chr(31) || ", parts) if len(parts) > 1 else ident(resource.key[0])


def content_columns(resource: Resource) -> list[str]:
    """Value columns that make the content of a row: all but the operation."""
    operations = {field.name for field in operation_fields(resource)}
    return [name for field in resource.fields if field.name not in operations for name in clean.value_columns(field)]


def content_of(resource: Resource) -> Sql:
    """64-bit hash of a row's cleaned content, compared only between rows of one key."""
    return compose("hash({columns})", columns=commas(ident(name) for name in content_columns(resource)))


def order_of(resource: Resource) -> Sql:
    return ident(resource.order_by) if resource.order_by else NULL


def settle(connection: duckdb.DuckDBPyConnection, book: Rulebook) -> None:
    """Judge the keys that occur more than once."""
    places = {
        "key": key_of(book.resource), "order": order_of(book.resource), "content": content_of(book.resource),
        "rejecting": literal(book.rejecting),
    }  # fmt: skip
    for statement in (_TWINS, _CONTESTED, _SUPERSEDED, _MARKED):
        connection.execute(compose(statement, **places).text).fetchall()


# Rows of a hash that occurs twice; two keys of one hash are told apart later.
_TWINS = """CREATE OR REPLACE TEMP TABLE twins AS
    SELECT hash({key}) AS twin FROM stage WHERE ({key}) IS NOT NULL GROUP BY ALL HAVING count(*) > 1"""

_CONTESTED = """CREATE OR REPLACE TEMP TABLE contested AS
    SELECT key, _row, place, content, _op, ((_failed | coalesce(late.mask, 0)) & {rejecting}) <> 0 AS rejected,
           row_number() OVER (PARTITION BY key ORDER BY place NULLS FIRST, _row) AS turn
    FROM (SELECT ({key}) AS key, _row, {order} AS place, {content} AS content, _op, _failed
          FROM stage SEMI JOIN twins ON twins.twin = hash({key})) LEFT JOIN late USING (_row)"""

_SUPERSEDED = """CREATE OR REPLACE TEMP TABLE superseded AS
    WITH winners AS (SELECT key, arg_max(_row, turn) AS lost_to, max(turn) AS turn FROM contested WHERE NOT rejected GROUP BY key)
    SELECT loser._row, winners.lost_to,
           CASE WHEN loser.content = winner.content AND (loser._op = 'D') = (winner._op = 'D') THEN 'identical'
                WHEN loser.place IS DISTINCT FROM winner.place THEN 'older'
                ELSE 'conflict' END AS reason
    FROM contested AS loser JOIN winners USING (key) JOIN contested AS winner ON winner._row = winners.lost_to
    WHERE NOT loser.rejected AND loser._row <> winners.lost_to"""

_MARKED = """CREATE OR REPLACE TEMP TABLE marked AS
    WITH winners AS (SELECT key, arg_max(_row, turn) AS _row, max(turn) AS turn FROM contested WHERE NOT rejected GROUP BY key)
    SELECT winners._row,
           coalesce(bool_or(other.rejected AND other.turn > winners.turn), FALSE) AS stale,
           coalesce(bool_or(superseded.reason = 'conflict'), FALSE) AS conflict
    FROM winners JOIN contested AS other USING (key) LEFT JOIN superseded ON superseded._row = other._row
    GROUP BY winners._row"""


def behind_head(connection: duckdb.DuckDBPyConnection, resource: Resource, head_rows: Sql) -> int:
    """Supersede rows of an increment that are older by watermark than the head's row of their key; returns how many.

    Only where the order field is the watermark: a corrected business date may well be earlier than the wrong one.
    """
    if resource.order_by is None or resource.order_by != resource.watermark:
        return 0
    places = {"key": key_of(resource), "order": order_of(resource), "head": head_rows}
    # The comparison may be made again against a newer head.
    connection.execute("DELETE FROM superseded WHERE reason = 'older than head'").fetchall()
    return len(connection.execute(compose(_BEHIND, **places).text).fetchall())


def behind_pushed(connection: duckdb.DuckDBPyConnection, resource: Resource, head_rows: Sql, newer: Sequence[str]) -> None:
    """Supersede rows of a delivery whose key was pushed after it was cut."""
    connection.execute("DELETE FROM superseded WHERE reason = 'older than pushed'").fetchall()
    if newer:
        places = {"key": key_of(resource), "head": head_rows, "newer": literals(newer)}
        connection.execute(compose(_BEHIND_PUSHED, **places).text).fetchall()


_BEHIND_PUSHED = """INSERT INTO superseded
    SELECT stage._row, NULL, 'older than pushed'
    FROM (SELECT *, ({key}) AS _own_key FROM stage) AS stage JOIN ({head}) AS head ON head._key = stage._own_key
    WHERE head._batch IN ({newer}) AND stage._row IN (SELECT _row FROM judged WHERE fate IN ('trusted', 'deleted'))"""

_BEHIND = """INSERT INTO superseded
    SELECT stage._row, NULL, 'older than head'
    FROM (SELECT *, ({key}) AS _own_key FROM stage) AS stage JOIN ({head}) AS head ON head._key = stage._own_key
    WHERE stage.{order} < head.{order} AND stage._row IN (SELECT _row FROM judged WHERE fate IN ('trusted', 'deleted'))
    RETURNING _row"""
