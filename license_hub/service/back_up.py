"""One backup: the database, the log's tiles under their checkpoint, and a manifest written last. Keys are not in it: they go elsewhere."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import sqlalchemy as sa

from license_hub.errors import BackupFault
from license_hub.log import checkpoint as checkpoints
from license_hub.log.copy import copy_log
from license_hub.log.tiles import TileStore
from license_hub.service.hub import Hub
from license_hub.signing.commitment import instant
from license_hub.storage import backup
from license_hub.storage.tables import sequence

MANIFEST = "backup.json"
KINDS = {"postgresql": "database", "sqlite": "hub.db"}


@dataclass(frozen=True)
class Backup:
    """`entries`: how many the database held when the copy began; the log's tiles may be fewer, never more."""

    path: str
    kind: str
    made_at: str
    entries: int
    log_size: int
    origin: str


def back_up(hub: Hub, folder: Path, *, url: str, programs: str = "") -> Backup:
    """A new folder below `folder`. What has no manifest is not a backup. Raises BackupFault."""
    kind, at = hub.engine.dialect.name, hub.now()
    target = folder / f"hub-{at:%Y%m%dT%H%M%S}"
    try:
        target.mkdir(parents=True, mode=0o700)
    except FileExistsError:
        raise BackupFault(f"{target} is there already: wait a second") from None
    note = hub.tiles.read_checkpoint()
    head = checkpoints.parse(note) if note else None
    if head:
        copy_log(hub.tiles, TileStore(target / "log"), head)
    with hub.engine.connect() as connection:
        entries = connection.execute(sa.select(sequence.c.next).where(sequence.c.name == "log")).scalar_one()
    if kind == "sqlite":
        backup.copy_sqlite(Path(str(hub.engine.url.database)), target / KINDS[kind])
    else:
        backup.base_backup(url, target / KINDS[kind], programs)
    made = Backup(str(target), kind, instant(at), entries, head.size if head else 0, hub.origin)
    (target / MANIFEST).write_text(json.dumps(asdict(made) | {"v": 1}, indent=1) + "\n")
    return made


def read_manifest(folder: Path) -> Mapping[str, object]:
    """Raises BackupFault for what is no backup of ours."""
    try:
        found = json.loads((folder / MANIFEST).read_text())
    except (OSError, ValueError):
        raise BackupFault(f"{folder} has no {MANIFEST}: it is not a backup, or was not finished") from None
    if found.get("v") != 1 or found.get("kind") not in KINDS:
        raise BackupFault(f"{folder / MANIFEST} is of another version")
    return found


def lay_out(folder: Path, *, data: Path, lake: Path, wal: Path | None = None, point: str = "") -> Mapping[str, object]:
    """Puts a backup's database at `data` and, where the log's own tiles did not survive in `lake`, its tiles there."""
    found = read_manifest(folder)
    if found["kind"] == "sqlite":
        if data.exists():
            raise BackupFault(f"{data} is there already: move it away, it may still be of use")
        data.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / KINDS["sqlite"], data)
    else:
        backup.lay_out(folder / KINDS["postgresql"], data, wal, point)
    log = TileStore(folder / "log")
    own, note = TileStore(lake / "log"), log.read_checkpoint()
    if own.read_checkpoint() is None and note is not None:
        copy_log(log, own, checkpoints.parse(note))
    return found
