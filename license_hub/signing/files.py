"""Files that hold keys, PINs and tokens: for the hub's own user alone. What others may read is refused, not repaired."""

from __future__ import annotations

import json
import os
import secrets
import stat
from pathlib import Path

from license_hub.errors import KeyFault

_OTHERS = 0o077
_LONGEST_SECRET = 64 * 1024


def guard(path: Path) -> None:
    """Raises KeyFault if others may read the file or folder, or it belongs to someone else."""
    try:
        status = path.stat()
    except OSError as fault:
        raise KeyFault(f"{path}: {os.strerror(fault.errno or 0)}; restore it from the backup of the keys") from None
    if stat.S_IMODE(status.st_mode) & _OTHERS:
        wanted = "700" if path.is_dir() else "600"
        raise KeyFault(f"{path}: others may read it (mode {stat.S_IMODE(status.st_mode):o}); replace the key, then chmod {wanted}")
    if status.st_uid not in (os.geteuid(), 0):
        raise KeyFault(f"{path}: belongs to another user; the hub's own user must own its keys")


def secret(path: Path) -> str:
    """The one line of a guarded file: a PIN, a bearer token. Raises KeyFault."""
    guard(path)
    with path.open("rb") as file:
        data = file.read(_LONGEST_SECRET)
    try:
        text = data.decode("ascii").strip()
    except UnicodeDecodeError:
        text = ""
    if not text or not text.isprintable():
        raise KeyFault(f"{path}: one line of printable ASCII expected")
    return text


def read_form(path: Path, *forms: tuple[str, ...]) -> dict[str, object]:
    """The file's content, its names those of one of the forms."""
    guard(path.parent)
    guard(path)
    try:
        content = json.loads(path.read_text("utf-8"))
    except (ValueError, UnicodeDecodeError):
        raise KeyFault(f"{path}: not a key file; restore it from the backup of the keys") from None
    if not isinstance(content, dict) or set(content) not in map(set, forms) or content["v"] != 1:
        raise KeyFault(f"{path}: not a key file of version 1; restore it from the backup of the keys")
    return content


def create_form(path: Path, content: dict[str, object], top: Path) -> None:
    """Make the file unless it is there: of two makers one wins, and nobody ever reads half a key."""
    for folder in (top, *[one for one in reversed(path.parents) if top in one.parents]):
        folder.mkdir(mode=0o700, parents=folder == top, exist_ok=True)
        guard(folder)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(json.dumps(content, sort_keys=True) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(beside, path)
    except FileExistsError:
        return
    finally:
        beside.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
