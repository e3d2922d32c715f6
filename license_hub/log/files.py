"""Durable files: written beside their place, flushed to disk, then put into it in one step."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from license_hub.errors import TileCorrupt

_FLUSHERS = 8
"""Threads that wait for the disk at once: a journal commits their flushes together."""


def read(path: Path) -> bytes | None:
    """The file's bytes, or None if there is no such file."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def place(directory: Path, files: Mapping[str, bytes], *, replace: bool = False) -> int:
    """Put files (path below `directory` → bytes) in place durably. How many were new or changed.

    A killed writer leaves whole files and `.new-…` remains nobody reads (the next one sweeps them), never half a file. Without
    `replace`, a file already there must hold the same bytes: published history is never rewritten. Raises TileCorrupt.
    """
    new = []
    for path, data in files.items():
        there = read(directory / path)
        if there == data:
            continue
        if there is not None and not replace:
            raise TileCorrupt(f"{path}: stored bytes differ from what the leaf rows give; find out which is right before the log goes on")
        new.append((directory / path, data))
    folders = {path.parent for path, _ in new}
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
    with ThreadPoolExecutor(_FLUSHERS) as pool:
        list(pool.map(_write, new, chunksize=16))
        list(pool.map(_flush_folder, _with_parents(folders, directory)))
    return len(new)


def _sweep(folder: Path) -> None:
    """Takes away what killed writers left. There is one writer at a time; one that was cut off and still writes fails, as it should."""
    for remains in folder.glob(".new-*"):
        remains.unlink(missing_ok=True)


def _write(one: tuple[Path, bytes]) -> None:
    path, data = one
    beside = path.with_name(f".new-{path.name}-{secrets.token_hex(4)}")
    try:
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError:
        # A full disk must not be filled further by what did not fit.
        beside.unlink(missing_ok=True)
        raise


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _with_parents(folders: set[Path], top: Path) -> list[Path]:
    """The folders and all above them down from `top`: a new folder's own name lives in its parent."""
    every = set(folders)
    for folder in folders:
        every.update(one for one in folder.parents if one == top or top in one.parents)
    return sorted(every)
