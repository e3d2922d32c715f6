"""Searches files for personal values in every spelling a program may have left them in: thousands of values over any number of bytes.

Each spelling's first eight bytes are looked up at every offset at once (numpy); what matches is compared whole.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

CODINGS = ("utf-8", "gb18030", "utf-16-le", "utf-16-be")
WINDOW = 8
PIECE = 8 * 1024 * 1024


def spellings(value: str) -> set[bytes]:
    """The value in utf-8, gb18030 and utf-16, each also in hex (both cases) and base64 (whatever stands before it), and as JSON escapes."""
    found = set()
    for coding in CODINGS:
        plain = value.encode(coding)
        found |= {plain, plain.hex().encode(), plain.hex().upper().encode()}
        for before in range(3):
            # Characters that mix in neighbouring bytes are left out on both sides.
            text = base64.b64encode(bytes(before) + plain)
            first, last = -(-before * 8 // 6), (before + len(plain)) * 8 // 6
            found |= {text[first:last], text[first:last].translate(bytes.maketrans(b"+/", b"-_"))}
    return {one for one in found | {json.dumps(value)[1:-1].encode()} if len(one) >= WINDOW}


def leaks(paths: Iterable[Path], values: Iterable[str]) -> set[str]:
    """Names of the files in which any of the values stands in any spelling."""
    table: dict[int, list[bytes]] = {}
    for value in values:
        for spelled in spellings(value):
            table.setdefault(int.from_bytes(spelled[:WINDOW], "little"), []).append(spelled)
    keys = np.array(sorted(table), dtype="<u8")
    overlap = max(len(one) for found in table.values() for one in found)
    return {path.name for path in paths if any(_leaks(piece, keys, table) for piece in _pieces(path, overlap))}


def _pieces(path: Path, overlap: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        kept = b""
        while piece := file.read(PIECE):
            yield kept + piece
            kept = piece[-overlap:]


def _leaks(data: bytes, keys: np.ndarray, table: dict[int, list[bytes]]) -> bool:
    for offset in range(WINDOW):
        count = (len(data) - offset) // WINDOW
        if count <= 0:
            continue
        windows = np.frombuffer(data, "<u8", count, offset)
        places = np.minimum(np.searchsorted(keys, windows), len(keys) - 1)
        for at in np.flatnonzero(keys[places] == windows):
            start = offset + int(at) * WINDOW
            if any(data.startswith(one, start) for one in table[int(windows[at])]):
                return True
    return False
