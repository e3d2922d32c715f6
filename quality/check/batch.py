"""Rules that need more than one row: uniqueness, references, freshness, volume, conflicts. Each judged apart, an error stays its own.

- `reference`, `agrees`, `standing`: quality/check/across.py.
- `unique`: exact, over the rows left when duplicates are settled. For the key it holds by construction and is counted as proof;
  for other fields every row of a repeated value fails, and with severity reject all of them are quarantined.
- `conflicting_duplicate`: fails for the winner of a conflict (quality/duplicates.py).
- `freshness`, `volume`: one verdict a batch. `volume` is skipped for increments and for a partition's first delivery.

Row findings go to table `late(_row, mask, silent)`; outcomes are returned.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb

from catalogs.model import Resource, Rule
from quality.outcome import Outcome, errored, skipped
from quality.rulebook import Rulebook
from quality.sql import Sql, commas, compose, conjunction, ident, literal, trusted


@dataclass(frozen=True)
class Surroundings:
    """What a batch is judged against besides its own rows."""

    as_of: datetime
    now: datetime
    read: int
    head_read: int | None
    """Rows the partition's last published batch had; None for the first and for increments."""
    references: dict[str, list[str]]
    """Resource → head Parquet files, as DuckDB calls them."""


def uniqueness(connection: duckdb.DuckDBPyConnection, book: Rulebook) -> list[Outcome]:
    """Judge unique and conflicting_duplicate over settled rows (view `judged`)."""
    judges = {"unique": _unique, "conflicting_duplicate": _conflict}
    outcomes = []
    for rule in (rule for rule in book.batch_rules if rule.check in judges):
        outcomes.append(_guarded(rule, lambda rule=rule: judges[rule.check](connection, book, rule)))
    merge(connection)
    return outcomes


def deliveries(book: Rulebook, around: Surroundings) -> list[Outcome]:
    """Judge freshness and volume."""
    judges = {"freshness": _freshness, "volume": _volume}
    return [judges[rule.check](rule, book.resource, around) for rule in book.batch_rules if rule.check in judges]


def _guarded(rule: Rule, judge) -> Outcome:
    """The outcome, or errored: one rule's SQL must not stop the batch."""
    try:
        return judge()
    except duckdb.Error as error:
        return errored(rule, type(error).__name__)


def _unique(connection: duckdb.DuckDBPyConnection, book: Rulebook, rule: Rule) -> Outcome:
    fields = [ident(name) for name in rule.fields]
    places = {
        "bit": literal(book.bits[rule.id]), "value": compose("hash({fields})", fields=commas(fields)), "fields": commas(fields),
        "filled": conjunction(compose("{f} IS NOT NULL", f=field) for field in fields),
    }  # fmt: skip
    # Keys were counted when duplicates were settled: only the contested ones can still occur twice.
    places["among"] = trusted("_row IN (SELECT _row FROM contested)" if rule.fields == book.resource.key else "TRUE")
    if connection.execute(compose(_REPEATED, **places).text).fetchall():
        connection.execute(compose(_NOT_UNIQUE, **places).text).fetchall()
    return _counted(connection, book, rule, "settled", places["filled"])


_REPEATED = "SELECT 1 FROM settled WHERE {filled} AND {among} GROUP BY {value} HAVING count(*) > 1 LIMIT 1"
_NOT_UNIQUE = """INSERT INTO late
    SELECT _row, {bit}, 0 FROM settled WHERE {filled} AND ({fields}) IN
        (SELECT ({fields}) FROM settled WHERE {filled} GROUP BY {fields} HAVING count(*) > 1)"""


def _conflict(connection: duckdb.DuckDBPyConnection, book: Rulebook, rule: Rule) -> Outcome:
    connection.execute(
        compose("INSERT INTO late SELECT _row, {bit}, 0 FROM marked WHERE conflict", bit=literal(book.bits[rule.id])).text
    ).fetchall()
    return _counted(connection, book, rule, "settled", literal(True))


def _counted(connection: duckdb.DuckDBPyConnection, book: Rulebook, rule: Rule, table: str, filled: Sql) -> Outcome:
    rows, judged = connection.execute(
        compose("SELECT count(*), count(*) FILTER (WHERE {filled}) FROM {table}", filled=filled, table=ident(table)).text
    ).fetchall()[0]
    count = compose("SELECT count(*) FROM late WHERE mask = {bit}", bit=literal(book.bits[rule.id]))
    ((failed,),) = connection.execute(count.text).fetchall()
    return Outcome(rule, judged, failed, rows - judged)


def merge(connection: duckdb.DuckDBPyConnection) -> None:
    """One line a row, bits together."""
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE late AS SELECT _row, bit_or(mask) AS mask, bit_or(silent) AS silent FROM late GROUP BY _row"
    ).fetchall()


def _freshness(rule: Rule, resource: Resource, around: Surroundings) -> Outcome:
    late = around.now - around.as_of > timedelta(hours=resource.cycle_hours)
    return Outcome(rule, 1, int(late), 0)


def _volume(rule: Rule, resource: Resource, around: Surroundings) -> Outcome:
    if resource.delivery.mode == "increment" or around.head_read is None:
        return skipped(
            rule, "increments have no usual size" if resource.delivery.mode == "increment" else "first delivery of the partition"
        )
    return Outcome(rule, 1, int(volume_jump(around.read, around.head_read) > resource.limits.volume_band), 0)


def volume_jump(read: int, head_read: int) -> float:
    """Share by which a delivery differs in size from the one before."""
    return abs(read - head_read) / head_read if head_read else float(read > 0)
