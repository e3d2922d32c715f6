"""From leaf rows to tiles to a signed checkpoint, by one integrator at a time.

Order, so that a kill at any point is repaired by the next run:
1. lease with a fencing number
2. the stored edge of the tree must give the last checkpoint's root, and the leaf rows must give the stored edge; older tiles and
   bundles are re-hashed in rotation
3. new tiles and entry bundles are written beside, flushed, renamed
4. what was written is read back from disk and hashed again, up to the root
5. partial files whose full file is there go (readers of the older size cut the full one)
6. the checkpoint is signed, stored under the fence in the database, then published

Nothing is signed over bytes that differ: step 2 raises LogDiverged, step 4 TileCorrupt (the flipped bit that ended a public log).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from license_hub.errors import LogDiverged, TileCorrupt
from license_hub.log import checkpoint as checkpoints
from license_hub.log.checkpoint import Checkpoint
from license_hub.log.hash_columns import leaf_hashes
from license_hub.log.proof import root_at
from license_hub.log.tiles import ENTRIES, TILE_BYTES, WIDTH, Tile, TileStore, entries_path, pack_entries, roots, tile_path
from license_hub.log.tree import HASH_BYTES
from license_hub.signing.suites import Signer

CHUNK = 64 * WIDTH
"""Leaf rows held in memory at once."""
SCRUB = 8
"""Full tiles re-read before each signature beside those the new root needs: some 3 ms."""


class LeafSource(Protocol):
    """Committed leaf rows and the register of checkpoints."""

    def lease(self, now: datetime) -> int:
        """Fencing number, higher than any before. Raises LeaseLost while another integrator's lease runs."""

    def size(self) -> int:
        """Committed rows without gap from 0."""

    def entries(self, start: int, stop: int) -> list[bytes]:
        """Leaves [start, stop)."""

    def hashes(self, start: int, stop: int) -> list[bytes]:
        """Their stored leaf hashes."""

    def latest_checkpoint(self) -> str | None:
        """Note of the checkpoint of the largest size."""

    def store_checkpoint(self, checkpoint: Checkpoint, fence: int) -> None:
        """Raises LeaseLost if a higher fence was given out since. Storing the stored one again changes nothing."""


def integrate(source: LeafSource, tiles: TileStore, signers: Sequence[Signer], origin: str, now: datetime) -> Checkpoint:
    """Extend the tiles to all committed rows, sign the root with each signer.

    Raises LeaseLost, LogDiverged, TileCorrupt, TileMissing.
    """
    fence = source.lease(now)
    last = _last(source, tiles, origin)
    if last:
        _scrub(tiles, last.size, fence)
    old, size = last.size if last else 0, source.size()
    if size < old:
        raise LogDiverged(f"the log was signed at {old} entries and {size} are left: run `hub restore replay` before anything is issued")
    if last and size == old:
        _publish(tiles, last)
        return last
    for level, index in _extend(source, tiles, old, size):
        tiles.drop_partial(level, index)
    new = checkpoints.sign(origin, size, root_at(_Disk(tiles), size), signers)
    source.store_checkpoint(new, fence)
    _publish(tiles, new)
    return new


def _last(source: LeafSource, tiles: TileStore, origin: str) -> Checkpoint | None:
    """The last checkpoint signed, still given by the stored tiles and not older than the published one."""
    note, published = source.latest_checkpoint(), tiles.read_checkpoint()
    last = checkpoints.parse(note) if note else None
    if published is not None:
        seen = checkpoints.parse(published)
        if last is None or seen.size > last.size or (seen.size == last.size and seen.root != last.root):
            raise LogDiverged(f"a checkpoint of {seen.size} entries is published that the database does not have: run `hub restore replay`")
    if last is None:
        return None
    if last.origin != origin:
        raise LogDiverged(f"the log was signed as {last.origin}, not as {origin}: set the origin back")
    if root_at(_Disk(tiles), last.size) != last.root:
        raise LogDiverged(f"stored tiles no longer give the root signed at {last.size} entries; run `hub log fsck`, then `hub log rebuild`")
    return last


def _scrub(tiles: TileStore, size: int, turn: int) -> None:
    """Re-reads and re-hashes the partial tile and bundle and, in rotation, SCRUB full ones. Raises TileCorrupt, TileMissing.

    A bit that flips in an old tile changes no later root, but it spoils the proofs that need it: it is found within a round of turns.
    """
    full, rest = divmod(size, WIDTH)
    if rest:
        _same_entries(tiles, full, tiles.read_tile(0, full, rest))
    for step in range(min(full, SCRUB)):
        index = (turn * SCRUB + step) % full
        parent, place = divmod(index, WIDTH)
        hashes = tiles.read_tile(0, index, WIDTH)
        above = tiles.read_tile(1, parent, min(WIDTH, full - parent * WIDTH))
        if roots(hashes) != above[place * HASH_BYTES : (place + 1) * HASH_BYTES]:
            raise TileCorrupt(f"{tile_path(0, index)}: not the hashes its parent was made of; `hub log rebuild`")
        _same_entries(tiles, index, hashes)


