"""SHA-256 over decoded rows: one delivery in another encoding, compression or column order has the same hash.

Per column two running hashes: of the lengths (int32 little-endian, −1 for NULL) and of the bytes (UTF-8). The result
hashes the number of rows and, by column name, both digests. Row order, values and NULL against empty change it;
chunking, column order, file name, encoding and BOM do not. Arrow's buffers are hashed as they lie, without copies.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_DOMAIN = b"mianzhengtong rows v1\n"


class ContentHash:
    def __init__(self, columns: Sequence[str]):
        self._columns = {name: (hashlib.sha256(), hashlib.sha256()) for name in sorted(columns)}
        self._rows = 0

    def update(self, batch: pa.RecordBatch) -> None:
        """Takes the next rows; the batch has (at least) the columns, as string arrays."""
        self._rows += batch.num_rows
        for name, (lengths, content) in self._columns.items():
            _hash_array(batch.column(name), lengths, content)

    def hexdigest(self) -> str:
        whole = hashlib.sha256(_DOMAIN + self._rows.to_bytes(8, "big"))
        for name, (lengths, content) in self._columns.items():
            title = name.encode()
            whole.update(len(title).to_bytes(4, "big") + title + lengths.digest() + content.digest())
        return whole.hexdigest()


def _hash_array(array: pa.Array, lengths, content) -> None:
    if len(array) == 0:
        return
    missing = array.is_null().to_numpy(zero_copy_only=False) if array.null_count else None
    offsets = _offsets(array)
    sizes = np.diff(offsets)
    if missing is not None:
        if sizes[missing].any():
            # A NULL slot may still own bytes (Arrow allows it); rebuild without them.
            array = pc.if_else(pa.array(missing), "", array)
            offsets = _offsets(array)
            sizes = np.diff(offsets)
        sizes[missing] = -1
    lengths.update(np.ascontiguousarray(sizes, dtype="<i4"))
    data = array.buffers()[2]
    if data is not None:
        content.update(memoryview(data)[offsets[0] : offsets[-1]])


def _offsets(array: pa.Array) -> np.ndarray:
    """int32 offsets of exactly this slice; the first need not be 0."""
    return np.frombuffer(array.buffers()[1], dtype=np.int32, count=len(array) + 1, offset=array.offset * 4)
