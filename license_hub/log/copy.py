"""A whole log from one place to another: into backups, out of them, from public mirrors. The checkpoint arrives last."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx

from license_hub.errors import TileMissing
from license_hub.log import checkpoint as checkpoints
from license_hub.log.checkpoint import Checkpoint
from license_hub.log.tiles import WIDTH, TileStore, entries_path, pack_entries, tile_path

_FILES = 512
"""Files written at once."""
_TIMEOUT_S = 30.0


def places(size: int) -> Iterator[tuple[int | None, int, int]]:
    """(level, index, width) of every tile of a tree, level None = entry bundle."""
    level, count = 0, size
    while count:
        for index in range(-(-count // WIDTH)):
            width = min(WIDTH, count - index * WIDTH)
            yield level, index, width
            if level == 0:
                yield None, index, width
        level, count = level + 1, count // WIDTH


def copy_log(source: TileStore, target: TileStore, head: Checkpoint) -> int:
    """Everything proofs under `head` need; the number of files. Raises TileMissing, TileCorrupt (also where the target differs)."""
    waiting: dict[str, bytes] = {}
    count = 0
    for level, index, width in places(head.size):
        if level is None:
            waiting[entries_path(index, width)] = pack_entries(source.read_entries(index, width))
        else:
            waiting[tile_path(level, index, width)] = source.read_tile(level, index, width)
        count += 1
        if len(waiting) >= _FILES:
            target.write(waiting)
            waiting.clear()
    target.write(waiting)
    target.publish_checkpoint(head.note)
    return count


def fetch_log(url: str, directory: Path) -> TileStore:
    """The log below `url` (`https://hub.example/log`), fetched whole and unchecked into a fresh folder. Raises TileMissing."""
    target = TileStore(directory)
    with httpx.Client(timeout=_TIMEOUT_S) as client:
        note = _get(client, f"{url}/checkpoint").decode("utf-8", "replace")
        waiting: dict[str, bytes] = {}
        for level, index, width in places(checkpoints.parse(note).size):
            path = entries_path(index, width) if level is None else tile_path(level, index, width)
            waiting[path] = _get(client, f"{url}/{path}")
            if len(waiting) >= _FILES:
                target.write(waiting)
                waiting.clear()
        target.write(waiting)
    target.publish_checkpoint(note)
    return target


def _get(client: httpx.Client, url: str) -> bytes:
    try:
        answer = client.get(url)
        answer.raise_for_status()
    except httpx.HTTPError as fault:
        raise TileMissing(f"{url} cannot be fetched: {type(fault).__name__}") from None
    return answer.content
