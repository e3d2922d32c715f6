from __future__ import annotations

import hashlib

import pytest

from license_hub.log import tree
from license_hub.log.proof import consistency_proof, inclusion_proof, root_at
from license_hub.log.tiles import TileMap, build

# The eight inputs and roots every Certificate Transparency implementation tests with (RFC 6962 §2.1 hashing).
INPUTS = [
    bytes.fromhex(one) for one in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LARGEST = 80


def leaf_hashes(count: int) -> list[bytes]:
    return [tree.leaf_hash(bytes([number])) for number in range(count)]


def recursive_root(hashes: list[bytes]) -> bytes:
    """RFC 6962 §2.1, word for word."""
    if not hashes:
        return hashlib.sha256().digest()
    if len(hashes) == 1:
        return hashes[0]
    split = largest_power_below(len(hashes))
    return hashlib.sha256(b"\x01" + recursive_root(hashes[:split]) + recursive_root(hashes[split:])).digest()


def recursive_path(index: int, hashes: list[bytes]) -> list[bytes]:
    """RFC 6962 §2.1.1."""
    if len(hashes) == 1:
        return []
    split = largest_power_below(len(hashes))
    if index < split:
        return [*recursive_path(index, hashes[:split]), recursive_root(hashes[split:])]
    return [*recursive_path(index - split, hashes[split:]), recursive_root(hashes[:split])]


def recursive_consistency(old: int, hashes: list[bytes], whole: bool = True) -> list[bytes]:
    """RFC 6962 §2.1.2."""
    if old == len(hashes):
        return [] if whole else [recursive_root(hashes)]
    split = largest_power_below(len(hashes))
    if old <= split:
        return [*recursive_consistency(old, hashes[:split], whole), recursive_root(hashes[split:])]
    return [*recursive_consistency(old - split, hashes[split:], False), recursive_root(hashes[:split])]


def largest_power_below(count: int) -> int:
    power = 1
    while power * 2 < count:
        power *= 2
    return power


@pytest.mark.parametrize("count", range(1, 9))
def test_root_of_the_known_vectors_is_the_published_one(count):
    assert tree.root([tree.leaf_hash(one) for one in INPUTS[:count]]).hex() == ROOTS[count - 1]


def test_root_of_nothing_is_the_hash_of_nothing():
    assert tree.root([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_root_of_the_known_vectors_from_tiles_is_the_published_one():
    tiles = TileMap(build([tree.leaf_hash(one) for one in INPUTS]))
    assert root_at(tiles, 8).hex() == ROOTS[7]


def test_inclusion_of_the_known_vectors_has_the_published_path():
    tiles = TileMap(build([tree.leaf_hash(one) for one in INPUTS]))
    assert [one.hex() for one in inclusion_proof(tiles, 5, 8)] == [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


@pytest.mark.parametrize("size", range(1, LARGEST + 1))
def test_inclusion_of_every_leaf_equals_the_recursive_definition_and_verifies(size):
    hashes = leaf_hashes(size)
    tiles, root = TileMap(build(hashes)), recursive_root(hashes)
    assert tree.root(hashes) == root == root_at(tiles, size)
    for index, leaf in enumerate(hashes):
        path = inclusion_proof(tiles, index, size)
        assert path == recursive_path(index, hashes)
        assert tree.inclusion(leaf, index, size, path, root)


@pytest.mark.parametrize("new", range(1, LARGEST + 1))
def test_consistency_with_every_older_size_equals_the_recursive_definition_and_verifies(new):
    hashes = leaf_hashes(new)
    tiles, root = TileMap(build(hashes)), recursive_root(hashes)
    for old in range(1, new + 1):
        path = consistency_proof(tiles, old, new)
        assert path == recursive_consistency(old, hashes)
        assert tree.consistency(old, new, recursive_root(hashes[:old]), root, path)
    assert tree.consistency(0, new, tree.EMPTY_ROOT, root, consistency_proof(tiles, 0, new))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 13, 64])
def test_inclusion_with_anything_changed_is_refused(size):
    hashes = leaf_hashes(size)
    tiles, root = TileMap(build(hashes)), tree.root(hashes)
    for index, leaf in enumerate(hashes):
        path = inclusion_proof(tiles, index, size)
        assert not tree.inclusion(tree.leaf_hash(b"other"), index, size, path, root)
        assert not tree.inclusion(leaf, index, size, [*path, root], root)
        assert not tree.inclusion(leaf, size, size, path, root)
        assert not tree.inclusion(leaf, -1, size, path, root)
        for place in range(len(path)):
            assert not tree.inclusion(leaf, index, size, path[:place] + path[place + 1 :], root)
            assert not tree.inclusion(leaf, index, size, [*path[:place], flipped(path[place]), *path[place + 1 :]], root)
        for other in range(size):
            assert other == index or not tree.inclusion(leaf, other, size, path, root)


@pytest.mark.parametrize("new", [2, 3, 7, 8, 13, 40])
def test_consistency_with_anything_changed_is_refused(new):
    hashes = leaf_hashes(new)
    tiles, root = TileMap(build(hashes)), tree.root(hashes)
    for old in range(1, new):
        path, old_root = consistency_proof(tiles, old, new), tree.root(hashes[:old])
        assert not tree.consistency(old, new, flipped(old_root), root, path)
        assert not tree.consistency(old, new, old_root, flipped(root), path)
        assert not tree.consistency(old, new, old_root, root, [*path, root])
        assert not tree.consistency(old, new, old_root, root, path[:-1])
        assert not tree.consistency(new, old, root, old_root, path)
        for place in range(len(path)):
            assert not tree.consistency(old, new, old_root, root, [*path[:place], flipped(path[place]), *path[place + 1 :]])


def test_consistency_of_a_size_with_itself_needs_equal_roots():
    root = tree.root(leaf_hashes(5))
    assert tree.consistency(5, 5, root, root, [])
    assert not tree.consistency(5, 5, root, flipped(root), [])
    assert not tree.consistency(5, 5, root, root, [root])


def test_proof_outside_the_tree_is_refused():
    tiles = TileMap(build(leaf_hashes(4)))
    with pytest.raises(ValueError, match="not in a tree"):
        inclusion_proof(tiles, 4, 4)
    with pytest.raises(ValueError, match="does not begin"):
        consistency_proof(tiles, 5, 4)


def flipped(data: bytes) -> bytes:
    return bytes([data[0] ^ 1]) + data[1:]
