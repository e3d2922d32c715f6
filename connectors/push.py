"""One row an approval system sends when a case is finished (同步签发): landed like any delivery, as an increment of one row.

It has no file and no table: its source is named after the case's system, its line is 1.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from catalogs.model import Resource
from connectors import manifest
from connectors.lake import Lake
from connectors.landing import LandedBatch, land, read_batch
from connectors.protocol import Origin, well_formed

INCREMENT = "increment"
CONNECTOR = "push"


class Row:
    """A feed of one row. `values` by source header; what is not there is empty."""

    def __init__(self, resource: Resource, values: Mapping[str, str | None], source: str, as_of: datetime):
        self.source = source
        self.columns: Sequence[str] = columns_of(resource)
        self._values = values
        self._as_of = as_of

    def batches(self) -> Iterator[pa.RecordBatch]:
        yield well_formed(self.columns, [pa.array([self._values.get(name)], pa.string()) for name in self.columns], 1)

    def origin(self) -> Origin:
        return Origin(connector=CONNECTOR, as_of=self._as_of, mode=INCREMENT)


def columns_of(resource: Resource) -> list[str]:
    """The headers a row of the resource may have."""
    found = dict.fromkeys(field.source for field in resource.fields)
    return list(found | dict.fromkeys([resource.delivery.operation_field] if resource.delivery.operation_field else []))


def land_row(
    resource: Resource, values: Mapping[str, str | None], lake: Lake | Path, *, source: str, now: datetime, batch: str
) -> LandedBatch:
    """Lands the row under `batch`, once: a batch that is there already is read, what a killed run left of it is made again."""
    manifest.check_batch_id(resource.id, batch)
    folder = Lake.of(lake) / "landing" / resource.id / batch
    if (folder / manifest.NAME).is_file():
        return read_batch(lake, resource.id, batch)
    shutil.rmtree(folder, ignore_errors=True)
    return land(resource, Row(resource, values, source, now), lake, now=now, batch=batch)
