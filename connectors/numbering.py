"""Puts malformed rows back between the well-formed ones and gives every row its physical line.

pyarrow tells of malformed rows by record number while it parses, and yields the well-formed rest without numbers. Both
come in file order, so counting restores the whole. A record with line breaks inside quotes takes more than one line.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connectors.protocol import schema


class Numbering:
    def __init__(self, columns: Sequence[str], *, record: int, line: int):
        """`record`, `line`: number and physical line of the first record behind the header."""
        self._columns = list(columns)
        self._record, self._line = record, line
        self._waiting: deque[tuple[int, str]] = deque()
        self.rows = 0
        self.blank = 0
        self.last_line = line - 1

    def malformed(self, record: int, text: str) -> None:
        self._waiting.append((record, text))

    def rest(self) -> Iterator[pa.RecordBatch]:
        """Malformed rows behind the last well-formed one."""
        empty = pa.record_batch([pa.array([], pa.string()) for _ in self._columns], names=self._columns)
        while self._waiting:
            yield from self.place(empty)

    def place(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """The batch with the malformed rows that lie before, between and directly behind its rows."""
        due = self._due(batch.num_rows)
        total = batch.num_rows + len(due)
        raw = pa.nulls(total, pa.string())
        columns = batch.columns
        if due:
            at = np.array([record - self._record for record, _ in due])
            raw = _scatter(total, at, [text for _, text in due])
            columns = _spread(columns, total, at)
        lines = self._lines(columns, raw, total)
        whole = pa.record_batch([*columns, pa.array(lines), raw], schema=schema(self._columns))
        self._record += total
        if total:
            self.last_line = int(lines[-1])
        kept = self._without_blank(whole)
        self.rows += kept.num_rows
        if kept.num_rows:
            yield kept

    def _due(self, well_formed: int) -> list[tuple[int, str]]:
        due: list[tuple[int, str]] = []
        while self._waiting and self._waiting[0][0] - self._record - len(due) <= well_formed:
            due.append(self._waiting.popleft())
        return due

    def _lines(self, columns: Sequence[pa.Array], raw: pa.Array, total: int) -> np.ndarray:
        """Physical line of each record, and moves on to the line behind them."""
        extra = _line_breaks([*columns, raw], total)
        before = np.cumsum(extra) - extra
        lines = self._line + np.arange(total, dtype=np.int64) + before
        self._line += total + int(extra.sum())
        return lines

    def _without_blank(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        empty = np.ones(batch.num_rows, dtype=bool)
        for name in self._columns:
            sizes = pc.binary_length(batch.column(name)).fill_null(1).to_numpy(zero_copy_only=False)
            empty &= sizes == 0
            if not empty.any():
                return batch
        self.blank += int(empty.sum())
        return batch.filter(pa.array(~empty))


def _scatter(total: int, at: np.ndarray, texts: list[str]) -> pa.Array:
    values: list[str | None] = [None] * total
    for place, text in zip(at, texts, strict=True):
        values[place] = text
    return pa.array(values, pa.string())


def _spread(columns: Sequence[pa.Array], total: int, at: np.ndarray) -> list[pa.Array]:
    """The columns with NULLs at the given places."""
    hole = np.zeros(total, dtype=bool)
    hole[at] = True
    places = pa.array(np.cumsum(~hole) - 1, mask=hole)
    return [column.take(places) for column in columns]


def _line_breaks(columns: Sequence[pa.Array], total: int) -> np.ndarray:
    """Line breaks inside the values of each row; LF, CR and CRLF count one."""
    breaks = np.zeros(total, dtype=np.int64)
    for column in columns:
        data = column.buffers()[2]
        if data is None or not _has_break(data):
            continue
        for pattern, sign in (("\n", 1), ("\r", 1), ("\r\n", -1)):
            breaks += sign * pc.count_substring(column, pattern).fill_null(0).to_numpy(zero_copy_only=False)
    return breaks


def _has_break(data: pa.Buffer) -> bool:
    text = np.frombuffer(data, dtype=np.uint8)
    return bool((text == 10).any() or (text == 13).any())
