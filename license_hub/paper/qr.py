"""QR codes as images. Error level M: what a screen or an ordinary print needs; a quiet zone of four modules belongs to each."""

from __future__ import annotations

import zxingcpp

LEVEL = "M"


def svg(text: str) -> str:
    """The code as an SVG element: one path, no script, no style, nothing from elsewhere. Raises ValueError for what no code holds."""
    drawn = _made(text).to_svg(add_quiet_zones=True)
    # Without the XML declaration and doctype, which neither a page nor a typesetter wants.
    return drawn[drawn.index("<svg") :]


def modules(text: str) -> int:
    """Modules along a side: version = (modules − 17) / 4."""
    return _made(text).to_image(scale=1, add_quiet_zones=False).shape[0]


def _made(text: str) -> zxingcpp.Barcode:
    return zxingcpp.create_barcode(text, zxingcpp.QRCode, ec_level=LEVEL)
