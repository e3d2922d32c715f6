"""Brings every file of rows under the lake's current data key: after a new key, or when a plain lake is to be encrypted.

Each file is written anew beside its place and put there whole; readers see the old one or the new one. A landed batch's manifest follows
its file. Safe to run again after it was killed anywhere.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from connectors import manifest
from connectors.lake import AREAS, Lake
from connectors.sealed import kid_of

_BESIDE = ".reencrypting"


def reencrypt(lake: Lake) -> int:
    """Number of files moved; 0 when all are under the current key."""
    if lake.keys is None:
        return 0
    done = 0
    for area in AREAS:
        for left in (lake / area).glob(f"*/*/*{_BESIDE}"):
            left.unlink()
        for path in sorted((lake / area).glob("*/*/*.parquet")):
            if kid_of(path) != lake.keys.current:
                _move(lake, path)
                done += 1
            if area == "landing":
                _describe(path)
    return done


def _move(lake: Lake, path: Path) -> None:
    beside = path.with_name(path.name + _BESIDE)
    reading = lake if kid_of(path) else replace(lake, keys=None)
    with reading.open(path) as source, lake.create(beside) as target:
        shutil.copyfileobj(source, target, 1024 * 1024)
    beside.replace(path)
    manifest.sync_folder(path.parent)


def _describe(path: Path) -> None:
    """The manifest's word on the file's bytes."""
    described = manifest.read(path.parent)
    if [file["bytes"] for file in described.files if file["name"] == path.name] == [path.stat().st_size] and kid_of(path) is None:
        return
    files = (manifest.describe(path),)
    if described.files != files:
        manifest.correct(path.parent, replace(described, files=files))
