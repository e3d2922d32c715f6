"""Plain Great Expectations on pandas: how cleaned rows go in, how a result's counts come out. Used by parity tests and the bench.

Imports no GX: frames and results are made elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING

import pyarrow as pa

from catalogs.model import ACROSS_CHECKS

if TYPE_CHECKING:
    import pandas as pd
    from great_expectations.core import ExpectationValidationResult


LEFT_OUT: Mapping[str, str] = {
    "unique": "the engine settles identical rows before it counts, GX counts every row of a group",
    **dict.fromkeys(ACROSS_CHECKS, "needs the trusted rows of other resources"),
    "freshness": "judges the delivery's time, not its rows",
    "volume": "compares with the head publication",
    "conflicting_duplicate": "is found while duplicates are settled, before rows are judged",
}
"""Checks of whole batches that plain GX on one frame answers otherwise than the engine or not at all, and why."""


@dataclass(frozen=True)
class Counts:
    """What a GX result says in our words. `evaluated` counts rows with a verdict, undefined ones excluded."""

    evaluated: int
    failed: int


def counts(result: ExpectationValidationResult) -> Counts:
    """Evaluated and failed rows of a result, stored by us or made by plain GX (result format BASIC or richer).

    GX leaves undefined rows out as missing, or, under a row condition, out of the elements. Raises KeyError for an exception's result.
    """
    numbers = result.result
    return Counts(numbers["element_count"] - (numbers.get("missing_count") or 0), numbers["unexpected_count"])


def midnight(day: str | date) -> datetime:
    """A date (ISO text or date) as the UTC midnight that stands for it in a cleaned frame."""
    return datetime.combine(date.fromisoformat(day) if isinstance(day, str) else day, time(), tzinfo=UTC)


def cleaned_frame(table: pa.Table) -> pd.DataFrame:
    """Cleaned rows as GX on pandas wants them: text as `str`, decimals as floats, dates and timestamps in microseconds, zoned UTC.

    GX compares floats, nanosecond and zoned columns as a whole and all others value by value; nanoseconds end in 2262.
    """
    for position, one in enumerate(table.schema):
        if pa.types.is_date(one.type) or pa.types.is_timestamp(one.type):
            column = table.column(position).cast(pa.timestamp("us")).cast(pa.timestamp("us", tz="UTC"))
        elif pa.types.is_decimal(one.type):
            column = table.column(position).cast(pa.float64())
        else:
            continue
        table = table.set_column(position, one.name, column)
    return table.to_pandas()
