"""How what was erased leaves database and lake, the first time and again after a restore."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from license_hub.errors import HubError
from license_hub.service.hub import Hub
from license_hub.storage.crypt import Crypt
from license_hub.storage.rewrite import Rewrite
from license_hub.storage.tables import held, holder, license, version
from license_hub.storage.tables_at_rest import erased_row
from license_hub.storage.tables_lifecycle import attachment
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
    query = sa.select(license).join(version, version.c.license_id == license.c.license_id).where(version.c.entry.in_(entries)).distinct()
    for row in connection.execute(query).all():
        mine = (held.c.type_id == row.type_id, held.c.resource == row.resource, held.c.key_bi == row.key_bi)
        connection.execute(sa.delete(held).where(*mine))
        # Unique among erased ones, and of an index key that never was.
        connection.execute(
            sa.update(license).where(license.c.license_id == row.license_id).values(key_bi=row.license_id.to_bytes(32, "big"))
        )


def remember(connection: sa.Connection, handles: Mapping[Handle, int]) -> None:
    for (resource, key), entry in handles.items():
        where = (erased_row.c.resource == resource, erased_row.c.key_bi == key)
        if connection.execute(sa.select(erased_row.c.entry).where(*where)).first() is None:
            connection.execute(sa.insert(erased_row).values(resource=resource, key_bi=key, entry=entry))


def remembered(connection: sa.Connection) -> set[Handle]:
    return {(row.resource, bytes(row.key_bi)) for row in connection.execute(sa.select(erased_row.c.resource, erased_row.c.key_bi))}


def sweep_lake(hub: Hub, handles: set[Handle]) -> int:
    """Takes every erased row out of the lake; returns how many went."""
    keys: dict[str, set[bytes]] = {}
    for resource, key in handles:
        keys.setdefault(resource, set()).add(key)
    gone = 0
    for resource, wanted in sorted(keys.items()):
        if resource not in hub.catalog.resources:
            raise HubError(f"{resource} is no longer in the catalogue: its erased rows cannot be found in the lake")
        gone += erase_rows(hub.lake, hub.catalog, resource, lambda key, wanted=wanted: not wanted.isdisjoint(hub.crypt.probes("key", key)))
    return gone
