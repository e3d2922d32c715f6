"""Tiles: the tree in immutable pieces of 256 hashes, on disk or in any mapping (C2SP tlog-tiles).

    tile/<L>/<N>[.p/<W>]        hashes of level L; N in groups of three digits: 1234067 → x001/x234/067
    tile/entries/<N>[.p/<W>]    entries, each behind its length in 2 bytes, big-endian

- A hash of level L ≥ 1 is the root of a *full* tile of level L − 1.
- A tile of width W < 256 is partial; its file is never changed, the next width is another file.
"""

from __future__ import annotations

import os
import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from license_hub.errors import TileCorrupt, TileMissing
from license_hub.log.files import place, read
from license_hub.log.hash_columns import node_hashes
from license_hub.log.tree import HASH_BYTES, node_hash

HEIGHT = 8
WIDTH = 2**HEIGHT
"""Hashes in a full tile."""
TILE_BYTES = WIDTH * HASH_BYTES
ENTRIES = "entries"

_PATH = re.compile(r"tile/(entries|0|[1-9]|[1-5][0-9]|6[0-3])/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


class Tile:
    """Up to 256 consecutive hashes of one level, and the nodes above them, computed once when first asked for."""

    __slots__ = ("data", "_layers")

    def __init__(self, data: bytes):
        if not data or len(data) % HASH_BYTES or len(data) > WIDTH * HASH_BYTES:
            raise TileCorrupt(f"a tile of {len(data)} bytes")
        self.data = data
        self._layers: list[list[bytes]] = [[data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]]

    @property
    def width(self) -> int:
        return len(self._layers[0])

    def node(self, height: int, position: int) -> bytes:
        """Root of the 2^height hashes from position · 2^height on, all of which the tile must hold."""
        while len(self._layers) <= height:
            below = self._layers[-1]
            self._layers.append([node_hash(left, right) for left, right in zip(below[::2], below[1::2], strict=False)])
        return self._layers[height][position]


class Tiles(Protocol):
    """Where proofs take tiles from."""

    def tile(self, level: int, index: int, width: int) -> Tile:
        """The tile cut to `width`. Raises TileMissing, TileCorrupt."""


class TileMap:
    """Tiles held in a mapping (level, index) → bytes, such as an attestation's rows in the database."""

    def __init__(self, data: Mapping[tuple[int, int], bytes]):
        self._data = data

    def tile(self, level: int, index: int, width: int) -> Tile:
        found = self._data.get((level, index))
        if found is None:
            raise TileMissing(tile_path(level, index, width))
        return Tile(_cut(bytes(found), width, tile_path(level, index, width)))


class TileStore:
    """Tiles, entry bundles and the checkpoint below one directory. Tiles are cached: a file of one width never changes."""

    def __init__(self, directory: Path, cached_tiles: int = 1024):
        self.directory = Path(directory)
        self._cached_tiles = cached_tiles
        self._cache: OrderedDict[tuple[int, int, int], Tile] = OrderedDict()

    def tile(self, level: int, index: int, width: int) -> Tile:
        """From the cache or the disk; where the partial file is gone, the full one cut to `width`."""
        where = (level, index, width)
        found = self._cache.get(where)
        if found is not None:
            return found
        tile = self._cache[where] = Tile(self.read_tile(level, index, width))
        while len(self._cache) > self._cached_tiles:
            # Another thread may have taken the last one meanwhile.
            with suppress(KeyError):
                self._cache.popitem(last=False)
        return tile

    def read_tile(self, level: int, index: int, width: int) -> bytes:
        """Stored bytes, never from the cache. Raises TileMissing, TileCorrupt."""
        path = tile_path(level, index, width)
        data, whole = self._stored(path, tile_path(level, index), width)
        if len(data) != whole * HASH_BYTES:
            raise TileCorrupt(f"{path}: {len(data)} bytes where {whole * HASH_BYTES} belong")
        return data[: width * HASH_BYTES]

    def read_entries(self, index: int, width: int = WIDTH) -> list[bytes]:
        """The entries of one bundle. Raises TileMissing, TileCorrupt."""
        path = entries_path(index, width)
        data, whole = self._stored(path, entries_path(index), width)
        entries = unpack_entries(data, path)
        if len(entries) != whole:
            raise TileCorrupt(f"{path}: {len(entries)} entries where {whole} belong")
        return entries[:width]

    def _stored(self, path: str, full: str, width: int) -> tuple[bytes, int]:
        """(bytes, how many hashes or entries they must hold): the file itself, else the full one that took its place."""
        data = read(self.directory / path)
        if data is not None:
            return data, width
        data = read(self.directory / full) if width < WIDTH else None
        if data is None:
            raise TileMissing(f"{path} is not in the log's folder; restore it or rebuild the tiles from the leaf rows")
        return data, WIDTH

    def write(self, files: Mapping[str, bytes]) -> int:
        """Place new files durably; those already there must be equal. How many were new. Raises TileCorrupt."""
        return place(self.directory, files)

    def serve(self, path: str) -> bytes | None:
        """What HTTP clients get for `tile/…`; None for a path that is not of the format or not there."""
        try:
            kind, index, width = parse_path(path)
            if kind == ENTRIES:
                return pack_entries(self.read_entries(index, width))
            return self.read_tile(int(kind), index, width)
        except (ValueError, TileMissing):
            return None

    def read_checkpoint(self) -> str | None:
        """The published checkpoint, or None before the first."""
        data = read(self.directory / "checkpoint")
        return None if data is None else data.decode("utf-8", "replace")

    def publish_checkpoint(self, note: str) -> None:
        """Replace the published checkpoint: readers see the old or the new one, whole."""
        place(self.directory, {"checkpoint": note.encode()}, replace=True)

    def drop_partial(self, level: int | str, index: int) -> None:
        """Remove the partial files of a tile or bundle whose full file is there."""
        full = self.directory / (entries_path(index) if level == ENTRIES else tile_path(int(level), index))
        partial = full.with_name(full.name + ".p")
        if not full.is_file() or not partial.is_dir():
            return
        for file in partial.iterdir():
            file.unlink(missing_ok=True)
        os.rmdir(partial)


def tile_path(level: int, index: int, width: int = WIDTH) -> str:
    """`tile/0/x001/234.p/5`."""
    return f"tile/{level}/{_grouped(index)}" + (f".p/{width}" if width < WIDTH else "")


def entries_path(index: int, width: int = WIDTH) -> str:
    return f"tile/entries/{_grouped(index)}" + (f".p/{width}" if width < WIDTH else "")


def parse_path(path: str) -> tuple[str, int, int]:
    """(level or `entries`, index, width). Raises ValueError for any other spelling."""
    found = _PATH.fullmatch(path)
    if not found:
        raise ValueError("not the path of a tile")
    index = int(found[2].replace("x", "").replace("/", ""))
    width = int(found[3]) if found[3] else WIDTH
    if _grouped(index) != found[2] or (found[3] and width >= WIDTH):
        raise ValueError("not the path of a tile")
    return found[1], index, width


def pack_entries(entries: Iterable[bytes]) -> bytes:
    """An entry bundle. Raises OverflowError for an entry of more than 65,535 bytes."""
    return b"".join([len(one).to_bytes(2, "big") + one for one in entries])


def unpack_entries(data: bytes, path: str = "entries") -> list[bytes]:
    """Raises TileCorrupt when lengths and bytes do not agree."""
    entries, at = [], 0
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if end > len(data) or at + 2 > len(data):
            raise TileCorrupt(f"{path}: entry {len(entries)} is cut off")
        entries.append(data[at + 2 : end])
        at = end
    return entries


def build(hashes: Sequence[bytes]) -> dict[tuple[int, int], bytes]:
    """All tiles of a finished tree, for `TileMap` and its rows in the database."""
    tiles: dict[tuple[int, int], bytes] = {}
    level, data = 0, b"".join(hashes)
    while data:
        for start in range(0, len(data), TILE_BYTES):
            tiles[(level, start // TILE_BYTES)] = data[start : start + TILE_BYTES]
        level, data = level + 1, roots(data)
    return tiles


def roots(data: bytes) -> bytes:
    """Roots of the full tiles among hashes that follow each other: the hashes of the next level."""
    data = data[: len(data) // TILE_BYTES * TILE_BYTES]
    for _ in range(HEIGHT):
        data = node_hashes(data)
    return data


def _grouped(index: int) -> str:
    digits = f"{index:03d}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    return "/".join([f"x{one}" for one in groups[:-1]] + groups[-1:])


def _cut(data: bytes, width: int, path: str) -> bytes:
    if len(data) < width * HASH_BYTES or len(data) % HASH_BYTES:
        raise TileCorrupt(f"{path}: {len(data)} bytes where {width * HASH_BYTES} belong")
    return data[: width * HASH_BYTES]
