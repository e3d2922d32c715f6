"""Status events that a restore took from the log: what they say is in their leaf, not in a commitment this hub could open."""

from __future__ import annotations

import sqlalchemy as sa

from license_hub.domain.lifecycle import State
from license_hub.errors import HubError
from license_hub.signing.canonical import parse
from license_hub.storage import tables

RECOVERED = "RECOVERED"
"""In place of an act that only the lost database knew."""


def event_leaf(connection: sa.Connection, entry: int, of_leaf: str, state: str) -> bytes:
    """The stored leaf of such an event if it says that of that version, else b''."""
    stored = connection.execute(sa.select(tables.leaf.c.leaf).where(tables.leaf.c.entry == entry)).scalar()
    return bytes(stored) if stored is not None and says(bytes(stored), of_leaf, state) else b""


def says(leaf: bytes, of_leaf: str, state: str) -> bool:
    """A status leaf names the state; a change leaf means that what this database holds is no longer the newest."""
    try:
        said = parse(leaf)
    except HubError:
        return False
    meant = State.STATUS_NOT_PROVIDED.value if said.get("kind") == "change" else said.get("status")
    return said.get("of") == of_leaf and said.get("kind") in ("status", "change") and meant == state
