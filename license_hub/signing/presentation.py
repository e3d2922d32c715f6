"""The code a holder shows (扫码亮证): who has it in his camera has a signed name of 128 random bits, and nothing of license or holder.

    MZT: base45(version 1 (1 byte) ‖ kid (8) ‖ end, seconds since 1970 (4) ‖ id (16) ‖ signature (64))

144 characters of the QR alphabet: version 6 at error level M. The signature is of a key of the role `presentation`, over CONTEXT and
everything before it, so it stands for nothing else that such a key signs. Whether the code still counts only the hub can say: it
remembers each by its id, never by its text (a signature may have twins).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from license_hub.errors import TokenMalformed
from license_hub.signing import base45
from license_hub.signing.suites import Signer

PREFIX = "MZT:"
VERSION = 1
CONTEXT = b"mianzhengtong presentation v1\x00"
_BODY = struct.Struct(">B8sI16s")
SIGNATURE_BYTES = 64
CHARS = len(PREFIX) + 140
"""Length of every code."""


@dataclass(frozen=True)
class Presentation:
    """A code taken apart; nothing of it is verified."""

    kid: str
    expires_at: int
    """Seconds since 1970."""
    id: str
    """32 hex digits."""
    signed: bytes
    signature: bytes


def make(signer: Signer, presentation_id: str, expires_at: int) -> str:
    """The code. Raises SigningError, ValueError for a key whose signatures are not 64 bytes."""
    body = _BODY.pack(VERSION, bytes.fromhex(signer.kid), expires_at, bytes.fromhex(presentation_id))
    signature = signer.sign(CONTEXT + body)
    if len(signature) != SIGNATURE_BYTES:
        raise ValueError(f"a key of {signer.alg} signs no codes: its signatures do not fit; use one of Ed25519, ES256, SM2")
    return PREFIX + base45.encode(body + signature)


def is_one(text: str) -> bool:
    """Whether the text claims to be such a code."""
    return text.startswith(PREFIX)


def read(text: str) -> Presentation:
    """Raises TokenMalformed."""
    if not is_one(text) or len(text) != CHARS:
        raise TokenMalformed("not a presentation code")
    try:
        data = base45.decode(text.removeprefix(PREFIX))
    except ValueError as fault:
        raise TokenMalformed(str(fault)) from None
    version, kid, expires_at, name = _BODY.unpack(data[: _BODY.size])
    if version != VERSION:
        raise TokenMalformed("a presentation code of another version")
    return Presentation(kid.hex(), expires_at, name.hex(), CONTEXT + data[: _BODY.size], data[_BODY.size :])
