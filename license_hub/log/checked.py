"""Tiles that lead to a signed root, each read and hashed once however many of its leaves are asked about.

    root ── is made of ──► the edge: one partial tile a level, or none
    edge ── names ──► full tiles below it, by their roots ── name ──► full tiles …

- A full tile is remembered by the root it hashes to: under the next checkpoint of a growing log only the edge is new.
- Whether a tile belongs to a tree is asked from the signed root downwards each time; only the hashing is remembered.
"""

from __future__ import annotations

from license_hub.errors import TileCorrupt
from license_hub.log.proof import root_at
from license_hub.log.tiles import HEIGHT, WIDTH, TileMap, Tiles
from license_hub.log.tree import HASH_BYTES
from license_hub.recent import Recent

FULL = 16_384
"""Full tiles remembered: 128 MiB, the proofs of four million leaves."""
EDGES = 2_048
"""Edges remembered: of the newest checkpoints and of as many attestations."""


class CheckedTiles:
    """For any number of trees; safe for threads."""

    def __init__(self, full: int = FULL, edges: int = EDGES):
        self._full: Recent[bytes] = Recent(full)
        """Root → the tile's hashes."""
        self._edges: Recent[dict[int, bytes]] = Recent(edges)
        """(root of the tree, its size) → level → hashes of its partial tile."""

    def covers(self, tiles: Tiles, hashed: bytes, index: int, size: int, root: bytes) -> bool:
        """Whether `hashed` is leaf `index` of the tree of `size` leaves with that root; `tiles` are those of that tree.

        Raises TileMissing, TileCorrupt.
        """
        if not 0 <= index < size:
            return False
        if size == 1:
            return hashed == root
        return _hash(self._tile(tiles, 0, index // WIDTH, size, root), index) == hashed

    def _tile(self, tiles: Tiles, level: int, index: int, size: int, root: bytes) -> bytes:
        if index == (size >> (HEIGHT * level)) // WIDTH:
            return self._edge(tiles, size, root)[level]
        expected = _hash(self._tile(tiles, level + 1, index // WIDTH, size, root), index)
        found = self._full.get(expected)
        if found is None:
            tile = tiles.tile(level, index, WIDTH)
            if tile.node(HEIGHT, 0) != expected:
                raise TileCorrupt(f"tile {level}/{index}: not the hashes its parent was made of")
            found = self._full.put(expected, tile.data)
        return found

    def _edge(self, tiles: Tiles, size: int, root: bytes) -> dict[int, bytes]:
        found = self._edges.get((root, size))
        if found is None:
            read = dict(_partial(tiles, size))
            if root_at(TileMap({(level, (size >> (HEIGHT * level)) // WIDTH): data for level, data in read.items()}), size) != root:
                raise TileCorrupt(f"the partial tiles of {size} leaves do not give the signed root")
            found = self._edges.put((root, size), read)
        return found


def _partial(tiles: Tiles, size: int) -> list[tuple[int, bytes]]:
    """(level, hashes) of each partial tile: together all that the root of `size` leaves is made of."""
    found, level, count = [], 0, size
    while count:
        index, width = divmod(count, WIDTH)
        if width:
            found.append((level, tiles.tile(level, index, width).data))
        level, count = level + 1, index
    return found


def _hash(data: bytes, index: int) -> bytes:
    at = index % WIDTH * HASH_BYTES
    return data[at : at + HASH_BYTES]
