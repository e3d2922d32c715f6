"""Whether a version was erased, and that the log says so: an empty row alone proves nothing, a row may have been emptied by anybody."""

from __future__ import annotations

import json

import sqlalchemy as sa

from license_hub.domain.verdict import Proof
from license_hub.errors import DecryptionError
from license_hub.log.checkpoint import Checkpoint
from license_hub.log.tree import leaf_hash
from license_hub.service.hub import Hub
from license_hub.service.proofs import check_logged
from license_hub.signing.commitment import commit, leaf
from license_hub.storage.crypt import Crypt
from license_hub.storage.tables import leaf as leaves
from license_hub.storage.tables_at_rest import erasure

STATED = ("reason", "document_no", "organ_code")


def is_erased(hub: Hub, connection: sa.Connection, head: Checkpoint | None, row: sa.Row) -> bool:
    """Of a version whose cells are empty: whether an erase leaf of the log names it."""
    if row.payload:
        return False
    query = sa.select(leaves.c.entry, leaves.c.leaf).join(erasure, erasure.c.entry == leaves.c.entry).where(erasure.c.of_entry == row.entry)
    found = connection.execute(query).first()
    if found is None:
        return False
    content = bytes(found.leaf)
    said = json.loads(content)
    named = said.get("kind") == "erase" and said.get("of") == row.leaf_id
    return named and check_logged(hub, connection, head, found.entry, leaf_hash(content), said["at"]) is not Proof.BAD


def erase_leaf(crypt: Crypt, row: sa.Row, of_leaf: str) -> bytes | None:
    """The leaf a row of hub_erasure gives; None where the row was made anew from the log. Raises DecryptionError, ValueError."""
    if row.secret is None:
        return None
    secret = crypt.decrypt("hub_erasure", "secret", row.entry, row.secret)
    if len(secret) != 32:
        raise DecryptionError(f"hub_erasure|secret|{row.entry}: not a secret")
    stated = {name: value for name in STATED if (value := getattr(row, name))}
    return leaf("erase", row.leaf_id, row.recorded_at, commit(secret, stated), of_leaf)
