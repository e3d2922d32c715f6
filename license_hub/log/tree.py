"""Merkle tree hashing and the two verifications (RFC 6962 §2.1; RFC 9162 §2.1.3.2 and §2.1.4.2). Hashes are 32 bytes, SHA-256."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

_sha256 = hashlib.sha256


def leaf_hash(data: bytes) -> bytes:
    return _sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return _sha256(b"\x01" + left + right).digest()


def root(hashes: Sequence[bytes]) -> bytes:
    """Root over leaf hashes; of none, the hash of the empty string."""
    if not hashes:
        return EMPTY_ROOT
    level = list(hashes)
    while len(level) > 1:
        # An odd last node rises unchanged: the same tree as RFC 6962's split at the largest power of two.
        paired = [_sha256(b"\x01" + left + right).digest() for left, right in zip(level[::2], level[1::2], strict=False)]
        level = paired + level[-1:] if len(level) % 2 else paired
    return level[0]


def inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], expected_root: bytes) -> bool:
    """Whether `leaf` (a leaf hash) is entry `index` of the tree of `size` entries with that root. Source: RFC 9162 §2.1.3.2."""
    if not 0 <= index < size or any(len(one) != HASH_BYTES for one in path) or len(leaf) != HASH_BYTES:
        return False
    node, last, current = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if node & 1 or node == last:
            current = _sha256(b"\x01" + sibling + current).digest()
            while node and not node & 1:
                node >>= 1
                last >>= 1
        else:
            current = _sha256(b"\x01" + current + sibling).digest()
        node >>= 1
        last >>= 1
    return last == 0 and current == expected_root


def consistency(old: int, new: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]) -> bool:
    """Whether the tree of `new` entries begins with that of `old`. Source: RFC 9162 §2.1.4.2."""
    if not 0 <= old <= new or any(len(one) != HASH_BYTES for one in path):
        return False
    if old == new:
        return not path and old_root == new_root
    if old == 0:
        return not path and old_root == EMPTY_ROOT
    # A whole left subtree is its own first node and is not sent.
    nodes = ([old_root] if old & (old - 1) == 0 else []) + list(path)
    if not nodes:
        return False
    node, last = old - 1, new - 1
    while node & 1:
        node >>= 1
        last >>= 1
    old_side = new_side = nodes[0]
    for sibling in nodes[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            old_side, new_side = node_hash(sibling, old_side), node_hash(sibling, new_side)
            while node and not node & 1:
                node >>= 1
                last >>= 1
        else:
            new_side = node_hash(new_side, sibling)
        node >>= 1
        last >>= 1
    return last == 0 and old_side == old_root and new_side == new_root
