"""Trusted rows about somebody, by number: what a department shares for matters to rely on 共享核验.

A head's columns that matters name are read once a process and kept with an index over the number, until its file is another one: a new
publication, or the same one without a row that was erased. Nothing but those columns is ever in memory.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import sqlalchemy as sa

from catalogs.model import Catalog
from license_hub.domain.exemption import SharedRow
from license_hub.service.hub import Hub
from license_hub.signing.commitment import instant
from quality import publications
from quality.publications import Publication

LISTED = ";"


def labelled(catalog: Catalog, resource: str, name: str, value: str) -> str:
    """A code as a form shows it."""
    table = catalog.codes.get(catalog.resources[resource].field(name).table or "")
    return table.labels.get(value, value) if table else value


@dataclass(frozen=True)
class _Head:
    """One head file's columns. `numbers` are sorted, `places` their rows."""

    numbers: np.ndarray
    places: np.ndarray
    columns: Mapping[str, pa.Array]
    stale: pa.Array

    def at(self, number: str) -> list[int]:
        text = number.encode()
        if len(text) > self.numbers.dtype.itemsize:
            return []
        # Of the array's own type, or it would be copied into a wider one for each look.
        wanted = np.array([text], self.numbers.dtype)
        first, last = (int(np.searchsorted(self.numbers, wanted, side)[0]) for side in ("left", "right"))
        return sorted(self.places[first:last].tolist())

    def values(self, place: int) -> dict[str, str]:
        return {name: text for name, column in self.columns.items() if (text := _text(column[place].as_py()))}


class SharedRows:
    """For the questions of one transaction: publications are asked for once a resource."""

    def __init__(self, hub: Hub, connection: sa.Connection, now: datetime):
        self._hub = hub
        self._connection = connection
        self._now = now
        self._heads: dict[str, list[Publication]] = {}

    def of(self, resource: str, number_field: str, number: str) -> tuple[SharedRow, ...]:
        """The rows whose number is that one, the trusted ones first. `number` in the form of `content.holder_form`."""
        found = []
        for published in self._published(resource):
            head = self._head(published, resource, number_field)
            late = self._now - published.as_of > timedelta(hours=self._hub.catalog.resources[resource].cycle_hours)
            for place in head.at(number):
                row = f"{published.number}/{place}"
                stale = bool(head.stale[place].as_py())
                found.append(SharedRow(resource, row, head.values(place), instant(published.as_of), late, stale))
        return tuple(sorted(found, key=lambda one: (one.stale, one.row)))

    def _published(self, resource: str) -> list[Publication]:
        if resource not in self._heads:
            self._heads[resource] = publications.heads(self._connection, resource)
        return self._heads[resource]

    def _head(self, published: Publication, resource: str, number_field: str) -> _Head:
        path = self._hub.lake / published.rows_path
        known = path.stat()
        fields = self._hub.catalog.shared_fields.get((resource, number_field), frozenset())
        key = (path, known.st_mtime_ns, known.st_ino, number_field, fields)
        head = self._hub.evidence.heads.get(key)
        return head if head is not None else self._hub.evidence.heads.put(key, _read(self._hub, path, number_field, fields))


def _read(hub: Hub, path, number_field: str, fields: Collection[str]) -> _Head:
    with hub.lake.open(path) as file:
        source = pq.ParquetFile(file)
        present = set(source.schema_arrow.names)
        wanted = sorted({name for name in fields if name in present} | {number_field, "_stale"})
        table = source.read(columns=wanted).combine_chunks()
    lists = pc.split_pattern(pc.fill_null(_flat(table[number_field]), ""), LISTED)
    places = pc.list_parent_indices(lists).to_numpy()
    numbers = pc.cast(pc.utf8_trim_whitespace(pc.list_flatten(lists)), pa.binary()).to_numpy(zero_copy_only=False).astype("S")
    kept = numbers != b""
    numbers, places = numbers[kept], places[kept]
    order = np.argsort(numbers, kind="stable")
    columns = {name: table[name].combine_chunks() for name in wanted if name in fields}
    return _Head(numbers[order], places[order].astype(np.int64), columns, table["_stale"].combine_chunks())


def _flat(column: pa.ChunkedArray) -> pa.Array:
    return pc.cast(column.combine_chunks(), pa.string())


def _text(value: object) -> str:
    """As a page shows it: days ISO, amounts plain; '' for nothing."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")[:19]
    if isinstance(value, date):
        return value.isoformat()
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
