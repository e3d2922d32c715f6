"""One backup: the database, both logs' tiles under their checkpoints, the newest key manifest, and a manifest written last.

Keys are not in it: they go elsewhere.
"""

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
from license_hub.log.files import place, read
from license_hub.log.tiles import TileStore
from license_hub.service.hub import Hub
from license_hub.service.kept_manifest import NAME as KEY_MANIFEST
from license_hub.service.kept_manifest import best, keep
from license_hub.signing.commitment import instant
from license_hub.storage import backup
from license_hub.storage.tables import sequence

MANIFEST = "backup.json"
LOGS = {"log": lambda hub: hub.tiles, "audit-log": lambda hub: hub.audit_tiles}
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
    keep(hub)
    note = hub.tiles.read_checkpoint()
    head = checkpoints.parse(note) if note else None
    for name, tiles in LOGS.items():
        _copy(tiles(hub), TileStore(target / name))
    signed = best(hub)
    if signed:
        place(target / "log", {KEY_MANIFEST: signed.note.encode()})
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
    """Puts a backup's database at `data` and, where a log's own tiles did not survive in `lake`, its tiles there. Raises BackupFault."""
    found = read_manifest(folder)
    if point and (found["kind"] == "sqlite" or wal is None):
        raise BackupFault(f"--to {point}: a moment can be restored from PostgreSQL's archive alone; give it with --wal")
    if found["kind"] == "sqlite":
        if data.exists():
            raise BackupFault(f"{data} is there already: move it away, it may still be of use")
        data.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / KINDS["sqlite"], data)
    else:
        backup.lay_out(folder / KINDS["postgresql"], data, wal, point)
    for name in LOGS:
        own = TileStore(lake / name)
        if own.read_checkpoint() is None:
            _copy(TileStore(folder / name), own)
    signed = read(folder / "log" / KEY_MANIFEST)
    if signed is not None and read(lake / "log" / KEY_MANIFEST) is None:
        place(lake / "log", {KEY_MANIFEST: signed})
    return found


def _copy(source: TileStore, target: TileStore) -> None:
    note = source.read_checkpoint()
    if note is not None:
        copy_log(source, target, checkpoints.parse(note))
