"""Signed notes (C2SP signed-note): text, a blank line, signature lines `— name base64(key id ‖ signature)`.

- A signature of an unknown key is ignored; a known key's that fails refuses the whole note; at least one known key must have signed.
- Base64 is read strictly: one byte string, one spelling.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from license_hub.errors import NoteMalformed, SignatureBad
from license_hub.signing.suites import Signer, suite

SIGNATURE_TYPES = {"Ed25519": b"\x01", "SM2": b"\xffmianzhengtong.example/sm2-sm3/v1"}
"""Algorithm → signature type identifier of C2SP signed-note: one byte where it has assigned one, else 0xff and a name of ours.

An SM2 line is 4 bytes key id and 64 bytes r ‖ s over the note's text, identity 1234567812345678; its public key is 04 ‖ x ‖ y.
"""

MAX_NOTE_BYTES = 256 * 1024
_KEY_ID_BYTES = 4


@dataclass(frozen=True)
class NoteKey:
    """A key that may sign notes, and the name it signs under."""

    name: str
    alg: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        return key_id(self.name, self.alg, self.public)

    @property
    def text(self) -> str:
        """`name+hash+base64(type ‖ key)`, as Go's sumdb/note and other tools read it."""
        return verifier_key(self.name, SIGNATURE_TYPES[self.alg], self.public)


@dataclass(frozen=True)
class NoteSignature:
    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True)
class Note:
    """A note taken apart, nothing verified."""

    text: str
    signatures: tuple[NoteSignature, ...]


def key_id(name: str, alg: str, public: bytes) -> bytes:
    """First 4 bytes of SHA-256(name ‖ newline ‖ type ‖ public key). Raises NoteMalformed for an algorithm without a type."""
    if alg not in SIGNATURE_TYPES:
        raise NoteMalformed(f"notes have no signature type for {alg}")
    return hashed_id(name, SIGNATURE_TYPES[alg], public)


def hashed_id(name: str, kind: bytes, public: bytes) -> bytes:
    """The same for any signature type."""
    return hashlib.sha256(name.encode() + b"\n" + kind + public).digest()[:_KEY_ID_BYTES]


def verifier_key(name: str, kind: bytes, public: bytes) -> str:
    """`name+hash+base64(type ‖ key)`. `kind` is the signature type identifier."""
    return f"{name}+{hashed_id(name, kind, public).hex()}+{encode(kind + public)}"


def read_verifier_key(text: str) -> tuple[str, bytes]:
    """(name, type ‖ public key) of `name+hash+base64`. Raises NoteMalformed."""
    parts = text.split("+", 2)
    if len(parts) != 3:
        raise NoteMalformed("a verifier key is name+hash+base64")
    name, hashed, material = parts[0], parts[1], decode(parts[2])
    _check_name(name)
    if hashlib.sha256(name.encode() + b"\n" + material).digest()[:_KEY_ID_BYTES].hex() != hashed:
        raise NoteMalformed(f"the hash in the verifier key of {name} is not that of its name and key")
    return name, material


def note_key(text: str) -> NoteKey:
    """A log's key from its verifier key. Raises NoteMalformed, also for a type of key that signs no checkpoints here."""
    name, material = read_verifier_key(text)
    for alg, kind in SIGNATURE_TYPES.items():
        if material.startswith(kind):
            return NoteKey(name, alg, material[len(kind) :])
    raise NoteMalformed(f"the verifier key of {name} is of no type that signs notes here: {', '.join(SIGNATURE_TYPES)}")


def sign(text: str, name: str, signers: Sequence[Signer]) -> str:
    """The text with one signature line a signer, all under `name`. Raises NoteMalformed."""
    _check_text(text)
    _check_name(name)
    lines = [f"— {name} {encode(key_id(name, one.alg, one.public) + one.sign(text.encode()))}\n" for one in signers]
    return text + "\n" + "".join(lines)


def parse(note: str, most: int = MAX_NOTE_BYTES) -> Note:
    """`most` bytes are read. Raises NoteMalformed."""
    if len(note.encode("utf-8", "surrogatepass")) > most:
        raise NoteMalformed("note too long")
    text, blank, block = note.rpartition("\n\n")
    if not blank or not block.endswith("\n"):
        raise NoteMalformed("a note is text, an empty line and signature lines")
    _check_text(text + "\n")
    return Note(text + "\n", tuple(_signature(line) for line in block[:-1].split("\n")))


def verify(note: str, keys: Sequence[NoteKey], most: int = MAX_NOTE_BYTES) -> Note:
    """The note, signed by at least one of the keys. Raises NoteMalformed, SignatureBad."""
    parsed = parse(note, most)
    known = {(one.name, one.key_id): one for one in keys}
    good = 0
    for line in parsed.signatures:
        key = known.get((line.name, line.key_id))
        if key is None:
            continue
        if not suite(key.alg).verify(key.public, parsed.text.encode(), line.signature):
            raise SignatureBad(f"the signature of {key.name} on the note does not verify")
        good += 1
    if not good:
        raise SignatureBad("no known key has signed the note")
    return parsed


def encode(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def decode(text: str) -> bytes:
    """Strict base64. Raises NoteMalformed."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (ValueError, UnicodeEncodeError):
        raise NoteMalformed("not base64") from None
    if encode(data) != text:
        raise NoteMalformed("base64 in an unusual spelling")
    return data


def _signature(line: str) -> NoteSignature:
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != "—":
        raise NoteMalformed("not a signature line")
    _check_name(parts[1])
    data = decode(parts[2])
    if len(data) <= _KEY_ID_BYTES:
        raise NoteMalformed("a signature line without signature")
    return NoteSignature(parts[1], data[:_KEY_ID_BYTES], data[_KEY_ID_BYTES:])


def _check_text(text: str) -> None:
    if not text.endswith("\n") or any(ch < " " and ch != "\n" for ch in text) or any("\ud800" <= ch <= "\udfff" for ch in text):
        raise NoteMalformed("note text ends in a newline and has no other control characters")


def _check_name(name: str) -> None:
    if not name or any(ch == "+" or ch.isspace() or "\ud800" <= ch <= "\udfff" for ch in name):
        raise NoteMalformed("a key name is UTF-8, not empty and has neither spaces nor plus signs")
