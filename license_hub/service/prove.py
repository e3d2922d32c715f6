"""Offline proof that a leaf is in the log."""

from __future__ import annotations

import sqlalchemy as sa

from license_hub.log import checkpoint as checkpoints
from license_hub.log.bundle import Proof
from license_hub.log.proof import inclusion_proof
from license_hub.service.hub import Hub
from license_hub.service.proofs import UNSIGNED, newest_checkpoint
from license_hub.service.witnessing import proof_checkpoint
from license_hub.storage.engine import reading
from license_hub.storage.tables import leaf


def prove(hub: Hub, leaf_hash: bytes) -> str | None:
    """The leaf's `.tlog-proof` under the newest witnessed checkpoint, else the newest; None for a leaf unknown or not under a signed one.

    Raises LogError when tiles are missing or damaged.
    """
    with reading(hub.engine) as connection:
        hub.security.refresh(connection)
        entry = connection.execute(sa.select(sa.func.min(leaf.c.entry)).where(leaf.c.leaf_hash == leaf_hash)).scalar()
        head = newest_checkpoint(hub, connection)
        if entry is None or head in (None, UNSIGNED) or entry >= head.size:
            return None
        note = proof_checkpoint(hub, connection, entry)
    if note is None:
        return None
    size = checkpoints.parse(note).size
    return Proof(entry, tuple(inclusion_proof(hub.tiles, entry, size)), note).text
