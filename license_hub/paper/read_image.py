"""QR codes in a picture somebody uploads: PNG and JPEG alone, its size known before anything of it is unpacked (T15)."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import zxingcpp
from PIL import Image

MOST_PIXELS = 25_000_000
"""A phone's photograph has 12 million; one byte each is kept."""
MOST_CODES = 8
FORMATS = {b"\x89PNG\r\n\x1a\n": "PNG", b"\xff\xd8\xff": "JPEG"}
"""How a file begins → the one decoder that may see it."""


def kind(data: bytes) -> str | None:
    """PNG or JPEG by its first bytes."""
    return next((name for start, name in FORMATS.items() if data.startswith(start)), None)


def codes(data: bytes) -> list[str]:
    """The texts of its QR codes; none where it is no picture, too large, or has none."""
    wanted = kind(data)
    if wanted is None:
        return []
    try:
        with Image.open(BytesIO(data), formats=(wanted,)) as picture:
            # Of several frames (phones put a preview beside a photograph) the first is decoded, and no other.
            if picture.width * picture.height > MOST_PIXELS:
                return []
            grey = picture.convert("L")
    except (OSError, ValueError, SyntaxError, EOFError, struct.error, zlib.error, Image.DecompressionBombError):
        return []
    found = zxingcpp.read_barcodes(grey, formats=zxingcpp.QRCode)
    return [one.text for one in found[:MOST_CODES]]
