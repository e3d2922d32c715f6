"""Files encrypted at rest that are still read at any place: chunks under AES-256-GCM, in the STREAM construction.

    MZTLAKE1 (8) ‖ kid (8) ‖ salt (16) ‖ chunk … chunk      a chunk: 64 KiB of content (the last: 0 to 64 KiB) and its tag (16)

- The file's own key = HKDF-SHA256(data key `kid`, salt, context); chunk i has nonce `i (11 bytes) ‖ last (1 byte)`, so a chunk that is
  changed, moved, left out or cut off at the end does not open, and neither does a whole file that was put in another context's place.
- Reading decrypts the chunks it touches into memory and nothing else: a Parquet reader takes the footer and the columns it wants.
- The data key is not in the file: it comes, unwrapped, from who opens the lake (`connectors.lake`).

Source: Hoang, Reyhanitabar, Rogaway, Vizár, "Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance", STREAM.
"""

from __future__ import annotations

import io
import os
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from connectors.errors import LakeLocked

MAGIC = b"MZTLAKE1"
KID_BYTES, SALT_BYTES, TAG_BYTES = 8, 16, 16
HEAD = len(MAGIC) + KID_BYTES + SALT_BYTES
CHUNK = 64 * 1024
_STORED = CHUNK + TAG_BYTES


@dataclass(frozen=True)
class FileKeys:
    """Data keys of a lake by kid (8 bytes): the current one encrypts, all decrypt."""

    current: bytes
    keys: Mapping[bytes, bytes] = field(repr=False)

    def cipher(self, kid: bytes, salt: bytes, context: str) -> AESGCM:
        """Raises LakeLocked for a key that is not here."""
        key = self.keys.get(bytes(kid))
        if key is None:
            raise LakeLocked(f"encrypted under data key {bytes(kid).hex()}, which is not here", hint="restore that key in HUB_KEYS")
        info = b"mianzhengtong lake file\x00" + context.encode()
        return AESGCM(HKDF(algorithm=SHA256(), length=32, salt=salt, info=info).derive(key))


def kid_of(path: Path) -> bytes | None:
    """Name of the data key a file is encrypted under; None for a plain file."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    return head[len(MAGIC) : len(MAGIC) + KID_BYTES] if head.startswith(MAGIC) else None


class SealedWriter(io.RawIOBase):
    """Takes a file's content in order. Made exclusively: the name must not exist."""

    def __init__(self, path: Path, keys: FileKeys, context: str, mode: int = 0o600):
        super().__init__()
        salt = secrets.token_bytes(SALT_BYTES)
        self._cipher = keys.cipher(keys.current, salt, context)
        self._waiting = bytearray()
        self._number = self._taken = 0
        self._file: BinaryIO = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb")
        self._file.write(MAGIC + keys.current + salt)

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._taken

    def write(self, data) -> int:
        content = memoryview(data).cast("B")
        self._waiting += content
        self._taken += len(content)
        if len(self._waiting) > CHUNK:
            # The last chunk is written by `close` alone, so one full chunk always waits.
            whole = (len(self._waiting) - 1) // CHUNK * CHUNK
            with memoryview(self._waiting) as waiting:
                for at in range(0, whole, CHUNK):
                    self._put(waiting[at : at + CHUNK], last=False)
            del self._waiting[:whole]
        return len(content)

    def close(self) -> None:
        """The last chunk, then everything to the disk."""
        if self.closed:
            return
        try:
            self._put(self._waiting, last=True)
            self._file.flush()
            os.fsync(self._file.fileno())
        finally:
            self._file.close()
            super().close()

    def _put(self, content, *, last: bool) -> None:
        self._file.write(self._cipher.encrypt(_nonce(self._number, last), bytes(content), None))
        self._number += 1


class SealedReader(io.RawIOBase):
    """A file's content at any place. Raises LakeLocked where a chunk is not what was written.

    Threads may share it, each with a position of its own: DuckDB's seek and read in turn, and Python may switch in between.
    """

    def __init__(self, path: Path, keys: FileKeys, context: str):
        super().__init__()
        self._path, self._place = path, threading.local()
        self._file = path.open("rb", buffering=0)
        try:
            self._open(keys, context)
        except BaseException:
            self._file.close()
            raise

    def _open(self, keys: FileKeys, context: str) -> None:
        head = self._file.read(HEAD)
        stored = os.fstat(self._file.fileno()).st_size - HEAD
        if not head.startswith(MAGIC) or stored < TAG_BYTES:
            raise LakeLocked("not encrypted", file=self._path.name, hint="`hub lake reencrypt` encrypts what an older lake holds")
        self._cipher = keys.cipher(head[8:16], head[16:HEAD], context)
        self._chunks = -(-stored // _STORED)
        self.size = stored - self._chunks * TAG_BYTES
        if self.size < 0 or (self.size == 0) != (self._chunks == 1 and stored == TAG_BYTES):
            self._broken()
        self._kept: tuple[int, bytes] = (-1, b"")
        # The last chunk says whether anything was cut off.
        self._chunk(self._chunks - 1)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    @property
    def _at(self) -> int:
        return getattr(self._place, "at", 0)

    @_at.setter
    def _at(self, at: int) -> None:
        self._place.at = at

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence]
        return self._at

    def readinto(self, buffer) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def read(self, size: int | None = -1) -> bytes:
        if size is None or size < 0:
            size = self.size - self._at
        stop = min(self._at + size, self.size)
        if self._at >= stop:
            return b""
        first, last = self._at // CHUNK, (stop - 1) // CHUNK
        parts = self._read(first, last)
        start = self._at - first * CHUNK
        self._at = stop
        return b"".join(parts)[start : start + stop - (first * CHUNK + start)]

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()

    def _read(self, first: int, last: int) -> list[bytes]:
        """Chunks `first` to `last`; the last one touched is kept, since readers come back for its rest."""
        parts: list[bytes] = []
        # Another thread may put another chunk there at any moment.
        number, content = self._kept
        if number == first:
            parts.append(content)
            first += 1
        if first <= last:
            stored = os.pread(self._file.fileno(), (last - first + 1) * _STORED, HEAD + first * _STORED)
            for number in range(first, last + 1):
                at = (number - first) * _STORED
                parts.append(self._opened(number, stored[at : at + _STORED]))
            self._kept = (last, parts[-1])
        return parts

    def _chunk(self, number: int) -> bytes:
        return self._read(number, number)[0]

    def _opened(self, number: int, stored: bytes) -> bytes:
        try:
            return self._cipher.decrypt(_nonce(number, number == self._chunks - 1), stored, None)
        except InvalidTag:
            self._broken()

    def _broken(self) -> None:
        raise LakeLocked(
            "its bytes were changed, cut off or belong elsewhere", file=self._path.name, hint="restore the file from a copy, or land again"
        )


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])
