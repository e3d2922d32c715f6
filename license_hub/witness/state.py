"""What a witness saw last of each log: one file a log, holding the checkpoint itself, on disk before the cosignature goes out.

    <directory>/seen/<SHA-256 of the origin>.checkpoint

A witness that forgets can be shown another history. So a state that cannot be read stops it, and a lost `seen` folder is never made
anew. One process at a time holds the directory.
"""

from __future__ import annotations

import fcntl
import hashlib
from pathlib import Path

from license_hub.errors import NoteMalformed, WitnessFault
from license_hub.log import checkpoint as checkpoints
from license_hub.log.checkpoint import Checkpoint
from license_hub.log.files import place, read

SEEN = "seen"


class State:
    """The directory, held until `close` or the process ends. Not safe for threads: the caller has the lock."""

    def __init__(self, directory: Path):
        self._directory = Path(directory)
        if not (self._directory / SEEN).is_dir():
            raise WitnessFault(f"{self._directory / SEEN} is missing: restore it, or start a new witness under a new name and key")
        self._lock = (self._directory / "lock").open("a")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise WitnessFault(f"{self._directory}: another witness process uses it") from None
        self._known: dict[str, Checkpoint] = {}

    def close(self) -> None:
        self._lock.close()

    def last(self, origin: str) -> Checkpoint | None:
        """The last checkpoint cosigned for that log. Raises WitnessFault if its file cannot be read."""
        if origin not in self._known:
            data = read(self._directory / _path(origin))
            if data is None:
                return None
            try:
                found = checkpoints.parse(data.decode("utf-8", "replace"))
            except NoteMalformed:
                found = None
            if found is None or found.origin != origin:
                raise WitnessFault(f"{self._directory / _path(origin)} is damaged: restore it, nothing is cosigned for this log until then")
            self._known[origin] = found
        return self._known[origin]

    def keep(self, head: Checkpoint) -> None:
        """Durable when it returns."""
        place(self._directory, {_path(head.origin): head.note.encode()}, replace=True)
        self._known[head.origin] = head


def _path(origin: str) -> str:
    return f"{SEEN}/{hashlib.sha256(origin.encode()).hexdigest()}.checkpoint"
