"""What a resource's retention says goes from the lake: rows of batches that are older, whatever area they lie in.

Kept, however old: the head of each partition, publications the reader has not applied yet (`applied`), batches nobody has checked,
rows of tickets that are open, or were closed no longer ago than that. A sample is as old as its drawing: who judges it has the archive.
Manifests stay: they hold no rows, and tell what was delivered and up to where.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from catalogs.model import Catalog
from connectors import manifest
from connectors.lake import AREAS, Lake
from quality import publications, records
from quality.sampling import DRAWN
from quality.store.tables_tickets import ticket

_STAMP = "%Y%m%dT%H%M%S"


@dataclass
class Expired:
    """What went, or would go. A sample's drawing counts as a batch."""

    batches: int = 0
    files: int = 0
    bytes: int = 0
    per_resource: dict[str, int] = field(default_factory=dict)
    """Resource → batches."""


def expire(lake: Lake, catalog: Catalog, database: sa.Engine, applied: Mapping[str, int], *, now: datetime, dry: bool = False) -> Expired:
    """`applied`: resource → number of the last publication its reader has applied. Safe to run again."""
    done = Expired()
    for resource in catalog.resources.values():
        before = now - timedelta(days=resource.limits.retention_days)
        with database.connect() as connection:
            heads = publications.heads(connection, resource.id)
            waiting = publications.pending(connection, resource.id, applied.get(resource.id, 0))
            checked = records.checked(connection, resource.id)
            back = min([before, now - timedelta(days=catalog.tickets.reopens_within_days), *(one.created_at for one in waiting)])
            asking = _asking(connection, resource.id, back)
        needed = {lake / path for one in heads for path in (one.rows_path, one.changes_path)}
        needed |= {lake / path for one in waiting for path in (one.rows_path, one.changes_path)}
        for batch, folders in _folders(lake, resource.id, asking).items():
            if landed_at(batch) >= before or not (batch in checked or batch.endswith(DRAWN)):
                continue
            files = [path for folder in folders for path in sorted(folder.glob("*.parquet")) if path not in needed]
            if not files:
                continue
            done.batches += 1
            done.files += len(files)
            done.bytes += sum(path.stat().st_size for path in files)
            done.per_resource[resource.id] = done.per_resource.get(resource.id, 0) + 1
            if not dry:
                _remove(lake, resource.id, batch, files)
    return done


def landed_at(batch: str) -> datetime:
    """When the batch landed, by its id."""
    return datetime.strptime(batch.rsplit("-", 2)[1], _STAMP).replace(tzinfo=UTC)


def _asking(connection: sa.Connection, resource_id: str, since: datetime) -> set[str]:
    """Tickets whose rows are still asked for: open ones, and those closed since then, which a delivery may open again."""
    late = ticket.c.closed_at.is_(None) | (ticket.c.closed_at >= since)
    return set(connection.scalars(sa.select(ticket.c.ticket).where(ticket.c.resource == resource_id, late)))


def _folders(lake: Lake, resource_id: str, asking: Collection[str]) -> dict[str, list[Path]]:
    """Batch, or drawing of a sample → its folders in all areas, but those of these tickets. Some are named `<owner>.<batch>`."""
    found: dict[str, list[Path]] = {}
    for area in AREAS:
        for path in sorted((lake / area / resource_id).glob(f"*{resource_id}-*-*")):
            owner, _, batch = path.name.rpartition(".")
            if path.is_dir() and batch.startswith(f"{resource_id}-") and owner not in asking:
                found.setdefault(batch, []).append(path)
    return dict(sorted(found.items()))


def _remove(lake: Lake, resource_id: str, batch: str, files: list[Path]) -> None:
    for path in files:
        path.unlink()
    landed = lake / "landing" / resource_id / batch
    if (landed / manifest.NAME).is_file():
        described = manifest.read(landed)
        if described.files:
            manifest.correct(landed, replace(described, files=()))
    for folder in {path.parent for path in files}:
        manifest.sync_folder(folder)