def _same_entries(tiles: TileStore, index: int, hashes: bytes) -> None:
    width = len(hashes) // HASH_BYTES
    if leaf_hashes(tiles.read_entries(index, width)) != hashes:
        raise TileCorrupt(f"{entries_path(index, width)}: not the entries of its tile; `hub log rebuild`")


class _Disk:
    """Tiles as they lie on disk, each read once, past the store's cache."""

    def __init__(self, store: TileStore):
        self._store = store
        self._read: dict[tuple[int, int, int], Tile] = {}

    def tile(self, level: int, index: int, width: int) -> Tile:
        where = (level, index, width)
        if where not in self._read:
            self._read[where] = Tile(self._store.read_tile(level, index, width))
        return self._read[where]


def _publish(tiles: TileStore, last: Checkpoint) -> None:
    """Never backwards: an integrator that was cut off and comes back must not undo its successor's."""
    published = tiles.read_checkpoint()
    # The same note with witnesses' lines behind it stays.
    if published is None or (not published.startswith(last.note) and checkpoints.parse(published).size <= last.size):
        tiles.publish_checkpoint(last.note)


def _extend(source: LeafSource, tiles: TileStore, old: int, size: int) -> list[tuple[int | str, int]]:
    """Write and re-read every tile from `old` to `size` entries; the (level, index) of tiles that became full."""
    full: list[tuple[int | str, int]] = []
    above = b""
    start = old // WIDTH * WIDTH
    for chunk in range(start, size, CHUNK):
        stop = min(chunk + CHUNK, size)
        above += _bottom(source, tiles, chunk, stop, old, full)
    level = 1
    while size >> (8 * level):
        above = _level(tiles, level, old >> (8 * level), size >> (8 * level), above, full)
        level += 1
    return full


def _bottom(source: LeafSource, tiles: TileStore, start: int, stop: int, old: int, full: list[tuple[int | str, int]]) -> bytes:
    """Level 0 and the entry bundles for [start, stop), `start` on a tile's border; roots of the tiles that are full."""
    entries = source.entries(start, stop)
    hashes = leaf_hashes(entries)
    if len(entries) != stop - start or hashes != b"".join(source.hashes(start, stop)):
        raise LogDiverged(f"leaf rows {start} to {stop - 1} do not give their stored hashes; run `hub log fsck`")
    if start < old and hashes[: (old - start) * HASH_BYTES] != tiles.read_tile(0, start // WIDTH, old - start):
        raise LogDiverged(f"leaf rows from {start} on differ from the published tile; run `hub log fsck`")
    files = {}
    for at in range(0, stop - start, WIDTH):
        index, part = (start + at) // WIDTH, entries[at : at + WIDTH]
        files[tile_path(0, index, len(part))] = hashes[at * HASH_BYTES : (at + WIDTH) * HASH_BYTES]
        files[entries_path(index, len(part))] = pack_entries(part)
    tiles.write(files)
    stored: list[bytes] = []
    for at in range(0, stop - start, WIDTH):
        index, width = (start + at) // WIDTH, min(WIDTH, stop - start - at)
        _same(tiles, 0, index, hashes[at * HASH_BYTES : (at + WIDTH) * HASH_BYTES])
        stored += tiles.read_entries(index, width)
        if width == WIDTH:
            full += [(0, index), (ENTRIES, index)]
    if leaf_hashes(stored) != hashes:
        raise TileCorrupt(f"entries {start} to {stop - 1}: what was read back is not what was written; nothing was signed")
    return roots(hashes)


def _level(tiles: TileStore, level: int, old: int, size: int, new: bytes, full: list[tuple[int | str, int]]) -> bytes:
    """One level above 0: `old` hashes are stored, `new` follow up to `size`; roots of the tiles that are full."""
    first = old // WIDTH
    hashes = (tiles.read_tile(level, first, old % WIDTH) if old % WIDTH else b"") + new
    if first * WIDTH * HASH_BYTES + len(hashes) != size * HASH_BYTES:
        raise TileCorrupt(f"level {level} has {first * WIDTH + len(hashes) // HASH_BYTES} hashes where {size} belong")
    groups = {first + at // TILE_BYTES: hashes[at : at + TILE_BYTES] for at in range(0, len(hashes), TILE_BYTES)}
    tiles.write({tile_path(level, index, len(group) // HASH_BYTES): group for index, group in groups.items()})
    for index, group in groups.items():
        _same(tiles, level, index, group)
        if len(group) == TILE_BYTES:
            full.append((level, index))
    return roots(hashes)


def _same(tiles: TileStore, level: int, index: int, meant: bytes) -> None:
    width = len(meant) // HASH_BYTES
    if tiles.read_tile(level, index, width) != meant:
        raise TileCorrupt(f"{tile_path(level, index, width)}: what was read back is not what was written; nothing was signed")
