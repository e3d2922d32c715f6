"""Commitments and leaves of thousands of versions at once: `signing.commitment` over columns. Tests hold the two equal."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from license_hub.hashing import HASH_BYTES, bytes_of, column_of, hexed, joined, sha256_each
from license_hub.signing.commitment import SALT_BYTES, SECRET_BYTES, frame, leaf

Fields = Mapping[str, pa.Array]
"""Text columns by the fields' names; NULL where a version has no such field."""

_shake256 = hashlib.shake_256
_ESCAPED = np.isin(np.arange(256), [*range(0x20), *b'"\\'])
"""Bytes that JSON escapes in a text; no byte of a longer UTF-8 character is one of them."""
_NO_ID = "0" * 32
_LEAF_ID = "^[0-9a-f]{32}$"
_LAST = b"\xff" * HASH_BYTES


def commit_each(secrets: Sequence[bytes], fields: Fields) -> pa.FixedSizeBinaryArray:
    """`commit(secret, fields)` of each version."""
    if any(len(one) != SECRET_BYTES for one in secrets):
        raise ValueError("a version's secret is 32 bytes")
    names = sorted(fields)
    present = np.column_stack([_valid(fields[name]) for name in names])
    counts = present.sum(axis=1)
    framed = pa.concat_arrays([joined(frame(name), pc.cast(fields[name], pa.binary())) for name in names])
    # Row after row, in the order of the names: as the stream of salts is dealt.
    row, column = np.nonzero(present)
    dealt = b"".join([_shake256(one).digest(SALT_BYTES * count) for one, count in zip(secrets, counts.tolist(), strict=True)])
    salts = pc.cast(column_of(dealt, SALT_BYTES), pa.binary())
    digests = sha256_each(joined(salts, framed.take(pa.array(column * len(secrets) + row))))
    return sha256_each(_sorted(digests, present, counts))


def leaves(kind: str, ids: pa.FixedSizeBinaryArray, at: str, commitments: pa.FixedSizeBinaryArray, statuses: pa.Array) -> pa.BinaryArray:
    """`leaf(kind, id, at, c, None, status)` of each version; `ids` are 16 bytes each, `statuses` has no NULL. Raises ValueError."""
    shown = pc.dictionary_encode(statuses)
    wanted = pa.array([_around(kind, at, status) for status in shown.dictionary.to_pylist()], pa.list_(pa.binary(), 3))
    parts = [pc.list_element(wanted, place).take(shown.indices) for place in range(3)]
    return joined(parts[0], hexed(commitments), parts[1], hexed(ids), parts[2])


def stated_leaves(
    ids: pa.StringArray, ats: pa.StringArray, commitments: pa.FixedSizeBinaryArray, of: pa.StringArray, statuses: pa.StringArray
) -> pa.BinaryArray:
    """Leaves of versions of any kind and time: of a change where `of` names the leaf it follows. NULL where `leaf` raises ValueError."""
    kinds = zip(pc.is_valid(of).to_pylist(), ats.to_pylist(), statuses.to_pylist(), strict=True)
    known: dict[tuple, int] = {}
    which = pa.array([known.setdefault(one, len(known)) for one in kinds], pa.int64())
    wanted = pa.array([_stated(*one) for one in known], pa.list_(pa.binary(), 4))
    parts = [pc.list_element(wanted, place).take(which) for place in range(4)]
    ids, of = (pc.if_else(pc.match_substring_regex(one, _LEAF_ID), pc.cast(one, pa.binary()), None) for one in (ids, of.fill_null(_NO_ID)))
    return joined(parts[0], hexed(commitments), parts[1], ids, parts[2], pc.if_else(pc.equal(parts[3], b""), b"", of), parts[3])


def leaf_hashes(contents: pa.BinaryArray) -> pa.FixedSizeBinaryArray:
    """`log.tree.leaf_hash` of each leaf."""
    return sha256_each(joined(b"\x00", contents))


def jcs_each(fields: Fields) -> pa.BinaryArray:
    """Canonical JSON (RFC 8785) of each version's fields."""
    pieces = []
    for name in sorted(fields, key=lambda name: name.encode("utf-16-be", "surrogatepass")):
        pieces.append(joined(f"{json.dumps(name, ensure_ascii=False)}:".encode(), quoted(fields[name])))
    listed = pc.binary_join_element_wise(*pieces, pa.scalar(b",", pa.binary()), null_handling="skip")
    return joined(b"{", listed, b"}")


def quoted(values: pa.StringArray) -> pa.BinaryArray:
    """Each text as JSON has it; NULL stays NULL."""
    if _ESCAPED[_bytes_in(values)].any():
        escaped = [None if one is None else json.dumps(one, ensure_ascii=False) for one in values.to_pylist()]
        return pc.cast(pa.array(escaped, pa.string()), pa.binary())
    return joined(b'"', pc.cast(values, pa.binary()), b'"')


def _sorted(digests: pa.FixedSizeBinaryArray, present: np.ndarray, counts: np.ndarray) -> pa.BinaryArray:
    """Each version's digests in order, put together."""
    # Absent fields count as the greatest value: they end up behind the present ones and are cut off there.
    matrix = np.full(present.shape, _LAST, f"S{HASH_BYTES}")
    matrix[present] = bytes_of(digests).reshape(-1).view(f"S{HASH_BYTES}")
    matrix.sort(axis=1)
    kept = matrix[np.arange(present.shape[1]) < counts[:, None]]
    offsets = np.zeros(len(counts) + 1, np.int32)
    np.cumsum(counts * HASH_BYTES, out=offsets[1:])
    return pa.BinaryArray.from_buffers(pa.binary(), len(counts), [None, pa.py_buffer(offsets), pa.py_buffer(kept)])


def _around(kind: str, at: str, status: str) -> list[bytes]:
    """What stands in such a leaf before its commitment, between that and its id, and after: cut out of one whose two are all zeros."""
    made = leaf(kind, bytes(16).hex(), at, bytes(HASH_BYTES), None, status)
    return re.split(rb"0{64}|0{32}", made)


def _stated(follows: bool, at: str, status: str | None) -> list[bytes] | None:
    """The same of any version: a change's has the id of the leaf it follows as well."""
    try:
        made = leaf("change" if follows else "issue", _NO_ID, at, bytes(HASH_BYTES), _NO_ID if follows else None, status)
    except ValueError:
        return None
    return [*re.split(rb"0{64}|0{32}", made), b""][:4]


def _bytes_in(column: pa.StringArray) -> np.ndarray:
    """All its text, one after the other."""
    _, offsets, data = column.buffers()
    ends = np.frombuffer(offsets, np.int32)[column.offset : column.offset + len(column) + 1]
    return np.frombuffer(data or b"", np.uint8)[ends[0] : ends[-1]]


def _valid(column: pa.Array) -> np.ndarray:
    return pc.is_valid(column).to_numpy(zero_copy_only=False)
