from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from license_hub.errors import TileCorrupt, TileMissing
from license_hub.log import tree
from license_hub.log.proof import consistency_proof, inclusion_proof, root_at
from license_hub.log.tiles import (
    ENTRIES,
    Tile,
    TileMap,
    TileStore,
    build,
    entries_path,
    pack_entries,
    parse_path,
    tile_path,
    unpack_entries,
)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (tile_path(0, 0), "tile/0/000"),
        (tile_path(0, 1234067), "tile/0/x001/x234/067"),
        (tile_path(1, 1234, 5), "tile/1/x001/234.p/5"),
        (entries_path(999), "tile/entries/999"),
        (entries_path(1000, 255), "tile/entries/x001/000.p/255"),
    ],
)
def test_path_is_spelt_as_in_the_specification(path, expected):
    assert path == expected


@given(st.integers(0, 63), st.integers(0, 10**12), st.integers(1, 256))
def test_path_of_any_tile_reads_back(level, index, width):
    assert parse_path(tile_path(level, index, width)) == (str(level), index, width)
    assert parse_path(entries_path(index, width)) == (ENTRIES, index, width)


@pytest.mark.parametrize(
    "path",
    [
        "tile/64/000",
        "tile/00/000",
        "tile/0/0",
        "tile/0/x000/000",
        "tile/0/000.p/256",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/../../checkpoint",
        "tile/0/000/",
        "checkpoint",
        "tile/entries/٠٠٠",
        "tile/0/000\n",
    ],
)
def test_path_in_any_other_spelling_is_refused(path, store):
    with pytest.raises(ValueError, match="not the path"):
        parse_path(path)
    assert store.serve(path) is None


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_entry_bundle_reads_back(entries):
    assert unpack_entries(pack_entries(entries)) == entries


@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=5))
def test_entry_bundle_cut_anywhere_never_reads_back_whole(entries):
    packed = pack_entries(entries)
    for cut in range(len(packed)):
        try:
            assert unpack_entries(packed[:cut]) != entries
        except TileCorrupt:
            continue


def test_entry_of_more_than_65535_bytes_is_refused():
    with pytest.raises(OverflowError):
        pack_entries([b"x" * 65536])


@pytest.mark.parametrize(("size", "levels"), [(1, [1]), (255, [1]), (256, [1, 1]), (257, [2, 1]), (600, [3, 1])])
def test_build_gives_the_tiles_of_the_specification(size, levels):
    tiles = build([tree.leaf_hash(b"%d" % number) for number in range(size)])
    assert [len([1 for level, _ in tiles if level == wanted]) for wanted in range(len(levels))] == levels
    assert len(tiles) == sum(levels)


def test_tree_of_70000_has_the_tiles_named_in_the_specification():
    hashes = [tree.leaf_hash(b"%d" % number) for number in range(70_000)]
    tiles = build(hashes)
    widths = {place: len(data) // 32 for place, data in tiles.items()}
    assert sum(1 for (level, _), width in widths.items() if level == 0 and width == 256) == 273
    assert [widths[(0, 273)], widths[(1, 0)], widths[(1, 1)], widths[(2, 0)]] == [112, 256, 17, 1]
    source, root = TileMap(tiles), tree.root(hashes)
    assert root_at(source, 70_000) == root
    for index in random.Random(7).sample(range(70_000), 50):
        assert tree.inclusion(hashes[index], index, 70_000, inclusion_proof(source, index, 70_000), root)
    for old in (1, 255, 256, 257, 65_535, 65_536, 65_537, 69_999):
        assert tree.consistency(old, 70_000, tree.root(hashes[:old]), root, consistency_proof(source, old, 70_000))


def test_store_gives_back_what_it_was_given(store):
    hashes = [tree.leaf_hash(b"%d" % number) for number in range(300)]
    files = {tile_path(level, index, len(data) // 32): data for (level, index), data in build(hashes).items()}
    assert store.write(files) == 3
    assert store.write(files) == 0
    assert root_at(store, 300) == tree.root(hashes)
    assert store.serve("tile/0/001.p/44") == files["tile/0/001.p/44"]


def test_store_cuts_the_full_tile_where_the_partial_one_is_gone(store):
    hashes = [tree.leaf_hash(b"%d" % number) for number in range(256)]
    store.write({tile_path(0, 0): b"".join(hashes)})
    assert store.tile(0, 0, 7).data == b"".join(hashes[:7])


def test_store_without_the_tile_says_which(store):
    with pytest.raises(TileMissing, match="tile/3/017.p/9"):
        store.read_tile(3, 17, 9)


@pytest.mark.parametrize("wrong", [b"", b"x" * 31, b"x" * 33, b"x" * 32 * 257])
def test_tile_of_a_wrong_length_is_refused(wrong):
    with pytest.raises(TileCorrupt):
        Tile(wrong)


@pytest.mark.parametrize("stored", [b"x" * 64, b"x" * 128, b""])
def test_store_with_a_tile_file_of_another_length_refuses_it(store, stored):
    store.write({tile_path(0, 0, 3): stored})
    with pytest.raises(TileCorrupt):
        store.read_tile(0, 0, 3)


def test_store_never_rewrites_history(store):
    store.write({tile_path(0, 0, 1): b"a" * 32})
    with pytest.raises(TileCorrupt, match="differ"):
        store.write({tile_path(0, 0, 1): b"b" * 32})
    assert store.read_tile(0, 0, 1) == b"a" * 32


def test_store_replaces_only_the_checkpoint(store):
    assert store.read_checkpoint() is None
    store.publish_checkpoint("first")
    store.publish_checkpoint("second")
    assert store.read_checkpoint() == "second"


def test_partial_files_go_only_when_the_full_one_is_there(store):
    store.write({tile_path(0, 0, 1): b"a" * 32})
    store.drop_partial(0, 0)
    assert store.serve("tile/0/000.p/1") == b"a" * 32
    store.write({tile_path(0, 0): b"a" * 32 * 256})
    store.drop_partial(0, 0)
    assert not (store.directory / "tile/0/000.p").exists()
    assert store.serve("tile/0/000.p/1") == store.read_tile(0, 0, 1) == b"a" * 32


def test_cache_holds_no_more_than_it_may(tmp_path):
    store = TileStore(tmp_path, cached_tiles=2)
    store.write({tile_path(0, index): bytes([index]) * 8192 for index in range(4)})
    assert [store.tile(0, index, 256).data[0] for index in range(4)] == [0, 1, 2, 3]
    (tmp_path / tile_path(0, 3)).unlink()
    (tmp_path / tile_path(0, 0)).unlink()
    assert store.tile(0, 3, 256).data[0] == 3
    with pytest.raises(TileMissing):
        store.tile(0, 0, 256)
