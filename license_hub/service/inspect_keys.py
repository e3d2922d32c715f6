"""Rows of keys against the leaves of their changes, first keys against the manifest the root signed."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import sqlalchemy as sa

from license_hub.errors import HubError
from license_hub.service import kept_manifest
from license_hub.service.hub import Hub
from license_hub.signing.commitment import leaf
from license_hub.signing.manifest import KnownKey, statement, verify
from license_hub.signing.suites import kid as key_id
from license_hub.storage import keys
from license_hub.storage.tables_keys import key_change, manifest

if TYPE_CHECKING:
    from license_hub.service.fsck import Findings

TABLE = "hub_key_change"


def changes(connection: sa.Connection, start: int, stop: int, findings: Findings) -> dict[int, tuple[str, bytes | None]]:
    """entry → (table, the leaf its row gives), as `inspect_rows.Made`."""
    made: dict[int, tuple[str, bytes | None]] = {}
    for row in connection.execute(sa.select(key_change).where(key_change.c.entry >= start, key_change.c.entry < stop)):
        findings.checked[TABLE] += 1
        try:
            made[row.entry] = (TABLE, leaf("key", row.leaf_id, row.recorded_at, hashlib.sha256(bytes(row.statement)).digest()))
        except ValueError:
            made[row.entry] = (TABLE, None)
            findings.add(TABLE, f"entry {row.entry}", "leaf_id or recorded_at is not what a leaf can hold")
    return made


def states(hub: Hub, connection: sa.Connection, findings: Findings) -> None:
    """Each key is as its last change left it; a first key, which no entry records, is active and as the newest manifest has it."""
    said = {one.kid: one for one in _manifests(hub, connection, findings)}
    newest: dict[str, sa.Row] = {row.kid: row for row in connection.execute(sa.select(key_change).order_by(key_change.c.entry))}
    try:
        _, known, named = keys.load(connection)
    except (HubError, ValueError):
        findings.add("hub_key", "a row", "has a state that does not exist")
        return
    for kid, one in sorted(known.items()):
        findings.checked["hub_key"] += 1
        change = newest.pop(kid, None)
        if key_id(one.public) != kid or (kid in named) != (kid in said):
            findings.add("hub_key", f"kid {kid}", "has another public key, or is marked as named by a manifest that does not name it")
        elif change is None:
            if one.logged is not None or one.state != "active" or said.get(kid, one) != one:
                findings.add("hub_key", f"kid {kid}", "was changed, and the log has no entry of it")
        elif statement(replace(one, logged=None)) != bytes(change.statement) or one.logged is None or one.logged.entry != change.entry:
            findings.add("hub_key", f"kid {kid}", f"is not as the change logged at entry {change.entry} left it")
    for kid in sorted(newest):
        findings.add("hub_key", f"kid {kid}", "is missing, the log has changes of it")
    findings.checked[kept_manifest.NAME] += 1
    if not kept_manifest.is_sound(hub):
        findings.add(kept_manifest.NAME, "file", "was changed, or no pinned root signed it: the next command puts the newest there")


def _manifests(hub: Hub, connection: sa.Connection, findings: Findings) -> tuple[KnownKey, ...]:
    """Keys of the newest one, all of them verified."""
    newest: tuple[KnownKey, ...] = ()
    for row in connection.execute(sa.select(manifest).order_by(manifest.c.sequence)):
        findings.checked["hub_manifest"] += 1
        try:
            found = verify(row.note, hub.origin, hub.roots)
        except HubError:
            findings.add("hub_manifest", f"sequence {row.sequence}", "note was changed, or no pinned root signed it")
            continue
        if found.sequence != row.sequence:
            findings.add("hub_manifest", f"sequence {row.sequence}", "is not the sequence number that was signed")
        newest = found.keys
    return newest
