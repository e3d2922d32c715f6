"""The manifest of a landed batch: written last, so a batch without one never happened."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from connectors.errors import BatchBroken

NAME = "manifest.json"
_BATCH_ID = re.compile(r"(?P<resource>.+)-\d{8}T\d{6}-[0-9a-f]{8}")


@dataclass(frozen=True)
class Manifest:
    batch: str
    resource: str
    connector: str
    mode: str
    source: str
    """File name, table or path."""
    encoding: str | None
    bom: bool
    delimiter: str | None
    rows: int
    """Landed rows, malformed ones included."""
    malformed: int
    blank: int
    columns: tuple[str, ...]
    missing_optional: tuple[str, ...]
    extra_columns: tuple[str, ...]
    partition: str | None
    watermark: Mapping[str, str | None] | None
    """`from` and `to`, as text of the source."""
    content_hash: str
    source_sha256: str | None
    source_bytes: int | None
    files: tuple[Mapping[str, object], ...]
    """Of the batch: name, bytes, sha256."""
    landed_at: str
    """UTC, ISO 8601."""
    as_of: str
    """UTC, ISO 8601: time of the file, or of the read transaction."""


def write(folder: Path, manifest: Manifest) -> None:
    """Makes the batch complete: written beside, synced, linked under its name exclusively."""
    beside = folder / f".{NAME}.part"
    with beside.open("xb") as file:
        file.write(json.dumps(asdict(manifest), ensure_ascii=False, indent=1).encode())
        file.flush()
        os.fsync(file.fileno())
    os.link(beside, folder / NAME)
    beside.unlink()
    sync_folder(folder)
    sync_folder(folder.parent)


def correct(folder: Path, manifest: Manifest) -> None:
    """Puts another manifest in a batch's place, whole: rows were erased, or its file has outlived its retention."""
    beside = folder / f".{NAME}.part"
    with beside.open("wb") as file:
        file.write(json.dumps(asdict(manifest), ensure_ascii=False, indent=1).encode())
        file.flush()
        os.fsync(file.fileno())
    beside.replace(folder / NAME)
    sync_folder(folder)


def read(folder: Path) -> Manifest:
    """Raises BatchBroken where the manifest is missing, unreadable or of another batch."""
    try:
        found = json.loads((folder / NAME).read_bytes())
        lists = {name: tuple(found[name]) for name in ("columns", "missing_optional", "extra_columns", "files")}
        manifest = Manifest(**{one.name: lists.get(one.name, found[one.name]) for one in fields(Manifest)})
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise BatchBroken(
            f"manifest unreadable ({type(fault).__name__})", source=folder.name, file=NAME, hint="restore the batch's folder, or land again"
        ) from None
    if manifest.batch != folder.name:
        raise BatchBroken("manifest belongs to another batch", source=folder.name, file=NAME)
    return manifest


def describe(path: Path) -> dict[str, object]:
    """A file of rows as a manifest's `files` have it: name, bytes, sha256."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    return {"name": path.name, "bytes": path.stat().st_size, "sha256": digest.hexdigest()}


def check_batch_id(resource_id: str, batch: str) -> None:
    """Refuses ids that are not of that resource's form, and with them every path out of the lake. Raises BatchBroken."""
    form = _BATCH_ID.fullmatch(batch)
    if form is None or form["resource"] != resource_id or "/" in batch or "\0" in batch:
        raise BatchBroken("not a batch id of the resource", source=resource_id)


def sync_folder(folder: Path) -> None:
    """A new name survives a power cut only once its folder is synced."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
