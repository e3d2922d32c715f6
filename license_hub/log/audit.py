"""Reads the whole stored log again: every tile, every entry bundle, the published checkpoint. For `hub log fsck`.

Nothing is trusted but the checkpoint's own root: entries give leaf hashes, leaf hashes give level 0, full tiles give the level above,
and the top must give the signed root. Each fault names the file and, where one is to blame, the first entry that differs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from license_hub.errors import LogError
from license_hub.log.checkpoint import Checkpoint
from license_hub.log.proof import root_at
from license_hub.log.tiles import WIDTH, Tile, TileStore, entries_path, tile_path
from license_hub.log.tree import HASH_BYTES, leaf_hash


class Rows(Protocol):
    """Leaf rows as the database holds them (a `LeafSource` is one)."""

    def entries(self, start: int, stop: int) -> list[bytes]: ...

    def hashes(self, start: int, stop: int) -> list[bytes]: ...


@dataclass(frozen=True)
class LogFault:
    path: str
    entry: int | None
    what: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}" + ("" if self.entry is None else f" (entry {self.entry})")


def faults(store: TileStore, checkpoint: Checkpoint, rows: Rows | None = None) -> Iterator[LogFault]:
    """Everything that does not agree up to the checkpoint; `rows` compares the leaf rows as well."""
    if not (store.read_checkpoint() or "").startswith(checkpoint.note):
        yield LogFault("checkpoint", None, "the published checkpoint is not the one stored in the database")
    hashes: list[bytes] = []
    for index in range(-(-checkpoint.size // WIDTH)):
        width = min(WIDTH, checkpoint.size - index * WIDTH)
        hashes += yield from _bottom(store, index, width, checkpoint.size, rows)
    yield from _upper(store, checkpoint.size, hashes)
    try:
        if root_at(_Uncached(store), checkpoint.size) != checkpoint.root:
            yield LogFault("checkpoint", None, "the stored tiles do not give the signed root")
    except LogError as fault:
        yield LogFault("checkpoint", None, f"the root cannot be computed: {fault}")


class _Uncached:
    def __init__(self, store: TileStore):
        self._store = store

    def tile(self, level: int, index: int, width: int) -> Tile:
        return Tile(self._store.read_tile(level, index, width))


def _bottom(store: TileStore, index: int, width: int, size: int, rows: Rows | None) -> Iterator[LogFault]:
    """Faults of one tile, its entry bundle and its rows. Returns [root of the tile] if it is full, [] if it is not.

    Three versions of the same hashes: the one the level above confirms is right, else the one that most agree on.
    """
    start = index * WIDTH
    versions = {
        tile_path(0, index, width): (yield from _read(tile_path(0, index, width), partial(_hashes, store, 0, index, width))),
        entries_path(index, width): (yield from _read(entries_path(index, width), partial(_entry_hashes, store, index, width))),
    }
    if rows is not None:
        versions["hub_leaf"] = _row_hashes(rows, start, start + width)
    known = [one for one in versions.values() if one]
    if not known:
        return []
    above = _hash_above(store, index, size) if width == WIDTH else None
    right = next((one for one in known if above and len(one) == width and _root(one) == above), max(known, key=known.count))
    for path, hashes in versions.items():
        if hashes is not None and hashes != right:
            for at in range(width):
                if hashes[at : at + 1] != right[at : at + 1]:
                    yield LogFault(path, start + at, "differs from the other places that hold this entry")
    return [_root(right)] if len(right) == WIDTH else []


def _upper(store: TileStore, size: int, hashes: list[bytes]) -> Iterator[LogFault]:
    level = 1
    while size >> (8 * level) and len(hashes) == size >> (8 * level):
        above = []
        for at in range(0, len(hashes), WIDTH):
            group = hashes[at : at + WIDTH]
            path = tile_path(level, at // WIDTH, len(group))
            stored = yield from _read(path, partial(_hashes, store, level, at // WIDTH, len(group)))
            if stored is not None and stored != group:
                yield LogFault(path, None, "not the hashes of the tiles below it")
            if len(group) == WIDTH:
                above.append(_root(group))
        level, hashes = level + 1, above


def _read(path: str, fetch: Callable[[], list[bytes]]) -> Iterator[LogFault]:
    """What `fetch` gives, or None after naming the file that cannot be read."""
    try:
        return fetch()
    except LogError as fault:
        yield LogFault(path, None, str(fault))
        return None


def _hashes(store: TileStore, level: int, index: int, width: int) -> list[bytes]:
    data = store.read_tile(level, index, width)
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]


def _entry_hashes(store: TileStore, index: int, width: int) -> list[bytes]:
    return [leaf_hash(one) for one in store.read_entries(index, width)]


def _row_hashes(rows: Rows, start: int, stop: int) -> list[bytes]:
    """Hashes of the leaf rows; empty where a row does not give the hash stored beside it."""
    pairs = zip(rows.entries(start, stop), rows.hashes(start, stop), strict=False)
    return [bytes(stored) if leaf_hash(bytes(leaf)) == bytes(stored) else b"" for leaf, stored in pairs]


def _hash_above(store: TileStore, index: int, size: int) -> bytes | None:
    """The stored hash of a full tile of level 0, or None where it cannot be read."""
    parent = index // WIDTH
    try:
        return _hashes(store, 1, parent, min(WIDTH, size // WIDTH - parent * WIDTH))[index % WIDTH]
    except LogError:
        return None


def _root(hashes: list[bytes]) -> bytes:
    return Tile(b"".join(hashes)).node(8, 0) if len(hashes) == WIDTH else b""
