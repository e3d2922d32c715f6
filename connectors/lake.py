"""The lake: the folder of landed, trusted and quarantined rows, plain or encrypted, and where what does not fit in memory may spill.

- Who opens the lake says how: a `Lake` with data keys encrypts every file of rows; a bare folder is a plain lake, for benches and tests.
- An encrypted lake refuses plain files: what somebody put there in the open was not written by us.
- A file belongs to its folder (`…/<resource>/<batch>/`): moved to another batch it does not open.
- Python reads and writes by `open` and `create`, DuckDB by the name that `named` gives, once `attach` was called on its connection.
- Manifests, locks and the log are plain: they hold counts, hashes and file names.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from connectors.errors import LakeLocked
from connectors.sealed import FileKeys, SealedReader, SealedWriter

if TYPE_CHECKING:
    import duckdb

SCHEME = "sealed"
COMPARED_BYTES = 1024 * 1024
AREAS = ("landing", "trusted", "quarantine", "tickets", "samples")
"""Folders of rows: `<area>/<resource>/<batch>/*.parquet`; in `tickets` the third is `<ticket>.<batch>`,
in `samples` `<sample>.<draw>`."""


@dataclass(frozen=True)
class Lake(os.PathLike):
    root: Path
    keys: FileKeys | None = field(default=None, repr=False)
    """None: a plain lake."""
    spill: Path | None = None
    """Folder for what DuckDB cannot hold in memory, on tmpfs or an encrypted volume; None: below the lake itself."""

    @classmethod
    def of(cls, place: Lake | Path) -> Lake:
        """A bare folder is a plain lake."""
        return place if isinstance(place, cls) else cls(Path(place))

    def __truediv__(self, other: str | os.PathLike) -> Path:
        return self.root / other

    def __fspath__(self) -> str:
        return str(self.root)

    def __str__(self) -> str:
        return str(self.root)

    def open(self, path: Path) -> BinaryIO:
        """A file of rows, readable at any place. Raises LakeLocked, OSError."""
        return path.open("rb") if self.keys is None else SealedReader(path, self.keys, context_of(path))

    def create(self, path: Path) -> BinaryIO:
        """A file of rows to be written in order, synced by its `close`; its name must be free."""
        return PlainWriter(path, "xb") if self.keys is None else SealedWriter(path, self.keys, context_of(path))

    def named(self, path: Path) -> str:
        """What DuckDB calls the file."""
        return str(path) if self.keys is None else f"{SCHEME}://{path.absolute()}"

    def places(self, folders: Iterable[Path]) -> list[str]:
        """Prefixes of everything DuckDB may touch below those folders; a folder may be given through a link."""
        found = list(chain.from_iterable((f"{one.resolve()}/", f"{one.absolute()}/") for one in folders))
        return found if self.keys is None else [*found, *(f"{SCHEME}://{one}" for one in found)]

    def attach(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Lets this connection read and write the lake's files by name."""
        if self.keys is not None:
            connection.register_filesystem(_file_system(self))

    def same(self, one: Path, other: Path) -> bool:
        """Whether two files have the same content, however each is stored."""
        with self.open(one) as left, self.open(other) as right:
            while True:
                here, there = left.read(COMPARED_BYTES), right.read(COMPARED_BYTES)
                if here != there:
                    return False
                if not here:
                    return True


class PlainWriter(io.FileIO):
    """A file that is on the disk once it is closed."""

    def close(self) -> None:
        if not self.closed:
            os.fsync(self.fileno())
        super().close()


def context_of(path: Path) -> str:
    """`<resource>/<batch>`: the folder a file of rows belongs to."""
    return f"{path.parent.parent.name}/{path.parent.name}"


def _file_system(lake: Lake):
    """The lake as fsspec shows it to DuckDB. fsspec is imported where a lake is encrypted, and there alone."""
    from fsspec import AbstractFileSystem

    class SealedFiles(AbstractFileSystem):
        protocol = SCHEME
        cachable = False

        def _open(self, path, mode="rb", **_):
            return lake.create(_path(path)) if "w" in mode or "x" in mode else lake.open(_path(path))

        def info(self, path, **_):
            place = _path(path)
            with lake.open(place) as file:
                return {"name": path, "size": file.size, "type": "file", "mtime": place.stat().st_mtime}

        def modified(self, path):
            return datetime.fromtimestamp(_path(path).stat().st_mtime, UTC)

        def exists(self, path, **_):
            return _path(path).exists()

        def glob(self, path, **_):
            return [path]

    return SealedFiles()


def _path(name: str) -> Path:
    path = Path("/" + name.removeprefix(SCHEME + "://").lstrip("/"))
    if ".." in path.parts:
        raise LakeLocked("a path may not climb", file=path.name)
    return path
