"""Checkpoints: origin, size and root of the log as a signed note (C2SP tlog-checkpoint)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from license_hub.errors import NoteMalformed, SignatureBad
from license_hub.log import note
from license_hub.log.note import NoteKey
from license_hub.log.tree import HASH_BYTES
from license_hub.signing.suites import Signer


@dataclass(frozen=True)
class Checkpoint:
    """A tree head; `note` is the whole signed text, verbatim."""

    origin: str
    size: int
    root: bytes
    note: str


def body(origin: str, size: int, root: bytes) -> str:
    """The text that is signed. Raises NoteMalformed."""
    if not origin or "\n" in origin or size < 0 or len(root) != HASH_BYTES:
        raise NoteMalformed("a checkpoint is a one-line origin, a size and a 32-byte root")
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
    if not size.isascii() or not size.isdigit() or str(int(size)) != size:
        raise NoteMalformed("a checkpoint's size is a decimal number without leading zeroes")
    decoded = note.decode(root)
    body(origin, int(size), decoded)
    return Checkpoint(origin, int(size), decoded, text)


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
