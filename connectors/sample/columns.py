"""Text columns by the million: digits, picks and dates as Arrow strings without a Python loop over rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Words = tuple[tuple[str, ...], tuple[int, ...]]
SPREADSHEET_EPOCH = 25569
"""Serial number a spreadsheet gives to 1970-01-01."""


def digits(values: np.ndarray, width: int) -> np.ndarray:
    """Decimal digits of non-negative integers as an ASCII matrix of that width, zero-padded."""
    out = np.empty((len(values), width), dtype=np.uint8)
    rest = np.asarray(values, dtype=np.int64)
    for column in range(width - 1, -1, -1):
        rest, digit = np.divmod(rest, 10)
        out[:, column] = digit + ord("0")
    return out


def letters(values: np.ndarray, width: int, alphabet: bytes) -> np.ndarray:
    """Non-negative integers written in the base of the alphabet, as an ASCII matrix."""
    table = np.frombuffer(alphabet, dtype=np.uint8)
    out = np.empty((len(values), width), dtype=np.uint8)
    rest = np.asarray(values, dtype=np.int64)
    for column in range(width - 1, -1, -1):
        rest, digit = np.divmod(rest, len(alphabet))
        out[:, column] = table[digit]
    return out


def strings(matrix: np.ndarray) -> pa.Array:
    """An ASCII matrix as an Arrow string column."""
    rows, width = matrix.shape
    offsets = np.arange(0, (rows + 1) * width, width, dtype=np.int32)
    data = np.ascontiguousarray(matrix)
    return pa.Array.from_buffers(pa.string(), rows, [None, pa.py_buffer(offsets), pa.py_buffer(data)])


def matrix(column: pa.Array, width: int) -> np.ndarray:
    """The ASCII matrix of a column whose values all have that width (the inverse of `strings`)."""
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    joined = "".join(column.to_pylist()).encode("ascii")
    return np.frombuffer(joined, dtype=np.uint8).reshape(len(column), width).copy()


def pick(words: Sequence[str], index: np.ndarray) -> pa.Array:
    """The word of each index."""
    return pa.array(words, type=pa.string()).take(pa.array(index))


def draw(rng: np.random.Generator, words: Words, size: int) -> np.ndarray:
    """Indexes of words drawn by weight."""
    bounds = np.cumsum(np.asarray(words[1], dtype=np.float64))
    return np.searchsorted(bounds / bounds[-1], rng.random(size), side="right").astype(np.int32)


def join(*parts: pa.Array | str) -> pa.Array:
    """Parts glued row by row."""
    return pc.binary_join_element_wise(*parts, "")


def day(one: date) -> int:
    """Days since 1970-01-01."""
    return (one - date(1970, 1, 1)).days


def dates(days: np.ndarray, pattern: str = "%Y-%m-%d") -> pa.Array:
    """Days since 1970 written by a pattern: %Y %m %d, #m and #d without a leading zero, #x the serial number of a spreadsheet."""
    if pattern == "#x":
        return pc.cast(pa.array(np.asarray(days, dtype=np.int64) + SPREADSHEET_EPOCH), pa.string())
    stamps = np.asarray(days, dtype="datetime64[D]")
    years, months = stamps.astype("datetime64[Y]"), stamps.astype("datetime64[M]")
    numbers = {
        "Y": years.astype(np.int64) + 1970,
        "m": (months - years.astype("datetime64[M]")).astype(np.int64) + 1,
        "d": (stamps - months.astype("datetime64[D]")).astype(np.int64) + 1,
    }
    parts: list[pa.Array | str] = []
    for token in re.findall(r"[%#][Ymd]|[^%#]+", pattern):
        if token[0] == "%":
            parts.append(strings(digits(numbers[token[1]], 4 if token[1] == "Y" else 2)))
        else:
            parts.append(pc.cast(pa.array(numbers[token[1]]), pa.string()) if token[0] == "#" else token)
    return join(*parts)


def replace(column: pa.Array, rows: np.ndarray, values: Sequence[str | None]) -> pa.Array:
    """The column with the values of some rows replaced (rows ascending or not)."""
    flags = np.zeros(len(column), dtype=bool)
    flags[rows] = True
    ordered = [value for _, value in sorted(zip(rows.tolist(), values, strict=True))]
    return pc.replace_with_mask(column, pa.array(flags), pa.array(ordered, type=pa.string()))
