"""A small log of its own for each test: leaf rows in memory, tiles on disk."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from license_hub.errors import LeaseLost
from license_hub.log.checkpoint import Checkpoint
from license_hub.log.tiles import TileStore
from license_hub.log.tree import leaf_hash
from license_hub.signing.keyring import InsecureDevSigner

ORIGIN = "log.example/test"
NOW = datetime(2026, 11, 21, 8, 0, 0, tzinfo=UTC)


class Rows:
    """A LeafSource over a list; the register of checkpoints refuses an old fence, as the database does."""

    def __init__(self, leaves: list[bytes]):
        self.leaves = leaves
        self.stored_hashes = [leaf_hash(one) for one in leaves]
        self.checkpoints: list[Checkpoint] = []
        self.fence = 0

    def append(self, leaves: list[bytes]) -> None:
        self.leaves += leaves
        self.stored_hashes += [leaf_hash(one) for one in leaves]

    def lease(self, now: datetime) -> int:
        self.fence += 1
        return self.fence

    def size(self) -> int:
        return len(self.leaves)

    def entries(self, start: int, stop: int) -> list[bytes]:
        return self.leaves[start:stop]

    def hashes(self, start: int, stop: int) -> list[bytes]:
        return self.stored_hashes[start:stop]

    def latest_checkpoint(self) -> str | None:
        return self.checkpoints[-1].note if self.checkpoints else None

    def store_checkpoint(self, checkpoint: Checkpoint, fence: int) -> None:
        if fence != self.fence:
            raise LeaseLost("an older fence")
        self.checkpoints.append(checkpoint)


def leaves(count: int, start: int = 0) -> list[bytes]:
    return [b'{"leaf":%d}' % number for number in range(start, start + count)]


@pytest.fixture
def signer() -> InsecureDevSigner:
    return InsecureDevSigner("Ed25519", bytes(range(32)))


@pytest.fixture
def store(tmp_path: Path) -> TileStore:
    return TileStore(tmp_path / "log")


@pytest.fixture
def tree_files() -> Callable[[Path], dict[str, bytes]]:
    """Every file below a directory by its path, unfinished writes left out."""

    def collect(directory: Path) -> dict[str, bytes]:
        found = directory.rglob("*") if directory.exists() else ()
        return {
            path.relative_to(directory).as_posix(): path.read_bytes()
            for path in found
            if path.is_file() and not path.name.startswith(".new-")
        }

    return collect
