"""Status events that a restore took from the log: what they say is in their leaf, not in a commitment this hub could open.

A leaf may be about a version whose content the restore lost. Then a chain of leaves leads to a version that is there: each lost change
names the version before it. Every leaf of the chain must stand in the log, not the last one alone: rows of hub_recovered prove nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from license_hub.domain.lifecycle import State
from license_hub.errors import HubError
from license_hub.signing.canonical import parse
from license_hub.storage import tables
from license_hub.storage.tables_recovery import recovered

RECOVERED = "RECOVERED"
"""In place of an act that only the lost database knew."""


@dataclass(frozen=True)
class Link:
    """A leaf of the chain, as it is stored; `leaf` b'' proves nothing."""

    entry: int
    leaf: bytes
    at: str


def effect(said: dict, *, lost: bool) -> str:
    """The state that a leaf means for its license. `lost`: the version it names or makes is one whose content is gone.

    Of such a version nobody here can say that it is in force; a state against it counts as it stands.
    """
    state = str(said.get("status"))
    return State.STATUS_NOT_PROVIDED.value if lost and state == State.IN_FORCE else state


def event_links(connection: sa.Connection, event: object, of_leaf: str) -> list[Link]:
    """The leaves that make a replayed event: its own, then those of lost changes back to `of_leaf`, the version it is kept with.

    `event` has `entry`, `state` and `recorded_at`. Where the leaves do not say that, one link that proves nothing.
    """
    nothing = [Link(event.entry, b"", event.recorded_at)]
    links, entry, wanted = [], event.entry, None
    while entry is not None:
        stored = connection.execute(sa.select(tables.leaf.c.leaf).where(tables.leaf.c.entry == entry)).scalar()
        said = _said(bytes(stored or b""))
        if wanted is not None and (said.get("kind"), said.get("id")) != ("change", wanted):
            return nothing
        links.append((entry, bytes(stored or b""), said))
        wanted = said.get("of")
        if wanted == of_leaf:
            return [Link(*link[:2], event.recorded_at) for link in links] if _agrees(links, event) else nothing
        earlier = recovered.c.entry < entry
        entry = connection.execute(sa.select(recovered.c.entry).where(recovered.c.leaf_id == wanted, recovered.c.lost, earlier)).scalar()
    return nothing


def _agrees(links: list[tuple[int, bytes, dict]], event: object) -> bool:
    """Whether the first leaf gives the event's state; behind it are changes whose content is gone."""
    said = links[0][2]
    lost = len(links) > 1 or said.get("kind") == "change"
    return said.get("kind") in ("status", "change") and said.get("at") == event.recorded_at and effect(said, lost=lost) == event.state


def _said(leaf: bytes) -> dict:
    try:
        return parse(leaf)
    except HubError:
        return {}
