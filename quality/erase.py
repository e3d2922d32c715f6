"""Takes rows out of the lake's files: those of erased keys. Files are otherwise never changed.

- A file without such a row is not touched; another is written anew beside its place, whole, and put there. What remains keeps its order,
  its origin and its values.
- Only files of batches that landed by the erasure are touched: what the source delivers afterwards is a delivery like any other.
- Landed rows are found by the key that cleaning gives. Rows whose key cannot be cleaned have none and leave with their batch's retention.
- A landed batch's manifest is brought in line: rows, bytes and hash of the file. Its content hash stays that of the delivery, so that
  the same delivery, come again, is still known.

Safe to run again after it was killed anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from catalogs.model import Catalog
from connectors import manifest
from connectors.lake import Lake
from quality import scan
from quality.retention import landed_at
from quality.scan import Landed
from quality.session import alone, session

ROWS = 100_000
_BESIDE = ".erasing"

Wanted = Callable[[str, datetime], bool]
"""Whether the row of a key is to be erased from the files of a batch that landed then."""


def erase_rows(lake: Lake, catalog: Catalog, resource_id: str, wanted: Wanted) -> int:
    """Rows taken out of all files of the resource."""
    gone = 0
    for area, column in (("trusted", "_key"), ("quarantine", "key"), ("tickets", "key"), ("samples", "key")):
        for path in _files(lake / area / resource_id):
            name = "key" if path.name.startswith("superseded") else column
            gone += _without(lake, path, _by_key(name, partial(_of_batch, wanted, path)), name)
    for path in _files(lake / "landing" / resource_id):
        gone += _landed(lake, catalog, resource_id, path, partial(_of_batch, wanted, path))
    return gone


def rows_left(lake: Lake, batch: str) -> int | None:
    """Rows a landed batch still has: 0 once they were erased or outlived their retention; None where it never landed."""
    folder = lake / "landing" / batch.rsplit("-", 2)[0] / batch
    if not (folder / manifest.NAME).is_file():
        return None
    described = manifest.read(folder)
    return described.rows if described.files else 0


def _of_batch(wanted: Wanted, path: Path, key: str) -> bool:
    return wanted(key, landed_at(path.parent.name))


def _files(folder: Path) -> list[Path]:
    for left in folder.glob(f"*/*{_BESIDE}"):
        left.unlink()
    return sorted(folder.glob("*/*.parquet"))


def _landed(lake: Lake, catalog: Catalog, resource_id: str, path: Path, wanted: Callable[[str], bool]) -> int:
    with lake.open(path) as file:
        columns = frozenset(pq.read_schema(file).names)
    resource = catalog.resources[resource_id]
    with session(lake, alone(catalog, resource_id)) as connection:
        query = scan.keys(Landed(lake.named(path), columns), resource)
        # Order of the file, so that a place in it is the place in the answer.
        doomed = {row for row, key in connection.execute(query.text).fetchall() if key and wanted(key)}
    place = 0

    def mask(batch: pa.RecordBatch) -> list[bool]:
        nonlocal place
        first, place = place, place + batch.num_rows
        return [number in doomed for number in range(first, place)]

    gone = _without(lake, path, mask, None) if doomed else 0
    described = manifest.read(path.parent)
    (file,) = described.files or ({},)
    if file and (gone or path.stat().st_size != file["bytes"]):
        with lake.open(path) as opened:
            rows = pq.ParquetFile(opened).metadata.num_rows
        manifest.correct(path.parent, replace(described, rows=rows, files=(manifest.describe(path),)))
    return gone


def _by_key(column: str, wanted: Callable[[str], bool]) -> Callable[[pa.RecordBatch], list[bool]]:
    return lambda batch: [bool(key) and wanted(key) for key in batch.column(column).to_pylist()]


def _without(lake: Lake, path: Path, mask: Callable[[pa.RecordBatch], list[bool]], column: str | None) -> int:
    """Rewrites a file without the rows the mask names; returns how many they were."""
    if column is not None and not any(any(mask(batch)) for batch in _batches(lake, path, [column])):
        return 0
    beside, gone = path.with_name(path.name + _BESIDE), 0
    with lake.open(path) as file:
        schema = pq.read_schema(file)
    with lake.create(beside) as target, pq.ParquetWriter(target, schema, compression="zstd", compression_level=1) as writer:
        for batch in _batches(lake, path, None):
            doomed = pa.array(mask(batch), pa.bool_())
            gone += doomed.true_count
            writer.write_batch(batch.filter(pc.invert(doomed)))
    beside.replace(path)
    manifest.sync_folder(path.parent)
    return gone


def _batches(lake: Lake, path: Path, columns: list[str] | None) -> Iterator[pa.RecordBatch]:
    with lake.open(path) as file:
        yield from pq.ParquetFile(file).iter_batches(ROWS, columns=columns)
