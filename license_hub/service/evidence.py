"""Evidence that was checked once and cannot change: signed statements, checkpoints, tiles that lead to a signed root.

A status is never here: it may change with every transaction.
"""

from __future__ import annotations

import sqlalchemy as sa

from license_hub.log.checked import CheckedTiles
from license_hub.log.checkpoint import Checkpoint
from license_hub.recent import Recent
from license_hub.signing.seal import Statement

STATEMENTS = 8192


class EvidenceCache:
    def __init__(self) -> None:
        self.checkpoints: Recent[Checkpoint] = Recent(16)
        """Note text → checkpoint whose signature was checked."""
        self.statements: Recent[Statement] = Recent(STATEMENTS)
        """(attestation, its bytes) → statement whose signature was checked."""
        self.tiles = CheckedTiles()
        """Of the log, which lead to a checkpoint's root, and of attestations, which lead to their statement's."""
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
