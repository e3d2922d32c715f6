"""RFC 6962 hashes of many entries or nodes at once. Apart from `tree`, so that a witness or a client loads no Arrow."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from license_hub.hashing import bytes_of, column_of, joined, sha256_each
from license_hub.log.tree import HASH_BYTES


def leaf_hashes(entries: Sequence[bytes]) -> bytes:
    """`tree.leaf_hash` of each entry, one after the other."""
    return bytes_of(sha256_each(joined(b"\x00", pa.array(entries, pa.binary())))).tobytes()


def node_hashes(data: bytes) -> bytes:
    """`tree.node_hash` of the pairs among an even number of hashes that follow each other."""
    return bytes_of(sha256_each(joined(b"\x01", pc.cast(column_of(data, 2 * HASH_BYTES), pa.binary())))).tobytes()
