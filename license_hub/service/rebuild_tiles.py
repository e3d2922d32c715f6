"""Writes a log's tiles again from its leaf rows, where they are missing or differ: only if the rows give the root signed last."""

from __future__ import annotations

from license_hub.errors import HubError, LogDiverged
from license_hub.log import checkpoint as checkpoints
from license_hub.log.files import place
from license_hub.log.integrator import CHUNK
from license_hub.log.proof import root_at
from license_hub.log.tiles import WIDTH, TileMap, build, entries_path, pack_entries, tile_path
from license_hub.log.tree import HASH_BYTES, leaf_hash
from license_hub.service.hub import Hub
from license_hub.service.integrate import as_integrator
from license_hub.service.logs import Log
from license_hub.storage.engine import reading
from license_hub.storage.leaves import LeafRows


def rebuild_tiles(hub: Hub, log: Log) -> int:
    """How many files were written. Raises LogDiverged, LeaseLost. Nothing is signed; `integrate` goes on from here."""
    with as_integrator(hub, log) as rows:
        note = rows.latest_checkpoint()
        if note is None:
            return 0
        with reading(hub.engine) as connection:
            hub.security.refresh(connection)
        try:
            # A fallen key's too: its successor goes on from these very tiles, after proof (`succession`).
            head = checkpoints.verify(note, log.origin, hub.security.checkpoint_keys(log.origin))
        except HubError:
            raise LogDiverged("the newest checkpoint in the database does not verify: restore the database") from None
        tiles = build(_hashes(rows, head.size))
        if root_at(TileMap(tiles), head.size) != head.root:
            raise LogDiverged(f"the leaf rows do not give the root signed at {head.size} entries: restore the database, then the tiles")
        files = {tile_path(level, index, len(data) // HASH_BYTES): data for (level, index), data in tiles.items()}
        written = place(log.tiles.directory, files, replace=True)
        for start in range(0, head.size, CHUNK):
            entries = rows.entries(start, min(start + CHUNK, head.size))
            bundles = {
                entries_path((start + at) // WIDTH, len(part)): pack_entries(part)
                for at in range(0, len(entries), WIDTH)
                if (part := entries[at : at + WIDTH])
            }
            written += place(log.tiles.directory, bundles, replace=True)
    return written


def _hashes(rows: LeafRows, size: int) -> list[bytes]:
    """Recomputed from the leaves, not taken from the column beside them."""
    return [leaf_hash(one) for start in range(0, size, CHUNK) for one in rows.entries(start, min(start + CHUNK, size))]
