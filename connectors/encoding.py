"""What a text file is written in: UTF-8 (with or without BOM) or GB18030, decided over the whole file.

A GB18030 file may be ASCII for megabytes, so no sample decides. One pass hashes the bytes, undoes gzip and decodes
strictly; only a file that is not UTF-8 is read a second time. A file that is neither breaks the contract, and the line
named is where the better of the two readings ended.
"""

from __future__ import annotations

import codecs
import gzip
import hashlib
import io
import zlib
from dataclasses import dataclass
from typing import BinaryIO

from connectors.delivery import Delivery
from connectors.errors import ContractBroken

_BOMS = {"utf-8": codecs.BOM_UTF8, "gb18030": "\ufeff".encode("gb18030")}
_CHUNK = 1024 * 1024
HEAD = 1024 * 1024
"""Characters of the beginning that are kept, for the header."""


@dataclass(frozen=True)
class Scan:
    encoding: str
    """utf-8 | gb18030"""
    bom: int
    """Length of the byte order mark, 0 without."""
    sha256: str
    """Of the file as delivered, before gzip is undone."""
    head: str


class _Undecodable(Exception):
    def __init__(self, line: int):
        self.line = line


class _Hashing(io.RawIOBase):
    """Hashes what passes through."""

    def __init__(self, inner: BinaryIO):
        self._inner = inner
        self.digest = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        count = self._inner.readinto(buffer)
        self.digest.update(memoryview(buffer)[:count])
        return count


def unpacked(raw: BinaryIO, packed: bool) -> BinaryIO:
    return gzip.GzipFile(fileobj=raw, mode="rb") if packed else raw


def is_packed(delivery: Delivery) -> bool:
    """By its first bytes, whatever its name ends in."""
    with delivery.reader() as raw:
        return raw.read(2) == b"\x1f\x8b"


def scan(delivery: Delivery, *, max_bytes: int) -> Scan:
    """Raises ContractBroken: empty, neither encoding, broken gzip, or longer than `max_bytes` once unpacked."""
    if delivery.size == 0:
        raise ContractBroken(
            "the file is empty", source=delivery.resource, file=delivery.name, hint="the provider delivers at least a header"
        )
    try:
        return _read(delivery, "utf-8", max_bytes)
    except _Undecodable as first:
        utf8_line = first.line
    try:
        return _read(delivery, "gb18030", max_bytes)
    except _Undecodable as second:
        raise ContractBroken(
            "the text is neither UTF-8 nor GB18030",
            source=delivery.resource,
            file=delivery.name,
            row=max(utf8_line, second.line),
            hint="the provider saves the whole file in one of the two encodings",
        ) from None


def _read(delivery: Delivery, encoding: str, max_bytes: int) -> Scan:
    decode = codecs.getincrementaldecoder(encoding)("strict").decode
    packed = is_packed(delivery)
    with delivery.reader() as raw, io.BufferedReader(_Hashing(raw), _CHUNK) as hashing:
        stream = unpacked(hashing, packed)
        head, lines, size, start = "", 0, 0, b""
        while chunk := _chunk(stream, delivery):
            size += len(chunk)
            start = start or chunk[:4]
            if size > max_bytes:
                raise ContractBroken(f"the file unpacks to more than {max_bytes} bytes", source=delivery.resource, file=delivery.name)
            text = _decoded(decode, chunk, lines, final=False)
            lines += text.count("\n")
            head += text[: HEAD - len(head)]
        _decoded(decode, b"", lines, final=True)
        digest = hashing.raw.digest.hexdigest()
    bom = len(_BOMS[encoding]) if start.startswith(_BOMS[encoding]) else 0
    return Scan(encoding, bom, digest, head.removeprefix("\ufeff"))


def _decoded(decode, chunk: bytes, lines: int, *, final: bool) -> str:
    try:
        return decode(chunk, final)
    except UnicodeDecodeError as fault:
        raise _Undecodable(1 + lines + fault.object[: fault.start].count(b"\n")) from None


def _chunk(stream: BinaryIO, delivery: Delivery) -> bytes:
    try:
        return stream.read(_CHUNK)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise ContractBroken(
            "the compressed file is cut off or damaged", source=delivery.resource, file=delivery.name, hint="the provider delivers it again"
        ) from None
