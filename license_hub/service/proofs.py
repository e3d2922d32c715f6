"""Whether a stored version is what was sealed and logged, recomputed from its own row.

1. decrypt, commitment, leaf     the row's content gives the leaf
2. seal                          the leaf is under the root its issuing organ signed, with a key that counts for this entry
3. log                           the leaf is under the root of a checkpoint this hub signed, with a key that may be relied on

That a signature verifies is remembered; whether its key counts (`signing.manifest`) is asked of `hub.security` each time.

The comparisons are those of `signing.checks`, for bundles too.

What leads from a leaf to a signed root is hashed once for all leaves of its tile (`log.checked`).
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from license_hub.domain.verdict import Proof
from license_hub.errors import HubError, SignatureBad, TileCorrupt, TileMissing
from license_hub.log import checkpoint as checkpoints
from license_hub.log.checkpoint import Checkpoint
from license_hub.log.tiles import Tile, Tiles
from license_hub.log.tree import HASH_BYTES
from license_hub.service.behind import refuse_if_older
from license_hub.service.content import Opened
from license_hub.service.hub import Hub
from license_hub.signing import checks, seal
from license_hub.signing.seal import Attestation, Statement
from license_hub.storage.tables import attestation_tile, leaf
from license_hub.storage.tables import checkpoint as checkpoint_table

UNSIGNED = Checkpoint("", 2**62, bytes(32), "")
"""Stands for a checkpoint whose signature does not verify: it covers every entry and proves none."""


def check_version(hub: Hub, connection: sa.Connection, head: Checkpoint | None, row: object, opened: Opened) -> Proof:
    """All of content, seal and log. `row` also has the columns of its attestation."""
    statement = check_statement(hub, row)
    if statement is None or statement.publication != row.publication:
        return Proof.BAD
    try:
        checks.check_identifier(row.identifier, opened.fields)
        checks.check_seal(statement, row.identifier, opened.fields, lambda: _attested(hub, connection, row, opened, statement))
    except SignatureBad:
        return Proof.BAD
    return check_logged(hub, connection, head, row.entry, opened.leaf_hash, row.recorded_at)


def _attested(hub: Hub, connection: sa.Connection, row: object, opened: Opened, statement: Statement) -> bool:
    tiles = _AttestationTiles(connection, row.attestation_id)
    return _under(hub, tiles, opened.leaf_hash, row.attestation_index, statement.size, statement.root)


def check_logged(hub: Hub, connection: sa.Connection, head: Checkpoint | None, entry: int, hashed: bytes, recorded_at: str) -> Proof:
    """Whether that leaf is the log's entry of that number; until a checkpoint covers it, whether it is the entry's committed leaf row."""
    if head is None or entry >= head.size:
        stored = connection.execute(sa.select(leaf.c.leaf_hash).where(leaf.c.entry == entry)).scalar()
        if stored is None or bytes(stored) != hashed:
            return Proof.BAD
        waited = hub.now() - datetime.fromisoformat(recorded_at)
        return Proof.PENDING if waited.total_seconds() <= hub.witness_grace_s else Proof.OVERDUE
    return Proof.GOOD if _under(hub, hub.tiles, hashed, entry, head.size, head.root) else Proof.BAD


def check_statement(hub: Hub, row: object) -> Statement | None:
    """The attestation's statement, its signature checked; None if it does not verify, or its key does not count for that entry.

    `row` has the attestation's columns.
    """
    key = (row.attestation_id, row.kid, row.alg, bytes(row.statement), bytes(row.signature))
    statement = hub.evidence.statements.get(key)
    if statement is None:
        try:
            made = Attestation(bytes(row.statement), bytes(row.signature), row.kid, row.alg)
            statement = hub.evidence.statements.put(key, seal.check(made, hub.security.keys(f"organ/{row.attested_by}")))
        except HubError:
            return None
    signer = hub.security.key(row.kid)
    return statement if signer is not None and signer.counts(statement.at, row.entry) else None


def newest_checkpoint(hub: Hub, connection: sa.Connection) -> Checkpoint | None:
    """The newest checkpoint that can be relied on, its signature checked; UNSIGNED if there is none such, None before the first.

    It is the newest of all but for the moment between a checkpoint key's compromise and its successor's first signature.
    Raises LogDiverged where a newer one is published than the database has.
    """
    published = hub.tiles.read_checkpoint()
    query = sa.select(checkpoint_table.c.note)
    return relied_on(hub, connection, published, connection.execute(query.order_by(checkpoint_table.c.size.desc()).limit(1)).scalar())


def relied_on(hub: Hub, connection: sa.Connection, published: str | None, note: str | None) -> Checkpoint | None:
    """`newest_checkpoint` of the database's newest note and the published one, which was read before it."""
    refuse_if_older(published, note)
    if note is None:
        return None
    head = read_checkpoint(hub, note)
    if head is None:
        vouched = [one.until.size for one in hub.security.keys("checkpoint") if one.until is not None]
        query = sa.select(checkpoint_table.c.note).where(checkpoint_table.c.size.in_(vouched))
        notes = connection.execute(query.order_by(checkpoint_table.c.size.desc())).scalars()
        head = next((found for one in notes if (found := read_checkpoint(hub, one))), None)
    return head or UNSIGNED


def read_checkpoint(hub: Hub, note: str) -> Checkpoint | None:
    """The checkpoint, if its signature verifies and its key may be relied on."""
    head = hub.evidence.checkpoints.get(note)
    if head is None:
        try:
            head = hub.evidence.checkpoints.put(note, checkpoints.verify(note, hub.origin, hub.security.checkpoint_keys(hub.origin)))
        except HubError:
            return None
    return head if hub.security.vouches(head) else None


def _under(hub: Hub, tiles: Tiles, hashed: bytes, index: int, size: int, root: bytes) -> bool:
    try:
        return hub.evidence.tiles.covers(tiles, hashed, index, size, root)
    except (TileCorrupt, TileMissing):
        return False


def attested_at(connection: sa.Connection, row: object, statement: Statement) -> seal.AttestationPath:
    """The row's place in its organ's batch. Raises TileMissing, TileCorrupt."""
    return seal.path_of(_AttestationTiles(connection, row.attestation_id), row.attestation_index, statement.size)


class _AttestationTiles:
    """`log.tiles.Tiles` over the rows of one attestation."""

    def __init__(self, connection: sa.Connection, attestation_id: str):
        self._connection = connection
        self._id = attestation_id
        self._read: dict[tuple[int, int], bytes] = {}

    def tile(self, level: int, index: int, width: int) -> Tile:
        data = self._read.get((level, index))
        if data is None:
            table = attestation_tile.c
            query = sa.select(table.data).where(table.attestation_id == self._id, table.level == level, table.tile_index == index)
            found = self._connection.execute(query).scalar()
            if found is None:
                raise TileMissing(f"attestation {self._id}: tile {level}/{index}")
            data = self._read[level, index] = bytes(found)
        if len(data) < width * HASH_BYTES:
            raise TileCorrupt(f"attestation {self._id}: tile {level}/{index} is cut off")
        return Tile(data[: width * HASH_BYTES])
