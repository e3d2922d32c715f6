"""A leaf is under a root exactly where RFC 6962's own path says so, and what was hashed once is not read again."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from license_hub.errors import TileCorrupt, TileMissing
from license_hub.log.checked import CheckedTiles
from license_hub.log.proof import inclusion_proof, root_at
from license_hub.log.tiles import WIDTH, Tile, TileMap, build
from license_hub.log.tree import inclusion

HASHES = [hashlib.sha256(n.to_bytes(4, "big")).digest() for n in range(WIDTH * WIDTH + WIDTH + 3)]


class Read:
    """Tiles that count what is read of them."""

    def __init__(self, data: dict[tuple[int, int], bytes]):
        self._tiles = TileMap(data)
        self.reads: list[tuple[int, int]] = []

    def tile(self, level: int, index: int, width: int) -> Tile:
        self.reads.append((level, index))
        return self._tiles.tile(level, index, width)


@pytest.fixture(scope="module")
def tiles() -> dict[tuple[int, int], bytes]:
    return build(HASHES)


SIZES = st.one_of(st.integers(1, 600), st.sampled_from([255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 65_791, 65_792, len(HASHES)]))


@given(size=SIZES, data=st.data())
def test_leaf_is_covered_where_its_path_leads_to_the_root(tiles, size, data):
    index = data.draw(st.integers(0, size - 1))
    source, checked = TileMap(tiles), CheckedTiles()
    root = root_at(source, size)
    assert inclusion(HASHES[index], index, size, inclusion_proof(source, index, size), root)
    assert checked.covers(source, HASHES[index], index, size, root)
    other = data.draw(st.integers(0, size - 1))
    assert checked.covers(source, HASHES[other], index, size, root) == (other == index)
    assert not checked.covers(source, HASHES[index], size, size, root)


@given(size=SIZES, data=st.data())
def test_t1_tile_with_a_flipped_bit_is_refused_however_it_leads_to_the_root(tiles, size, data):
    index = data.draw(st.integers(0, size - 1))
    source = Read(tiles)
    root = root_at(TileMap(tiles), size)
    assert CheckedTiles().covers(source, HASHES[index], index, size, root)
    if size == 1:
        # A tree of one leaf is its leaf: no tile is asked.
        assert source.reads == []
        return
    level, place = data.draw(st.sampled_from(source.reads))
    # Of a partial tile what the tree of that size has of it.
    width = min(WIDTH, (size >> (8 * level)) - place * WIDTH)
    at = data.draw(st.integers(0, width * 32 - 1))
    whole = bytearray(tiles[level, place])
    whole[at] ^= 1 << data.draw(st.integers(0, 7))
    flipped = TileMap({**tiles, (level, place): bytes(whole)})
    with pytest.raises(TileCorrupt):
        CheckedTiles().covers(flipped, HASHES[index], index, size, root)


def test_other_root_or_a_missing_tile_is_refused(tiles):
    source = TileMap(tiles)
    with pytest.raises(TileCorrupt):
        CheckedTiles().covers(source, HASHES[3], 3, 600, bytes(32))
    with pytest.raises(TileMissing):
        CheckedTiles().covers(TileMap({}), HASHES[3], 3, 600, root_at(source, 600))


def test_next_checkpoint_of_a_growing_log_reads_its_edge_alone(tiles):
    source, checked = Read(tiles), CheckedTiles()
    first, second = 65_200, len(HASHES)
    for index in range(0, first, 100):
        assert checked.covers(source, HASHES[index], index, first, root_at(TileMap(tiles), first))
    assert len(source.reads) == len(set(source.reads))
    source.reads.clear()
    for index in range(0, first, 100):
        assert checked.covers(source, HASHES[index], index, second, root_at(TileMap(tiles), second))
    # The partial tiles of the new size, and those that have become full.
    assert source.reads == [(0, 257), (1, 1), (2, 0), (1, 0), (0, 254)]


def test_forgotten_tiles_are_read_again(tiles):
    source, checked = Read(tiles), CheckedTiles(full=2, edges=1)
    for _ in range(2):
        for index in range(0, 60_000, 256):
            assert checked.covers(source, HASHES[index], index, 65_000, root_at(TileMap(tiles), 65_000))
    assert source.reads.count((0, 0)) == 2
