"""From `stage` to what becomes of every row: batch rules, duplicates, fate. One row has one fate, and the sums must balance.

    stage ─ references ─► late ─ settle ─► superseded, marked ─ uniqueness ─► late ─► view judged (fate), counts by finding

`judged` has `stage`'s columns and `failed` (all rule bits), `silent` (bits of rules that found nothing to compare with),
`fate` (trusted | quarantined | superseded | deleted), `stale`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from quality import duplicates
from quality.check import across, batch
from quality.check.batch import Surroundings
from quality.errors import BalanceBroken
from quality.outcome import Outcome, errored
from quality.rulebook import Rulebook
from quality.scan import Judgement
from quality.sql import compose, literal

_JUDGED = """CREATE OR REPLACE TEMP VIEW judged AS
    SELECT stage.*, _failed | coalesce(late.mask, 0) AS failed, coalesce(late.silent, 0) AS silent, coalesce(marked.stale, FALSE) AS stale,
           superseded.reason, superseded.lost_to,
           CASE WHEN (_failed | coalesce(late.mask, 0)) & {rejecting} <> 0 THEN 'quarantined'
                WHEN superseded._row IS NOT NULL THEN 'superseded'
                WHEN _op = 'D' THEN 'deleted'
                ELSE 'trusted' END AS fate
    FROM stage LEFT JOIN late USING (_row) LEFT JOIN superseded USING (_row) LEFT JOIN marked USING (_row)"""

_SETTLED = "CREATE OR REPLACE TEMP VIEW settled AS SELECT * FROM judged WHERE fate = 'trusted'"


@dataclass(frozen=True)
class Tally:
    """How many rows met each fate, and how many trusted ones carry a warning."""

    read: int
    trusted: int
    quarantined: int
    superseded: int
    deleted: int
    warned: int

    def balanced(self, landed: int, batch_id: str) -> Tally:
        """Itself. Raises BalanceBroken where a row is lost or counted twice."""
        if self.read != landed or self.read != self.trusted + self.quarantined + self.superseded + self.deleted:
            raise BalanceBroken(
                f"batch {batch_id}: {landed} rows landed, {self.read} read, {self.trusted} trusted + {self.quarantined} quarantined + "
                f"{self.superseded} superseded + {self.deleted} deleted: this is a fault of the engine, report it; nothing was published"
            )
        return self


def judge(connection: duckdb.DuckDBPyConnection, book: Rulebook, scanned: Judgement, around: Surroundings) -> list[Outcome]:
    """Outcomes of every rule, in the rulebook's order; makes the views. The tally follows from `count`."""
    found = across.judge(connection, book, around.references)
    batch.merge(connection)
    duplicates.settle(connection, book)
    connection.execute(compose(_JUDGED, rejecting=literal(book.rejecting)).text)
    connection.execute(_SETTLED)
    found += batch.uniqueness(connection, book)
    found += batch.deliveries(book, around)
    found += _row_outcomes(connection, book, scanned)
    by_rule = {outcome.rule.id: outcome for outcome in found}
    return [by_rule[rule.id] for rule in book.rules]


def count(connection: duckdb.DuckDBPyConnection) -> Tally:
    """Fates of all rows, from `tallied` (quality/score.py)."""
    rows = connection.execute("SELECT fate, failed <> 0, sum(rows)::BIGINT FROM tallied GROUP BY ALL").fetchall()
    fates: Counter[str] = Counter()
    for fate, _, number in rows:
        fates[fate] += number
    warned = sum(number for fate, failing, number in rows if fate == "trusted" and failing)
    return Tally(sum(fates.values()), fates["trusted"], fates["quarantined"], fates["superseded"], fates["deleted"], warned)


def findings(connection: duckdb.DuckDBPyConnection) -> list[int]:
    """The distinct sets of failed rules, as masks."""
    return [mask for (mask,) in connection.execute("SELECT DISTINCT failed FROM judged WHERE failed <> 0").fetchall()]


def _row_outcomes(connection: duckdb.DuckDBPyConnection, book: Rulebook, scanned: Judgement) -> list[Outcome]:
    """Counts by rule from counts by mask: few sets of rules fail together, so Python sums them."""
    masks = connection.execute("SELECT _failed, _undefined, count(*) FROM stage GROUP BY ALL").fetchall()
    return [_row_outcome(book, rule, masks, scanned) for rule in book.row_rules]


def _row_outcome(book: Rulebook, rule, masks: Sequence[tuple[int, int, int]], scanned: Judgement) -> Outcome:
    if rule.id in scanned.errored:
        return errored(rule, scanned.errored[rule.id])
    bit = book.bits[rule.id]
    rows = sum(number for _, _, number in masks)
    failed = sum(number for mask, _, number in masks if mask & bit)
    undefined = sum(number for _, mask, number in masks if mask & bit)
    return Outcome(rule, rows - undefined, failed, undefined)
