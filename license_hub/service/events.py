"""The log's word for a status event: its own leaf, or where a restore replayed it the leaves back to its version."""

from __future__ import annotations

from typing import Protocol

import sqlalchemy as sa

from license_hub.domain.verdict import Proof
from license_hub.log.checkpoint import Checkpoint
from license_hub.log.tree import leaf_hash
from license_hub.service.content import status_leaf
from license_hub.service.hub import Hub
from license_hub.service.proofs import check_logged
from license_hub.service.replayed import RECOVERED, Link, event_links

_GRAVITY = (Proof.GOOD, Proof.PENDING, Proof.OVERDUE, Proof.BAD)


class Event(Protocol):
    """Columns of hub_status."""

    entry: int
    act: str
    recorded_at: str


def worst(*proofs: Proof) -> Proof:
    return max(proofs, key=_GRAVITY.index)


def check_event(hub: Hub, connection: sa.Connection, head: Checkpoint | None, event: Event, of_leaf: str, of_secret: bytes) -> Proof:
    """`of_*` belong to the version the event is about."""
    if event.act == RECOVERED:
        links = event_links(connection, event, of_leaf)
    else:
        links = [Link(event.entry, status_leaf(event, of_leaf, of_secret), event.recorded_at)]
    return worst(Proof.GOOD, *(check_logged(hub, connection, head, one.entry, leaf_hash(one.leaf), one.at) for one in links))
