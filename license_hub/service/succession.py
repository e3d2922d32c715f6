"""A new checkpoint key goes on where a compromised one stopped: over the same tree, or not at all."""

from __future__ import annotations

import sqlalchemy as sa

from license_hub.errors import HubError, LogDiverged, LogError
from license_hub.log import checkpoint as checkpoints
from license_hub.log.checkpoint import Checkpoint
from license_hub.log.proof import consistency_proof, root_at
from license_hub.log.tiles import TileStore
from license_hub.log.tree import consistency
from license_hub.service.hub import Hub
from license_hub.service.logs import Log
from license_hub.signing.manifest import Head


def check_succession(hub: Hub, log: Log, connection: sa.Connection, newest: str | None) -> None:
    """Nothing to do unless the newest checkpoint's key is compromised. Then the stored tree must begin with every head such a key is
    still relied on for, and with the newest checkpoint, proved from the tiles. The integrator's lease is held.

    Raises LogDiverged, LogError.
    """
    if newest is None:
        return
    head = checkpoints.parse(newest)
    signers = hub.security.signers(head)
    if not signers or not all(one.compromised for one in signers):
        return
    # Past the cache: what lies on the disk is what is signed next.
    stored = TileStore(log.tiles.directory)
    if root_at(stored, head.size) != head.root:
        raise LogDiverged(f"the tiles do not give the root signed last, at {head.size} entries, by a compromised key: restore first")
    # The heads that the root vouches for are of the licenses' log.
    for old in (one.until for one in signers if one.until is not None and log.origin == hub.origin):
        if not _begins(stored, old, head):
            raise LogDiverged(f"the tree does not begin with its last good head, at {old.size} entries: restore first, nothing is signed")
    table = log.tables.checkpoint.c
    witnessed = connection.execute(sa.select(table.witnessed_at).where(table.size == head.size)).scalar()
    if hub.policy.demands and witnessed is None:
        raise LogError("a witness policy is in force and no witness has cosigned the head to go on from: nothing is signed")


def _begins(stored: TileStore, old: Head, new: Checkpoint) -> bool:
    """Whether the tree of `new` begins with that of `old`."""
    try:
        proof = consistency_proof(stored, old.size, new.size)
    except (HubError, ValueError):
        return False
    return consistency(old.size, new.size, old.root, new.root, proof)
