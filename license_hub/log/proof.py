"""Roots and proofs computed from tiles alone (RFC 6962 §2.1.1 and §2.1.2). Nothing is stored; verification is in `tree`."""

from __future__ import annotations

from license_hub.log.tiles import WIDTH, Tiles
from license_hub.log.tree import EMPTY_ROOT, node_hash

TILE_HEIGHT = 8


def root_at(tiles: Tiles, size: int) -> bytes:
    """Root of the first `size` entries. Raises TileMissing, TileCorrupt."""
    return _subtree(tiles, 0, size, size) if size else EMPTY_ROOT


def inclusion_proof(tiles: Tiles, index: int, size: int) -> list[bytes]:
    """Path of entry `index` in the tree of `size`, leaf's sibling first. Raises ValueError, TileMissing, TileCorrupt."""
    if not 0 <= index < size:
        raise ValueError(f"entry {index} is not in a tree of {size}")
    path: list[bytes] = []
    start, stop = 0, size
    while stop - start > 1:
        middle = start + _split(stop - start)
        if index < middle:
            path.append(_subtree(tiles, middle, stop, size))
            stop = middle
        else:
            path.append(_subtree(tiles, start, middle, size))
            start = middle
    return path[::-1]


def consistency_proof(tiles: Tiles, old: int, new: int) -> list[bytes]:
    """That the tree of `new` entries begins with that of `old`. Raises ValueError, TileMissing, TileCorrupt."""
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {new} does not begin with one of {old}")
    if old in (0, new):
        return []
    path: list[bytes] = []
    start, stop = 0, new
    while stop != old:
        middle = start + _split(stop - start)
        if old <= middle:
            path.append(_subtree(tiles, middle, stop, new))
            stop = middle
        else:
            path.append(_subtree(tiles, start, middle, new))
            start = middle
    # The old tree's last subtree; left out when it is the whole old tree, whose root the verifier has.
    if start:
        path.append(_subtree(tiles, start, stop, new))
    return path[::-1]


def _subtree(tiles: Tiles, start: int, stop: int, size: int) -> bytes:
    """Root over entries [start, stop), as RFC 6962 splits them; `size` says which tiles are partial."""
    count = stop - start
    if count & (count - 1) == 0:
        return _node(tiles, count.bit_length() - 1, start, size)
    middle = start + _split(count)
    return node_hash(_subtree(tiles, start, middle, size), _subtree(tiles, middle, stop, size))


def _node(tiles: Tiles, height: int, start: int, size: int) -> bytes:
    """Root of the whole subtree of 2^height entries from `start` on."""
    level, inner = divmod(height, TILE_HEIGHT)
    position = start >> (level * TILE_HEIGHT)
    index = position // WIDTH
    width = min(WIDTH, (size >> (level * TILE_HEIGHT)) - index * WIDTH)
    return tiles.tile(level, index, width).node(inner, (position % WIDTH) >> inner)


def _split(count: int) -> int:
    """Largest power of two below `count` (RFC 6962 §2.1)."""
    return 1 << (count - 1).bit_length() - 1
