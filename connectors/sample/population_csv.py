"""A population as one large plain CSV for measuring: dirty in known shares, written without a Python loop over rows.

Shares of rows: padded or lower-case number 4 %, full-width 1 %, 15 digits 0.5 %, wrong check character 1 %, duplicates 5 % (half of them
with a later update time); birth dates in four spellings.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from . import headers, people, places, population
from .columns import dates, join, replace, strings
from .people import People

AS_OF = date(2026, 11, 21)
CHUNK = 200_000
DUPLICATES = 0.05
PADDED, LOWER, WIDE, FIFTEEN, WRONG = 0.036, 0.04, 0.01, 0.005, 0.01
"""Lower case shows on the eleventh of the numbers that end in X only, so that padded and lower-case ones are 4 % together."""
BIRTH_PATTERNS = (("%Y-%m-%d", 0.70), ("%Y%m%d", 0.85), ("%Y/#m/#d", 0.95), ("%Y年#m月#d日", 1.0))
"""Spellings with their cumulative shares."""
_FULL_WIDTH = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}


def population_csv(path: Path, rows: int, seed: int) -> dict[str, int]:
    """Write exactly `rows` rows in UTF-8; returns rows, distinct persons and rows with a wrong check. Raises FileExistsError."""
    distinct = rows - round(rows * DUPLICATES)
    province = people.make(places.load(), distinct, seed, AS_OF)
    schema = pa.schema([(header, pa.string()) for header in headers.POPULATION])
    counts = {"rows": 0, "distinct": distinct, "wrong_check": 0}
    with path.open("xb") as out, csv.CSVWriter(out, schema, write_options=csv.WriteOptions(quoting_style="none")) as writer:
        for start in range(0, distinct, CHUNK):
            stop = min(start + CHUNK, distinct)
            extra = round(stop * (rows - distinct) / distinct) - round(start * (rows - distinct) / distinct)
            table, wrong = _chunk(province, np.arange(start, stop), extra)
            writer.write_table(table.select(headers.POPULATION).cast(schema))
            counts["rows"] += table.num_rows
            counts["wrong_check"] += wrong
    return counts


def _chunk(province: People, rows: np.ndarray, extra: int) -> tuple[pa.Table, int]:
    """Some persons, dirtied, with duplicates of them strewn in; and how many rows have a wrong check character."""
    rng = np.random.default_rng([province.seed, 40, int(rows[0])])
    columns = population.render(province, rows, AS_OF)
    fate = rng.random(len(rows))
    columns["公民身份号码"], wrong = _numbers(province, rows, fate)
    columns["出生日期"] = _births(province.born_on[rows], rng.random(len(rows)))
    source = np.r_[np.arange(len(rows)), rng.integers(0, len(rows), extra)]
    later = np.flatnonzero(np.arange(len(source)) >= len(rows) + extra // 2)
    table = pa.table(columns).take(pa.array(source))
    place = table.schema.get_field_index("更新时间")
    table = table.set_column(place, "更新时间", _updated_later(table.column(place), later))
    return table.take(pa.array(rng.permutation(len(source)))), int(wrong[source].sum())


def _updated_later(column: pa.ChunkedArray, rows: np.ndarray) -> pa.Array:
    """The update times with those of some rows moved to the evening of their day."""
    whole = column.combine_chunks()
    days = pc.utf8_slice_codeunits(whole.take(pa.array(rows)), 0, 10)
    return replace(whole, rows, join(days, " 23:30:00").to_pylist())


def _numbers(province: People, rows: np.ndarray, fate: np.ndarray) -> tuple[pa.Array, np.ndarray]:
    """Identity numbers in all their spellings; the second array says which rows have a wrong check character."""
    bounds = np.cumsum((WRONG, PADDED, LOWER, WIDE, FIFTEEN))
    kind = np.searchsorted(bounds, fate, side="right")
    digits = province.number_matrix(rows)
    wrong = kind == 0
    digits[wrong, 17] = np.where(digits[wrong, 17] == ord("X"), ord("0"), (digits[wrong, 17] - ord("0") + 1) % 10 + ord("0"))
    plain = strings(digits)
    twentieth = (province.born_on[rows] >= -25567) & (province.born_on[rows] < 10957)
    column = pc.if_else(pa.array(kind == 1), join(" ", plain, "  "), plain)
    column = pc.if_else(pa.array(kind == 2), pc.utf8_lower(plain), column)
    column = pc.if_else(pa.array((kind == 4) & twentieth), strings(np.hstack([digits[:, :6], digits[:, 8:17]])), column)
    wide = np.flatnonzero(kind == 3)
    return replace(column, wide, [one.translate(_FULL_WIDTH) for one in plain.take(pa.array(wide)).to_pylist()]), wrong


def _births(days: np.ndarray, fate: np.ndarray) -> pa.Array:
    column = dates(days, BIRTH_PATTERNS[0][0])
    for (pattern, upper), (_, lower) in zip(BIRTH_PATTERNS[1:], BIRTH_PATTERNS, strict=False):
        rows = np.flatnonzero((fate >= lower) & (fate < upper))
        mask = np.zeros(len(days), dtype=bool)
        mask[rows] = True
        column = pc.replace_with_mask(column, pa.array(mask), dates(days[rows], pattern))
    return column
