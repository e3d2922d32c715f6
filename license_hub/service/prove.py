"""Offline proof that a leaf is in the log."""

from __future__ import annotations

import sqlalchemy as sa

from license_hub.log.bundle import Proof
from license_hub.log.proof import inclusion_proof
from license_hub.service.hub import Hub
from license_hub.service.proofs import UNSIGNED, newest_checkpoint
from license_hub.storage.engine import reading
from license_hub.storage.tables import leaf


def prove(hub: Hub, leaf_hash: bytes) -> str | None:
    """The leaf's `.tlog-proof` under the newest checkpoint; None for an unknown leaf or one not under a signed checkpoint.

    Raises LogError when tiles are missing or damaged.
    """
    with reading(hub.engine) as connection:
        entry = connection.execute(sa.select(sa.func.min(leaf.c.entry)).where(leaf.c.leaf_hash == leaf_hash)).scalar()
        head = newest_checkpoint(hub, connection)
    if entry is None or head in (None, UNSIGNED) or entry >= head.size:
        return None
    return Proof(entry, tuple(inclusion_proof(hub.tiles, entry, head.size)), head.note).text
