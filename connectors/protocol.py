"""What every source looks like to `landing.land`: a feed of Arrow batches of text, and what it knows about itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np
import pyarrow as pa

LINE, RAW, SOURCE = "_line", "_raw", "_source"
RESERVED = (SOURCE, LINE, RAW)
"""Names the landing adds; a source must not use them."""


@dataclass(frozen=True)
class Watermark:
    """Span of an increment. `start` None = everything was read; `end` is where the next one begins."""

    start: str | None
    end: str | None


@dataclass(frozen=True)
class Origin:
    """What is known about a delivery once it has been read to its end."""

    connector: str
    """file_drop | database | http_api | push"""
    as_of: datetime
    """Time of the file, or of the read transaction. Aware."""
    encoding: str | None = None
    bom: bool = False
    delimiter: str | None = None
    partition: str | None = None
    """Partition the delivery itself names (its manifest)."""
    watermark: Watermark | None = None
    blank: int = 0
    """Records without any content: counted, not landed."""
    sha256: str | None = None
    """Of the delivered file's bytes."""
    size: int | None = None
    mode: str | None = None
    """Set where the delivery is not of the resource's own mode: a pushed row is an increment whatever the resource delivers."""


class Feed(Protocol):
    """One delivery, open for reading once."""

    source: str
    """File name, table or path: what goes into `_source` and into errors."""
    columns: Sequence[str]
    """Source headers, in the source's order."""

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Batches of `schema(columns)`. Raises SourceUnavailable or ContractBroken."""
        ...

    def origin(self) -> Origin:
        """Valid after `batches` is exhausted."""
        ...


def schema(columns: Sequence[str]) -> pa.Schema:
    """Source columns as text, `_line`, and `_raw` (the text of rows with too many or too few columns, else NULL)."""
    text = [pa.field(name, pa.string()) for name in columns]
    return pa.schema([*text, pa.field(LINE, pa.int64()), pa.field(RAW, pa.string())])


def well_formed(columns: Sequence[str], values: Sequence[pa.Array], first_line: int) -> pa.RecordBatch:
    """A batch of rows none of which is malformed, numbered from `first_line`."""
    rows = len(values[0])
    lines = pa.array(np.arange(first_line, first_line + rows, dtype=np.int64))
    return pa.record_batch([*values, lines, pa.nulls(rows, pa.string())], schema=schema(columns))
