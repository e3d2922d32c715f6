"""Column encryption and blind indexes.

- A cell is `version byte ‖ kid (8 bytes) ‖ nonce (12) ‖ AES-256-GCM ciphertext and tag`; its additional data is `table|column|row`, so
  a cell copied to another row, column or table does not decrypt.
- Several data keys by kid: the current one encrypts, all decrypt; `hub data-keys rekey` moves cells to the current one.
- A blind index is HMAC-SHA256 over the *cleaned* value under a key of its own purpose, derived by HKDF: equal values are found, a dump
  alone recovers nothing, and an index of one purpose says nothing about another's. Source: threats.md finding 6.
- An index names its key: its first byte is `index_kid`, the number of its index key; 31 bytes of the HMAC follow. Key n indexes what key
  n − 1 gave, so an index is moved to the newest key from itself, without the value (`advance`), and until all are moved both are probed
  (`probes`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from license_hub.errors import DecryptionError
from license_hub.hashing import HASH_BYTES, bytes_of, column_of, joined, sha256_each

KEY_BYTES = 32
NONCE_BYTES = 12
KID_BYTES = 8
HMAC_BLOCK = 64
_VERSION = b"\x01"
_HEAD = 1 + KID_BYTES + NONCE_BYTES
_sha256 = hashlib.sha256

PURPOSES = ("key", "number", "holder", "subject", "body", "sign-in", "use-code")
"""What is looked up by a blind index: row keys, certificate numbers, holder numbers, subjects of the audit log, bodies of calls,
accounts and addresses of failed sign-ins, codes that holders hand over."""


@dataclass(frozen=True)
class Crypt:
    """Data and index keys. Worker processes get the current data key and the index keys, which is all that writing needs."""

    data_key: bytes = field(repr=False)
    index_key: bytes = field(repr=False)
    """All index keys in a row, oldest first, 32 bytes each; the last one is current."""
    older: Mapping[bytes, bytes] = field(default_factory=dict, repr=False, compare=False)
    """Data keys of before by kid."""
    reload: Callable[[], Mapping[bytes, bytes]] | None = field(default=None, repr=False, compare=False)
    """Asked once for each kid that is not known: another process may have made that key."""
    _pads: dict[str, tuple[tuple[bytes, bytes, bytes], ...]] = field(default_factory=dict, repr=False, compare=False)
    _found: dict[bytes, bytes] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def kid(self) -> bytes:
        """The data key's name in each cell: first 8 bytes of a hash that says nothing about the key."""
        return hashlib.sha256(b"mianzhengtong data key\x00" + self.data_key).digest()[:KID_BYTES]

    def encrypt(self, table: str, column: str, row: object, plain: bytes, nonce: bytes) -> bytes:
        """One cell, bound to its place. `nonce`: NONCE_BYTES fresh random bytes."""
        return self.sealer(table, column)(row, plain, nonce)

    def sealer(self, table: str, column: str) -> Callable[[object, bytes, bytes], bytes]:
        """`encrypt` for many rows of one column: `(row, plain, nonce) -> cell`."""
        cipher, head, place = AESGCM(self.data_key).encrypt, _VERSION + self.kid, f"{table}|{column}|"

        def seal(row: object, plain: bytes, nonce: bytes) -> bytes:
            return head + nonce + cipher(nonce, plain, f"{place}{row}".encode())

        return seal

    def decrypt(self, table: str, column: str, row: object, cell: bytes) -> bytes:
        """Raises DecryptionError naming the place, never the content."""
        place = f"{table}|{column}|{row}"
        key = self._key(bytes(cell[1 : 1 + KID_BYTES])) if bytes(cell[:1]) == _VERSION else None
        if key is None:
            raise DecryptionError(f"{place}: written under another key or format; restore the data key it names")
        try:
            return AESGCM(key).decrypt(bytes(cell[1 + KID_BYTES : _HEAD]), bytes(cell[_HEAD:]), place.encode())
        except InvalidTag:
            raise DecryptionError(f"{place}: the stored bytes were changed or moved; run `hub log fsck`") from None

    def open_each(self, table: str, column: str, rows: Sequence[object], cells: Sequence[bytes]) -> list[bytes | None]:
        """`decrypt` of many cells of one column; None where it would raise DecryptionError."""
        place, ciphers, opened = f"{table}|{column}|", {}, []
        for row, cell in zip(rows, cells, strict=True):
            head = cell[: 1 + KID_BYTES]
            if head not in ciphers:
                key = self._key(head[1:]) if head[:1] == _VERSION else None
                ciphers[head] = AESGCM(key).decrypt if key else None
            try:
                opened.append(ciphers[head](cell[1 + KID_BYTES : _HEAD], cell[_HEAD:], f"{place}{row}".encode()))
            except (InvalidTag, TypeError, ValueError):
                # No key (None is not called), a cell cut short, or changed bytes.
                opened.append(None)
        return opened

    def blind_index(self, purpose: str, value: str) -> bytes:
        """32 bytes that equal values share within one purpose. `value` must be cleaned already. Raises KeyError for another purpose."""
        return _chained(value.encode(), self._pads.get(purpose) or self._pad(purpose))

    def blind_index_each(self, purpose: str, values: pa.StringArray) -> pa.FixedSizeBinaryArray:
        """`blind_index` of each value; none may be NULL. Raises KeyError for another purpose."""
        found = pc.cast(values, pa.binary())
        for inner, outer, number in self._pads.get(purpose) or self._pad(purpose):
            inside = pc.cast(sha256_each(joined(inner, found)), pa.binary())
            indexes = bytes_of(sha256_each(joined(outer, inside))).copy()
            indexes[:, 0] = number[0]
            hashed = column_of(indexes, HASH_BYTES)
            found = pc.cast(hashed, pa.binary())
        return hashed

    def probes(self, purpose: str, value: str) -> tuple[bytes, ...]:
        """Every form in which the value may be stored: the current index first, then those of rows not moved yet."""
        pads, found = self._pads.get(purpose) or self._pad(purpose), [value.encode()]
        for pad in pads:
            found.append(_chained(found[-1], (pad,)))
        return tuple(reversed(found[1:]))

    def advance(self, purpose: str, stored: bytes) -> bytes:
        """A stored index under the current key, from its own bytes alone. Raises KeyError for an index key that is not here."""
        pads, number = self._pads.get(purpose) or self._pad(purpose), stored[0]
        if not 1 <= number <= len(pads):
            raise KeyError(f"index key {number}")
        return _chained(bytes(stored), pads[number:]) if number < len(pads) else bytes(stored)

    @property
    def index_kid(self) -> int:
        """First byte of every index made now."""
        return len(self.index_key) // KEY_BYTES

    def purpose_key(self, purpose: str, number: int = 1) -> bytes:
        """The HMAC key of one purpose, of the index key of that number. Raises KeyError."""
        if purpose not in PURPOSES:
            raise KeyError(purpose)
        info = f"mianzhengtong blind index {purpose}".encode()
        key = self.index_key[(number - 1) * KEY_BYTES : number * KEY_BYTES]
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(key)

    def _pad(self, purpose: str) -> tuple[tuple[bytes, bytes, bytes], ...]:
        blocks = [self.purpose_key(purpose, number).ljust(HMAC_BLOCK, b"\0") for number in range(1, self.index_kid + 1)]
        masked = [(bytes(one ^ 0x36 for one in block), bytes(one ^ 0x5C for one in block)) for block in blocks]
        pads = tuple((*both, bytes([number])) for number, both in enumerate(masked, 1))
        return self._pads.setdefault(purpose, pads)

    def _key(self, kid: bytes) -> bytes | None:
        if kid == self.kid:
            return self.data_key
        known = self.older.get(kid) or self._found.get(kid)
        if known is None and self.reload is not None:
            self._found.update(self.reload())
            known = self._found.get(kid)
        return known


def _chained(value: bytes, pads: tuple[tuple[bytes, bytes, bytes], ...]) -> bytes:
    for inner, outer, number in pads:
        # HMAC-SHA256 written out: half the time of hmac.digest for values this short. `test_crypt` holds the two equal.
        value = number + _sha256(outer + _sha256(inner + value).digest()).digest()[1:]
    return value
