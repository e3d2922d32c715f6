"""Base45 (RFC 9285): bytes as text that a QR code holds in its alphanumeric mode, three characters for two bytes."""

from __future__ import annotations

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_VALUE = {character: place for place, character in enumerate(ALPHABET)}


def encode(data: bytes) -> str:
    out = []
    for start in range(0, len(data) - 1, 2):
        high, rest = divmod(data[start] << 8 | data[start + 1], 45 * 45)
        middle, low = divmod(rest, 45)
        out += (ALPHABET[low], ALPHABET[middle], ALPHABET[high])
    if len(data) % 2:
        high, low = divmod(data[-1], 45)
        out += (ALPHABET[low], ALPHABET[high])
    return "".join(out)


def decode(text: str) -> bytes:
    """Raises ValueError. Every byte string has one spelling: what is accepted encodes to the same text."""
    if len(text) % 3 == 1:
        raise ValueError("not base45: no text is that long")
    out = bytearray()
    for start in range(0, len(text), 3):
        part = text[start : start + 3]
        try:
            number = sum(_VALUE[character] * 45**place for place, character in enumerate(part))
        except KeyError:
            raise ValueError("not base45: a character of another alphabet") from None
        size = len(part) - 1
        if number >= 256**size:
            raise ValueError("not base45: three characters say more than two bytes")
        out += number.to_bytes(size, "big")
    return bytes(out)
