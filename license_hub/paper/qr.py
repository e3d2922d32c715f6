"""QR codes as images. Error level M: what a screen or an ordinary print needs; a quiet zone of four modules belongs to each."""

from __future__ import annotations

import zxingcpp

LEVEL = "M"


def svg(text: str) -> str:
    """The code as an SVG element of any size: one path, no script, no style, nothing from elsewhere.

    Raises ValueError for what no code holds.
    """
    drawn = _made(text).to_svg(add_quiet_zones=True)
    # Without the XML declaration and doctype, which neither a page nor a typesetter wants; with the box that lets it grow: drawn at a
    # pixel a module no scanner reads it.
    side = drawn.partition('width="')[2].partition('"')[0]
    return drawn[drawn.index("<svg") :].replace("<svg ", f'<svg viewBox="0 0 {side} {side}" ', 1)


def modules(text: str) -> int:
    """Modules along a side: version = (modules − 17) / 4."""
    return _made(text).to_image(scale=1, add_quiet_zones=False).shape[0]


def _made(text: str) -> zxingcpp.Barcode:
    return zxingcpp.create_barcode(text, zxingcpp.QRCode, ec_level=LEVEL)
