"""Writes a GB18030 CSV drop, defects of its lines included."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa

from .ledger import RAW, Columns, Row

ENCODING = "gb18030"


def write(path: Path, headers: Sequence[str], columns: Columns) -> None:
    """Write a new file; a row with text under RAW is written as that text. Raises FileExistsError."""
    with path.open("xb") as out:
        out.write(_text([headers]).encode(ENCODING))
        for batch in pa.table(columns).to_batches(max_chunksize=50_000):
            out.write(_batch(headers, batch).encode(ENCODING))


def line(headers: Sequence[str], row: Row) -> str:
    """The row as its line of the file, without the line end."""
    return _text([[row[header] for header in headers]]).rstrip("\r\n")


def _batch(headers: Sequence[str], batch: pa.RecordBatch) -> str:
    rows = zip(*(batch.column(header).to_pylist() for header in headers), strict=True)
    if RAW not in batch.schema.names:
        return _text(rows)
    raw = batch.column(RAW).to_pylist()
    return "".join(_text([row]) if text is None else f"{text}\r\n" for row, text in zip(rows, raw, strict=True))


def _text(rows: Iterable[Sequence[str | None]]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue()
