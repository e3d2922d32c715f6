"""How what was erased leaves database and lake, the first time and again after a restore."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from functools import partial

import sqlalchemy as sa

from license_hub.errors import HubError
from license_hub.service.hub import Hub
from license_hub.service.loose_files import drop_loose
from license_hub.storage.crypt import Crypt
from license_hub.storage.rewrite import Rewrite
from license_hub.storage.tables import held, holder, leaf, license, version
from license_hub.storage.tables_at_rest import erased_row
from license_hub.storage.tables_lifecycle import attachment
from license_hub.storage.tables_presentations import download
from quality.erase import erase_rows

GONE = bytes(32)
"""What stands where a blind index stood; no index key has number 0."""

Handle = tuple[str, bytes]
"""Resource and blind index of a row's key."""


def blank(crypt: Crypt, work: Rewrite, entries: list[int]) -> None:
    """Empties the versions' cells and takes their rows' keys out of everything that could find them."""
    connection = work.connection
    rows = [{"b_entry": entry} for entry in entries]
    where = version.c.entry == sa.bindparam("b_entry")
    work.change(sa.update(version).where(where).values(payload=b"", secret=b"", number_bi=GONE), rows)
    work.change(sa.update(holder).where(holder.c.entry == sa.bindparam("b_entry")).values(number_bi=GONE), rows)
    connection.execute(sa.delete(attachment).where(attachment.c.entry.in_(entries)))
    connection.execute(sa.delete(download).where(download.c.entry.in_(entries)))
    query = sa.select(license).join(version, version.c.license_id == license.c.license_id).where(version.c.entry.in_(entries)).distinct()
    for row in connection.execute(query).all():
        _release(crypt, connection, row)
        # Unique among erased ones, and of an index key that never was.
        connection.execute(
            sa.update(license).where(license.c.license_id == row.license_id).values(key_bi=row.license_id.to_bytes(32, "big"))
        )


def _release(crypt: Crypt, connection: sa.Connection, row: sa.Row) -> None:
    """Rows on hold of the license's key; until all are moved to a new index key, either may have the older form."""
    key = crypt.advance("key", bytes(row.key_bi)) if any(bytes(row.key_bi)[:1]) else b""
    mine = (held.c.type_id == row.type_id, held.c.resource == row.resource)
    for one in connection.execute(sa.select(held.c.key_bi).where(*mine)).scalars().all():
        if key and crypt.advance("key", bytes(one)) == key:
            connection.execute(sa.delete(held).where(*mine, held.c.key_bi == one))


def remember(connection: sa.Connection, handles: Mapping[Handle, int]) -> None:
    """Erased by those entries; a row that came again and is erased again counts from the later one."""
    for (resource, key), entry in handles.items():
        where = (erased_row.c.resource == resource, erased_row.c.key_bi == key)
        if not connection.execute(sa.update(erased_row).where(*where, erased_row.c.entry <= entry).values(entry=entry)).rowcount:
            if connection.execute(sa.select(erased_row.c.entry).where(*where)).first() is None:
                connection.execute(sa.insert(erased_row).values(resource=resource, key_bi=key, entry=entry))


def remembered(connection: sa.Connection) -> dict[Handle, datetime]:
    """When each row was erased, by its entry of the log."""
    query = sa.select(erased_row.c.resource, erased_row.c.key_bi, leaf.c.leaf).join(leaf, leaf.c.entry == erased_row.c.entry)
    return {(row.resource, bytes(row.key_bi)): said_at(json.loads(bytes(row.leaf))) for row in connection.execute(query)}


def said_at(leaf: Mapping[str, str]) -> datetime:
    return datetime.fromisoformat(leaf["at"])


def sweep_lake(hub: Hub, handles: Mapping[Handle, datetime]) -> int:
    """Takes every row out of the lake that was there when it was erased, with what was sent beside it; returns how many went."""
    keys: dict[str, dict[bytes, datetime]] = {}
    for (resource, key), at in handles.items():
        keys.setdefault(resource, {})[key] = at
    gone = 0
    for resource, wanted in sorted(keys.items()):
        if resource not in hub.catalog.resources:
            raise HubError(f"{resource} is no longer in the catalogue: its erased rows cannot be found in the lake")
        gone += erase_rows(hub.lake, hub.catalog, resource, partial(_was_there, hub.crypt, wanted))
    drop_loose(hub)
    return gone


def _was_there(crypt: Crypt, erased: Mapping[bytes, datetime], key: str, landed: datetime) -> bool:
    return any(landed <= erased[index] for index in crypt.probes("key", key) if index in erased)
