"""Evidence that was checked once and cannot change: signed statements, checkpoints, tiles that lead to a signed root.

A status is never here: it may change with every transaction.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Generic, TypeVar

import sqlalchemy as sa

from license_hub.log.checkpoint import Checkpoint
from license_hub.signing.seal import Statement

Value = TypeVar("Value")

TILES = 8192
"""Checked tiles of 8 KiB kept: 64 MiB, the proofs of two million licenses in a row."""


class Recent(Generic[Value]):
    """The values used last, safe for threads."""

    def __init__(self, most: int):
        self._most = most
        self._values: OrderedDict[Hashable, Value] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable) -> Value | None:
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        return None

    def put(self, key: Hashable, value: Value) -> Value:
        with self._lock:
            self._values[key] = value
            while len(self._values) > self._most:
                self._values.popitem(last=False)
        return value


class EvidenceCache:
    def __init__(self) -> None:
        self.checkpoints: Recent[Checkpoint] = Recent(16)
        """Note text → checkpoint whose signature was checked."""
        self.statements: Recent[Statement] = Recent(TILES)
        """(attestation, its bytes) → statement whose signature was checked."""
        self.seal_tiles: Recent[bytes] = Recent(TILES)
        """(attestation, tile) → level-0 tile that leads to the statement's root."""
        self.log_tiles: Recent[bytes] = Recent(TILES)
        """(checkpoint root, tile) → level-0 tile that leads to the checkpoint's root."""
        self.quarantines: Recent[frozenset] = Recent(64)
        """(quarantine file, fields of number and holder) → blind index pairs of what is in it."""
        self.heads: Recent[object] = Recent(64)
        """(head file as it stands, field of the number, fields) → those columns with an index (`shared_rows`)."""
        self.decoy: sa.Row | None = None
        """Some version that was found: what a look for nothing opens, so that it takes as long (`verify`)."""

    @property
    def instead(self) -> int:
        """The entry that is read where nothing is found; none before anything was."""
        return self.decoy.entry if self.decoy is not None else -1
