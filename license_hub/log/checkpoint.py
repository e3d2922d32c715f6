"""Checkpoints: origin, size and root of the log as a signed note (C2SP tlog-checkpoint)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from license_hub.errors import NoteMalformed, SignatureBad
from license_hub.log import note
from license_hub.log.note import NoteKey
from license_hub.log.tree import HASH_BYTES
from license_hub.signing.suites import Signer

MAX_SIZE = 2**63 - 1
"""What cosigned messages and other implementations hold (C2SP tlog-cosignature: 8 bytes; Go: int64)."""


@dataclass(frozen=True)
class Checkpoint:
    """A tree head; `note` is the whole signed text, verbatim."""

    origin: str
    size: int
    root: bytes
    note: str


def body(origin: str, size: int, root: bytes) -> str:
    """The text that is signed. Raises NoteMalformed."""
    if not origin or "\n" in origin or not 0 <= size <= MAX_SIZE or len(root) != HASH_BYTES:
        raise NoteMalformed("a checkpoint is a one-line origin, a size below 2^63 and a 32-byte root")
    return f"{origin}\n{size}\n{note.encode(root)}\n"


def sign(origin: str, size: int, root: bytes, signers: Sequence[Signer]) -> Checkpoint:
    """Signed under the origin as key name."""
    return Checkpoint(origin, size, root, note.sign(body(origin, size, root), origin, signers))


def parse(text: str) -> Checkpoint:
    """The parts, nothing verified. Extension lines are refused: no monitor could audit them. Raises NoteMalformed."""
    lines = note.parse(text).text.split("\n")
    if len(lines) != 4 or lines[3]:
        raise NoteMalformed("a checkpoint has three lines: origin, size, root")
    origin, size, root = lines[:3]
    entries, decoded = count(size), note.decode(root)
    body(origin, entries, decoded)
    return Checkpoint(origin, entries, decoded, text)


def count(text: str) -> int:
    """A number of entries, or of one. Raises NoteMalformed."""
    # Its length first: Python refuses to read very long numbers, and not as a fault of ours.
    if len(text) <= len(str(MAX_SIZE)) and text.isascii() and text.isdigit():
        number = int(text)
        if number <= MAX_SIZE and str(number) == text:
            return number
    raise NoteMalformed("sizes and indices are decimal numbers below 2^63 without leading zeroes")


def verify(text: str, origin: str, keys: Sequence[NoteKey]) -> Checkpoint:
    """A checkpoint of that log, signed by one of its keys. Raises NoteMalformed, SignatureBad."""
    note.verify(text, keys)
    checkpoint = parse(text)
    if checkpoint.origin != origin:
        raise SignatureBad("a checkpoint of another log")
    return checkpoint


def keys(origin: str, public: Sequence[tuple[str, bytes]]) -> tuple[NoteKey, ...]:
    """Checkpoint keys from (alg, public bytes): they sign under the origin."""
    return tuple(NoteKey(origin, alg, one) for alg, one in public)
