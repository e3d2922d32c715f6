"""Token Status List: the state of 2^20 license versions in 2 bits each, as one signed token that anybody may keep and pass on.

- Place of a version: shard = entry / 2^20, index = the shard's secret permutation of entry mod 2^20, made from a seed that is kept for
  ever. An index tells nothing of its neighbours, of the order of issue or of how many licenses there are in a shard.
- What nobody holds (status acts, entries not given out yet) reads UNDETERMINED: a license that is newer than the list is unknown to
  it, not valid.
- Values: 0 VALID, 1 INVALID, 2 SUSPENDED, 3 APPLICATION_SPECIFIC_3, which here means UNDETERMINED.

Source: draft-ietf-oauth-status-list-21 (approved for RFC, 2026-06), §4.1 and C.2 (bits, byte order, ZLIB), §5.1 (JWT), §7.1 (values),
§8.3 (validation), §12 (unlinkability).
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from license_hub.domain.lifecycle import State
from license_hub.errors import TokenMalformed
from license_hub.signing import jose
from license_hub.signing.suites import PublicKey, Signer

TYPE = "statuslist+jwt"
MEDIA_TYPE = "application/statuslist+jwt"
BITS = 2
SHARD_BITS = 20
SHARD = 1 << SHARD_BITS
RAW_BYTES = SHARD * BITS // 8
MOST_CHARS = 512 * 1024
"""A whole shard that does not compress at all, twice base64, and its claims."""
SEED_BYTES = 32
ROUNDS = 10
LEVEL = 9
"""The draft recommends the highest; only shards that changed are compressed again."""

_HALF_BITS = SHARD_BITS // 2
_HALF = 1 << _HALF_BITS
_PER_BYTE = 8 // BITS
_SHIFTS = np.arange(0, 8, BITS, dtype=np.uint8)
_CLAIMS = {"sub", "iat", "exp", "ttl", "status_list"}
_LIST = {"bits", "lst", "aggregation_uri"}


class Listed(IntEnum):
    VALID = 0
    INVALID = 1
    SUSPENDED = 2
    """Not in force for the time being: 暂扣 or 未激活."""
    UNDETERMINED = 3


LISTED: dict[State, Listed] = {
    State.IN_FORCE: Listed.VALID,
    State.SUSPENDED: Listed.SUSPENDED,
    State.NOT_ACTIVE: Listed.SUSPENDED,
    State.STATUS_NOT_PROVIDED: Listed.UNDETERMINED,
    State.SOURCE_NO_LONGER_PROVIDES: Listed.UNDETERMINED,
} | dict.fromkeys(
    (State.EXPIRED, State.CANCELLED, State.WITHDRAWN, State.REVOKED, State.MOVED_OUT, State.SUPERSEDED),
    Listed.INVALID,
)
"""What a list says of each state of `domain.lifecycle.current`."""


@dataclass(frozen=True)
class StatusList:
    """A list whose signature was checked. Whether it is fresh enough is the reader's to say."""

    uri: str
    issued_at: datetime
    expires_at: datetime
    ttl_s: int
    raw: bytes

    def listed(self, index: int) -> Listed:
        """Raises TokenMalformed for an index beyond the list."""
        if not 0 <= index < len(self.raw) * _PER_BYTE:
            raise TokenMalformed("the index lies beyond the status list")
        return Listed(self.raw[index // _PER_BYTE] >> index % _PER_BYTE * BITS & 3)

    def age_s(self, now: datetime) -> int:
        return int((now - self.issued_at).total_seconds())


def shard_of(entry: int) -> tuple[int, int]:
    """(shard, place before it is permuted)."""
    return entry >> SHARD_BITS, entry & (SHARD - 1)


class Places:
    """The secret permutation of one shard: a Feistel network over 2 × 10 bits whose round functions are tables of random numbers,
    so that one index costs ten look-ups and a whole shard ten passes. Made from the seed alone, the same on every machine."""

    def __init__(self, seed: bytes):
        if len(seed) != SEED_BYTES:
            raise ValueError(f"a seed is {SEED_BYTES} bytes")
        stream = Cipher(algorithms.AES(seed), modes.CTR(bytes(16))).encryptor().update(bytes(2 * ROUNDS * _HALF))
        self._rounds = (np.frombuffer(stream, "<u2") & (_HALF - 1)).astype(np.uint32).reshape(ROUNDS, _HALF)

    def indices(self, places: np.ndarray) -> np.ndarray:
        """Index in the list of each place (uint32)."""
        left, right = places >> _HALF_BITS, places & (_HALF - 1)
        for table in self._rounds:
            left, right = right, left ^ table[right]
        return left << _HALF_BITS | right

    def index(self, place: int) -> int:
        return int(self.indices(np.array([place], np.uint32))[0])


def empty() -> np.ndarray:
    """Values of a shard nothing is known of (uint8, 2^20, by index)."""
    return np.full(SHARD, Listed.UNDETERMINED, np.uint8)


def pack(values: np.ndarray) -> bytes:
    """Values by index into bytes, lowest bits first (§4.1). The number of values is a multiple of 4."""
    return np.bitwise_or.reduce(values.reshape(-1, _PER_BYTE) << _SHIFTS, axis=1).astype(np.uint8).tobytes()


def unpack(raw: bytes) -> np.ndarray:
    return (np.frombuffer(raw, np.uint8)[:, None] >> _SHIFTS & 3).reshape(-1)


def compress(raw: bytes) -> bytes:
    return zlib.compress(raw, LEVEL)


def decompress(data: bytes) -> bytes:
    """At most one shard, the whole of `data` and nothing behind it. Raises TokenMalformed."""
    reader = zlib.decompressobj()
    try:
        raw = reader.decompress(data, RAW_BYTES)
    except zlib.error:
        raise TokenMalformed("the status list is not ZLIB data") from None
    if not reader.eof or reader.unused_data or reader.unconsumed_tail:
        raise TokenMalformed("the status list is cut off or larger than a shard")
    return raw


def make(
    signer: Signer, uri: str, compressed: bytes, issued_at: datetime, *, life_s: int, ttl_s: int, aggregation_uri: str | None = None
) -> str:
    """The signed token of one shard."""
    at = int(issued_at.timestamp())
    listed: dict[str, object] = {"bits": BITS, "lst": base64.urlsafe_b64encode(compressed).rstrip(b"=").decode("ascii")}
    if aggregation_uri:
        listed["aggregation_uri"] = aggregation_uri
    return jose.make(signer, TYPE, {"sub": uri, "iat": at, "exp": at + life_s, "ttl": ttl_s, "status_list": listed})


def read(text: str, keys: Sequence[PublicKey]) -> StatusList:
    """The list, its signature checked by one of `keys`. Raises JoseRefused, TokenMalformed."""
    claims = jose.read_own(text, TYPE, keys, most=MOST_CHARS)
    listed = claims.get("status_list")
    if set(claims) != _CLAIMS or not isinstance(listed, dict) or not {"bits", "lst"} <= set(listed) <= _LIST or listed["bits"] != BITS:
        raise TokenMalformed(f"not a status list of {BITS} bits with sub, iat, exp and ttl")
    times = [claims[name] for name in ("iat", "exp", "ttl")]
    if not all(type(one) is int for one in times) or not 0 <= times[0] < times[1] < 2**33 or times[2] <= 0:
        raise TokenMalformed("the status list's times are not times")
    if type(claims["sub"]) is not str or type(listed["lst"]) is not str:
        raise TokenMalformed("a part of the status list has the wrong type")
    try:
        compressed = base64.urlsafe_b64decode(listed["lst"] + "=" * (-len(listed["lst"]) % 4))
    except ValueError:
        raise TokenMalformed("the status list is not base64url") from None
    issued, expires = (datetime.fromtimestamp(one, UTC) for one in times[:2])
    return StatusList(claims["sub"], issued, expires, times[2], decompress(compressed))
