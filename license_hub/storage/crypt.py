"""Column encryption and blind indexes.

- A cell is `version byte ‖ kid (8 bytes) ‖ nonce (12) ‖ AES-256-GCM ciphertext and tag`; its additional data is `table|column|row`, so
  a cell copied to another row, column or table does not decrypt.
- A blind index is HMAC-SHA256 over the *cleaned* value under a key of its own purpose, derived by HKDF: equal values are found, a dump
  alone recovers nothing, and an index of one purpose says nothing about another's. Source: threats.md finding 6.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from license_hub.errors import DecryptionError
from license_hub.hashing import joined, sha256_each

NONCE_BYTES = 12
KID_BYTES = 8
HMAC_BLOCK = 64
_VERSION = b"\x01"
_HEAD = 1 + KID_BYTES + NONCE_BYTES
_sha256 = hashlib.sha256

PURPOSES = ("key", "number", "holder", "subject")
"""What is looked up by a blind index: row keys, certificate numbers, holder numbers, subjects of the audit log."""


@dataclass(frozen=True)
class Crypt:
    """Data and index keys, 32 bytes each. Picklable: worker processes get their own copy."""

    data_key: bytes = field(repr=False)
    index_key: bytes = field(repr=False)
    _pads: dict[str, tuple[bytes, bytes]] = field(default_factory=dict, repr=False, compare=False)

    @property
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
        if bytes(cell[: 1 + KID_BYTES]) != _VERSION + self.kid:
            raise DecryptionError(f"{place}: written under another key or format; restore the data key it names")
        try:
            return AESGCM(self.data_key).decrypt(bytes(cell[1 + KID_BYTES : _HEAD]), bytes(cell[_HEAD:]), place.encode())
        except InvalidTag:
            raise DecryptionError(f"{place}: the stored bytes were changed or moved; run `hub log fsck`") from None

    def blind_index(self, purpose: str, value: str) -> bytes:
        """32 bytes that equal values share within one purpose. `value` must be cleaned already. Raises KeyError for another purpose."""
        inner, outer = self._pads.get(purpose) or self._pad(purpose)
        # HMAC-SHA256 written out: half the time of hmac.digest for values this short. `test_crypt` holds the two equal.
        return _sha256(outer + _sha256(inner + value.encode()).digest()).digest()

    def blind_index_each(self, purpose: str, values: pa.StringArray) -> pa.FixedSizeBinaryArray:
        """`blind_index` of each value; none may be NULL. Raises KeyError for another purpose."""
        inner, outer = self._pads.get(purpose) or self._pad(purpose)
        inside = pc.cast(sha256_each(joined(inner, pc.cast(values, pa.binary()))), pa.binary())
        return sha256_each(joined(outer, inside))

    def purpose_key(self, purpose: str) -> bytes:
        """The HMAC key of one purpose. Raises KeyError."""
        if purpose not in PURPOSES:
            raise KeyError(purpose)
        info = f"mianzhengtong blind index {purpose}".encode()
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(self.index_key)

    def _pad(self, purpose: str) -> tuple[bytes, bytes]:
        block = self.purpose_key(purpose).ljust(HMAC_BLOCK, b"\0")
        return self._pads.setdefault(purpose, (bytes(one ^ 0x36 for one in block), bytes(one ^ 0x5C for one in block)))
