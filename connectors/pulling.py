"""Which connector reads a resource, and from where an increment goes on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from catalogs.model import Resource
from connectors.settings import Credentials

if TYPE_CHECKING:
    # DAG files import this package at parse time: Arrow and the drivers are loaded only by a pull.
    from connectors.lake import Lake
    from connectors.landing import LandedBatch
    from connectors.protocol import Feed


def pull(
    resource: Resource,
    lake: Lake | Path,
    *,
    credentials: Credentials,
    now: datetime,
    since: str | None = None,
    input: Path | None = None,
    partition: str | None = None,
) -> LandedBatch:
    """Lands one delivery: the file `input`, else the oldest dropped file that waits, the table or the API's rows.

    `since` is the watermark an increment begins at; without it the newest landed one.
    Raises SourceUnavailable (NothingNew where no dropped file waits) or ContractBroken.
    """
    from connectors import file_drop
    from connectors.errors import NothingNew

    if input is not None:
        return _land(resource, file_drop.feed(resource, Path(input), settle=False), lake, now, partition)
    if resource.connector.kind != "file_drop":
        return _land(resource, _remote(resource, lake, credentials, now, since), lake, now, partition)
    waiting = file_drop.pending(resource, lake, credentials)
    if not waiting:
        raise NothingNew("no file waits in the drop folder", source=resource.id, hint="the provider delivers, or nothing is due")
    return _land(resource, file_drop.feed(resource, waiting[0]), lake, now, partition)


def pull_pending(
    resource: Resource,
    lake: Lake | Path,
    *,
    credentials: Credentials,
    now: Callable[[], datetime],
    since: str | None = None,
    partition: str | None = None,
) -> list[LandedBatch]:
    """Lands everything that waits, oldest first; an empty list where nothing does. Raises like `pull`.

    `now` is a clock, so that each batch has a time of its own; what was landed before a fault stays.
    """
    from connectors import file_drop

    if resource.connector.kind != "file_drop":
        return [pull(resource, lake, credentials=credentials, now=now(), since=since, partition=partition)]
    waiting = file_drop.pending(resource, lake, credentials)
    return [_land(resource, file_drop.feed(resource, path), lake, now(), partition) for path in waiting]


def last_watermark(resource: Resource, lake: Lake | Path) -> str | None:
    """Where the newest landed increment ended; None if there is none."""
    from connectors import landing

    if resource.delivery.mode != "increment":
        return None
    ends = (batch.manifest.watermark["to"] for batch in landing.batches(lake, resource.id) if batch.manifest.watermark)
    return next((end for end in ends if end is not None), None)


def _remote(
    resource: Resource, lake: Lake | Path, credentials: Credentials, now: datetime, since: str | None
) -> AbstractContextManager[Feed]:
    from connectors import database, http_api
    from connectors.errors import ContractBroken

    connection = credentials.connection(str(resource.connector.options["connection"]))
    begin = since if since is not None else last_watermark(resource, lake)
    kinds = {"database": database.feed, "http_api": http_api.feed}
    if resource.connector.kind not in kinds:
        raise ContractBroken(f"no connector of kind {resource.connector.kind}", source=resource.id, hint="correct the catalogue")
    return kinds[resource.connector.kind](resource, connection, now=now, since=begin)


def _land(
    resource: Resource, opening: AbstractContextManager[Feed], lake: Lake | Path, now: datetime, partition: str | None
) -> LandedBatch:
    from connectors import landing

    with opening as feed:
        return landing.land(resource, feed, lake, now=now, partition=partition)
