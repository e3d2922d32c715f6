"""Cosignatures: a witness's word that a checkpoint is the largest it saw and consistent with all before (C2SP tlog-cosignature).

    — <witness name> base64(key id ‖ timestamp ‖ signature)       timestamp: POSIX seconds, 8 bytes, big-endian

- Ed25519 (type 0x04) signs `cosignature/v1`, `time <t>` and the note's text; ML-DSA-44 (type 0x06) signs the structure
  `cosigned_message` over name, time, origin, 0, size and root.
- A line of an unknown key is ignored; a known key's that does not verify refuses the whole note.
- A cosignature of time 0 says nothing about when: it is not counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from license_hub.errors import NoteMalformed, SignatureBad
from license_hub.log import note
from license_hub.log.checkpoint import Checkpoint, body
from license_hub.signing.suites import Signer, suite

ED25519, ML_DSA_44 = "Ed25519", "ML-DSA-44"
TYPES = {ED25519: b"\x04", ML_DSA_44: b"\x06"}
"""Algorithm → signature type identifier of a cosignature."""
PUBLIC_BYTES = {ED25519: 32, ML_DSA_44: 1312}
_TIME_BYTES = 8
_LABEL = b"subtree/v1\n\x00"


@dataclass(frozen=True)
class WitnessKey:
    """One key of a witness, and the name it cosigns under."""

    name: str
    alg: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        return note.hashed_id(self.name, TYPES[self.alg], self.public)

    @property
    def text(self) -> str:
        """`name+hash+base64(type ‖ key)`, for policies."""
        return note.verifier_key(self.name, TYPES[self.alg], self.public)


def witness_key(text: str) -> WitnessKey:
    """From a verifier key of type 0x04 or 0x06. Raises NoteMalformed."""
    name, material = note.read_verifier_key(text)
    for alg, kind in TYPES.items():
        if material[:1] == kind and len(material) == 1 + PUBLIC_BYTES[alg]:
            return WitnessKey(name, alg, material[1:])
    raise NoteMalformed(f"the verifier key of {name} is no cosigner's: type 0x04 (Ed25519) or 0x06 (ML-DSA-44)")


def cosign(head: Checkpoint, name: str, signer: Signer, at: int) -> str:
    """The signature line of one key. `at`: POSIX seconds."""
    stamp = at.to_bytes(_TIME_BYTES, "big")
    signature = signer.sign(message(head, name, signer.alg, at))
    key = note.hashed_id(name, TYPES[signer.alg], signer.public)
    return f"— {name} {note.encode(key + stamp + signature)}\n"


def message(head: Checkpoint, name: str, alg: str, at: int) -> bytes:
    """The bytes a cosigner signs."""
    if alg == ED25519:
        return f"cosignature/v1\ntime {at}\n{body(head.origin, head.size, head.root)}".encode()
    ends = at.to_bytes(8, "big"), (0).to_bytes(8, "big"), head.size.to_bytes(8, "big")
    return _LABEL + _short(name) + ends[0] + _short(head.origin) + ends[1] + ends[2] + head.root


def cosigned(head: Checkpoint, keys: Sequence[WitnessKey]) -> dict[WitnessKey, int]:
    """Which of the keys cosigned the note of `head`, and when (POSIX seconds, the latest). Raises NoteMalformed, SignatureBad."""
    known = {(one.name, one.key_id): one for one in keys}
    found: dict[WitnessKey, int] = {}
    for line in note.parse(head.note).signatures:
        key = known.get((line.name, line.key_id))
        if key is None:
            continue
        at = int.from_bytes(line.signature[:_TIME_BYTES], "big")
        signature = line.signature[_TIME_BYTES:]
        if at >= 1 << 63 or not suite(key.alg).verify(key.public, message(head, key.name, key.alg, at), signature):
            raise SignatureBad(f"the cosignature of {key.name} on the checkpoint does not verify")
        if at:
            found[key] = max(at, found.get(key, 0))
    return found


def add_lines(text: str, lines: Sequence[str]) -> str:
    """The note with further signature lines, each once."""
    present = set(text.rpartition("\n\n")[2].splitlines(keepends=True))
    return text + "".join(one for one in dict.fromkeys(lines) if one not in present)


def _short(text: str) -> bytes:
    """TLS `opaque<1..255>`. Raises NoteMalformed."""
    data = text.encode()
    if not 1 <= len(data) <= 255:
        raise NoteMalformed("names and origins that are cosigned have 1 to 255 bytes")
    return bytes([len(data)]) + data
