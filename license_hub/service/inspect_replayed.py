"""Entries that a restore replayed: the row of hub_recovered, the status event made of it and the leaf must say the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from license_hub.errors import HubError
from license_hub.service.replayed import RECOVERED, event_links
from license_hub.signing.canonical import parse
from license_hub.storage.tables import leaf, status, version
from license_hub.storage.tables_recovery import recovered

if TYPE_CHECKING:
    from license_hub.service.fsck import Findings


def inspect_replayed(connection: sa.Connection, start: int, stop: int, findings: Findings) -> dict[int, tuple[str, bytes | None]]:
    """Entry → (table, None: its leaf was compared here). What has no content any more is reported as lost, which is no finding."""
    found: dict[int, tuple[str, bytes | None]] = {}
    query = sa.select(recovered, leaf.c.leaf).join(leaf, leaf.c.entry == recovered.c.entry)
    for row in connection.execute(query.where(recovered.c.entry >= start, recovered.c.entry < stop)):
        if _told(bytes(row.leaf)) != (row.kind, row.leaf_id, row.of_leaf, row.status, row.at):
            findings.add("hub_recovered", f"entry {row.entry}", "is not what its leaf says")
        if row.lost:
            findings.checked["entries whose content a restore lost"] += 1
            found[row.entry] = ("hub_recovered", None)
    events = sa.select(status, version.c.leaf_id.label("of_leaf")).where(status.c.act == RECOVERED)
    events = events.join(version, version.c.entry == status.c.of_entry)
    for row in connection.execute(events.where(status.c.entry >= start, status.c.entry < stop)).all():
        findings.checked["hub_status"] += 1
        found[row.entry] = ("hub_status", None)
        if not all(one.leaf for one in event_links(connection, row, row.of_leaf)):
            findings.add("hub_status", f"entry {row.entry}", "is not what the leaf it was replayed from says")
    return found


def _told(content: bytes) -> tuple:
    try:
        said = parse(content)
    except HubError:
        return ()
    return tuple(said.get(name) for name in ("kind", "id", "of", "status", "at"))
