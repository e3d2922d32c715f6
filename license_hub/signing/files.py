"""Files that hold keys, PINs and tokens: for the hub's own user alone. What others may read is refused, not repaired."""

from __future__ import annotations

import os
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
