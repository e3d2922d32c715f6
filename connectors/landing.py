"""Landing: a feed becomes an immutable batch, `<lake>/landing/<resource>/<batch>/{rows.parquet, manifest.json}`.

- Rows stream through: one row group is encoded while the next is read, so memory does not grow with the delivery.
- Every name is made exclusively; the manifest is written last. What fails on the way leaves nothing behind.
- The content hash is over decoded rows (`content_hash`), malformed ones included in their place.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from catalogs.model import Resource
from connectors import contract, manifest
from connectors.content_hash import ContentHash
from connectors.errors import BatchBroken, ContractBroken
from connectors.lake import Lake
from connectors.manifest import Manifest
from connectors.protocol import LINE, RAW, SOURCE, Feed, Origin

ROWS = "rows.parquet"
GROUP_ROWS = 128 * 1024
"""Rows of a Parquet row group: DuckDB reads row groups in parallel."""
GROUP_BYTES = 128 * 1024 * 1024
"""Bytes of text after which a row group is closed early (very wide rows)."""

DICTIONARY_BYTES = 64 * 1024


@dataclass(frozen=True)
class LandedBatch:
    batch: str
    resource: str
    path: Path
    """The batch's folder."""
    manifest: Manifest

    @property
    def rows(self) -> Path:
        """Its Parquet file."""
        return self.path / ROWS


def new_batch(resource: Resource, now: datetime) -> str:
    """A batch id nobody has."""
    return f"{resource.id}-{now.astimezone(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"


def land(
    resource: Resource, feed: Feed, lake: Lake | Path, *, now: datetime, partition: str | None = None, batch: str | None = None
) -> LandedBatch:
    """Writes the feed's rows and then the manifest. Raises SourceUnavailable or ContractBroken; then nothing is landed.

    `batch`: an id of `new_batch`, for who has to know it beforehand.
    """
    compared = contract.compare(resource, feed.columns, source=feed.source)
    batch = batch or new_batch(resource, now)
    folder = lake / "landing" / resource.id / batch
    folder.mkdir(parents=True, exist_ok=False)
    try:
        sink = _Sink(Lake.of(lake).create(folder / ROWS), feed)
        _pour(feed, sink)
        described = _describe(resource, feed, compared, sink, folder, now, partition)
        manifest.write(folder, described)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return LandedBatch(batch, resource.id, folder, described)


def read_batch(lake: Lake | Path, resource_id: str, batch: str) -> LandedBatch:
    """A complete batch. Raises BatchBroken where it is missing or its file is not as long as the manifest says."""
    manifest.check_batch_id(resource_id, batch)
    folder = lake / "landing" / resource_id / batch
    found = manifest.read(folder)
    for file in found.files:
        path = folder / str(file["name"])
        if not path.is_file() or path.stat().st_size != file["bytes"]:
            raise BatchBroken("file missing or of another length", source=batch, file=path.name, hint="restore the file from a copy")
    return LandedBatch(batch, resource_id, folder, found)


def batches(lake: Lake | Path, resource_id: str) -> Iterator[LandedBatch]:
    """Complete batches, newest first."""
    folder = lake / "landing" / resource_id
    if not folder.is_dir():
        return
    names = [one for one in folder.iterdir() if (one / manifest.NAME).is_file()]
    found = [(manifest.read(one), (one / manifest.NAME).stat().st_mtime_ns, one) for one in names]
    # Two batches of one second have ids in no order; the time the manifest was written decides.
    for described, _, one in sorted(found, key=lambda each: (each[0].landed_at, each[1]), reverse=True):
        yield LandedBatch(described.batch, resource_id, one, described)


def latest(lake: Lake | Path, resource_id: str) -> LandedBatch | None:
    """The newest complete batch of the resource."""
    return next(batches(lake, resource_id), None)


class _Sink:
    """Takes batches, writes row groups and hashes what it writes."""

    def __init__(self, file: BinaryIO, feed: Feed):
        text = [pa.field(name, pa.string()) for name in feed.columns]
        self._schema = pa.schema([*text, pa.field(SOURCE, pa.string()), pa.field(LINE, pa.int64()), pa.field(RAW, pa.string())])
        self._source = feed.source
        self.content_hash = ContentHash([*feed.columns, RAW])
        self.rows = self.malformed = 0
        self._file = file
        # A small dictionary page: columns whose values hardly repeat give up on it early, which halves the encoding's CPU.
        self._writer = pq.ParquetWriter(
            self._file, self._schema, compression="zstd", compression_level=1, dictionary_pagesize_limit=DICTIONARY_BYTES
        )

    def write(self, rows: list[pa.RecordBatch]) -> None:
        """One row group (or several, of GROUP_ROWS each)."""
        for batch in rows:
            self.content_hash.update(batch)
        whole = pa.Table.from_batches(rows)
        source = pa.repeat(pa.scalar(self._source, pa.string()), whole.num_rows)
        landed = whole.append_column(SOURCE, source).select(self._schema.names)
        self._writer.write_table(landed, row_group_size=GROUP_ROWS)
        self.rows += whole.num_rows
        self.malformed += whole.num_rows - whole.column(RAW).null_count

    def close(self) -> None:
        self._writer.close()
        # Closing a lake's file puts it on the disk.
        self._file.close()


def _pour(feed: Feed, sink: _Sink) -> None:
    """Reads here, hashes and encodes in one other thread, at most one row group behind."""
    try:
        with ThreadPoolExecutor(max_workers=1) as worker:
            writing: Future[None] | None = None
            for group in _groups(feed.batches()):
                if writing is not None:
                    writing.result()
                writing = worker.submit(sink.write, group)
            if writing is not None:
                writing.result()
    finally:
        sink.close()


def _groups(source: Iterator[pa.RecordBatch]) -> Iterator[list[pa.RecordBatch]]:
    group: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in source:
        group.append(batch)
        rows, size = rows + batch.num_rows, size + batch.nbytes
        if rows >= GROUP_ROWS or size >= GROUP_BYTES:
            yield group
            group, rows, size = [], 0, 0
    if rows:
        yield group


def _describe(
    resource: Resource, feed: Feed, compared: contract.Comparison, sink: _Sink, folder: Path, now: datetime, partition: str | None
) -> Manifest:
    origin = feed.origin()
    return Manifest(
        batch=folder.name,
        resource=resource.id,
        connector=origin.connector,
        mode=origin.mode or resource.delivery.mode,
        source=feed.source,
        encoding=origin.encoding,
        bom=origin.bom,
        delimiter=origin.delimiter,
        rows=sink.rows,
        malformed=sink.malformed,
        blank=origin.blank,
        columns=tuple(feed.columns),
        missing_optional=compared.missing_optional,
        extra_columns=compared.extra,
        partition=_partition(origin, partition, feed.source),
        watermark=None if origin.watermark is None else {"from": origin.watermark.start, "to": origin.watermark.end},
        content_hash=sink.content_hash.hexdigest(),
        source_sha256=origin.sha256,
        source_bytes=origin.size,
        files=(manifest.describe(folder / ROWS),),
        landed_at=now.astimezone(UTC).isoformat(),
        as_of=origin.as_of.astimezone(UTC).isoformat(),
    )


def _partition(origin: Origin, given: str | None, source: str) -> str | None:
    if given is not None and origin.partition is not None and given != origin.partition:
        raise ContractBroken(
            "the partition given differs from the delivery's own manifest", source=source, hint="give the one the provider delivered"
        )
    return given if given is not None else origin.partition
