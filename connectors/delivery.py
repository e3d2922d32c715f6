"""One dropped file, opened once and safely: no links followed, no folder left, nothing but a regular file.

- A file is settled if its sidecar manifest vouches for it, else if its size and time stay the same over a wait.
- The descriptor stays open from the first byte hashed to the last row read; a change in between is seen at the end.
- Sidecar `<file>.manifest.json`: `{"rows": n, "sha256": "…", "partition": "…"?}`; what it says must be so.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from connectors.errors import ContractBroken, SourceUnavailable

SIDECAR = ".manifest.json"
_SIDECAR_BYTES = 64 * 1024
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True)
class Sidecar:
    rows: int | None
    sha256: str | None
    partition: str | None


@dataclass(frozen=True)
class Delivery:
    """An open file of a drop folder."""

    resource: str
    name: str
    descriptor: int = field(repr=False)
    size: int
    modified_ns: int
    sidecar: Sidecar | None

    @property
    def as_of(self) -> datetime:
        return datetime.fromtimestamp(self.modified_ns / 1e9, UTC)

    def reader(self):
        """A fresh binary reader from the first byte; closing it leaves the descriptor open."""
        os.lseek(self.descriptor, 0, os.SEEK_SET)
        return os.fdopen(self.descriptor, "rb", buffering=0, closefd=False)

    def check_unchanged(self) -> None:
        """Raises SourceUnavailable if the file was written to while it was read."""
        now = os.fstat(self.descriptor)
        if (now.st_size, now.st_mtime_ns) != (self.size, self.modified_ns):
            raise SourceUnavailable("the file changed while it was read", source=self.resource, file=self.name, hint="pull again")

    def check_rows(self, rows: int) -> None:
        if self.sidecar is not None and self.sidecar.rows not in (None, rows):
            self._refuse(f"the manifest says {self.sidecar.rows} rows, the file has {rows}")

    def check_sha256(self, found: str) -> None:
        if self.sidecar is not None and self.sidecar.sha256 not in (None, found):
            self._refuse("the file's SHA-256 is not the manifest's")

    def _refuse(self, what: str) -> None:
        raise ContractBroken(what, source=self.resource, file=self.name, hint="the provider delivers file and manifest again")


@contextmanager
def opened(resource: str, path: Path, *, stable_seconds: float, sleep: Callable[[float], None]) -> Iterator[Delivery]:
    """The settled file. Raises SourceUnavailable (missing, still growing) or ContractBroken (a link, a folder, a bad manifest)."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        descriptor = _open(resource, path.name, folder)
        try:
            sidecar = _sidecar(resource, path.name, folder)
            found = os.fstat(descriptor)
            if sidecar is None and stable_seconds > 0:
                sleep(stable_seconds)
            later = os.fstat(descriptor)
            if (found.st_size, found.st_mtime_ns) != (later.st_size, later.st_mtime_ns):
                raise SourceUnavailable("the file is still growing", source=resource, file=path.name, hint="pull again when it is whole")
            yield Delivery(resource, path.name, descriptor, later.st_size, later.st_mtime_ns, sidecar)
        finally:
            os.close(descriptor)
    finally:
        os.close(folder)


def _open(resource: str, name: str, folder: int) -> int:
    try:
        descriptor = os.open(name, _FLAGS, dir_fd=folder)
    except FileNotFoundError:
        raise SourceUnavailable("the file is not there", source=resource, file=name) from None
    except OSError as fault:
        raise ContractBroken(
            f"the file cannot be opened ({fault.strerror})",
            source=resource,
            file=name,
            hint="only regular files are read, links are not followed",
        ) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ContractBroken("not a regular file", source=resource, file=name, hint="the provider drops plain files")
    return descriptor


def _sidecar(resource: str, name: str, folder: int) -> Sidecar | None:
    try:
        descriptor = os.open(name + SIDECAR, _FLAGS, dir_fd=folder)
    except FileNotFoundError:
        return None
    except OSError as fault:
        raise ContractBroken(f"the manifest cannot be opened ({fault.strerror})", source=resource, file=name + SIDECAR) from None
    with os.fdopen(descriptor, "rb") as file:
        text = file.read(_SIDECAR_BYTES)
    try:
        said = json.loads(text)
        rows, sha256, partition = said.get("rows"), said.get("sha256"), said.get("partition")
        sound = isinstance(rows, int | None) and isinstance(sha256, str | None) and isinstance(partition, str | None)
    except (ValueError, AttributeError):
        sound = False
    if not sound or (rows is None and sha256 is None):
        raise ContractBroken(
            "the manifest is not readable",
            source=resource,
            file=name + SIDECAR,
            hint='it says {"rows": n, "sha256": "…", "partition": "…"?}',
        )
    return Sidecar(rows, None if sha256 is None else sha256.lower(), partition)
