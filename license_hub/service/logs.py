"""The hub's two logs: of licenses, and of audit entries. One code keeps both; each has its own rows, tiles, origin and checkpoints."""

from __future__ import annotations

from dataclasses import dataclass

from license_hub.log.tiles import TileStore
from license_hub.service.hub import Hub
from license_hub.storage.leaves import AUDIT, LICENSES, LogTables


@dataclass(frozen=True)
class Log:
    tables: LogTables
    tiles: TileStore
    origin: str


def licenses(hub: Hub) -> Log:
    return Log(LICENSES, hub.tiles, hub.origin)


def audit(hub: Hub) -> Log:
    """Not public as a whole: who asked is told by counts and times too. Its checkpoints are witnessed like the other's."""
    return Log(AUDIT, hub.audit_tiles, f"{hub.origin}/audit")
