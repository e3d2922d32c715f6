"""Another data key, noticed by every process before it looks up or issues again."""

from __future__ import annotations

from license_hub.service.hub import Hub
from license_hub.service.list_audit import Entry, record
from license_hub.signing.datakeys import DataKey
from license_hub.storage import epoch
from license_hub.storage.engine import writing
from license_hub.storage.leaves import lock_log


def rotate(hub: Hub, name: str, operator: str) -> DataKey:
    """The key is made under the log's lock, and the epoch moves with it: rows of the old index are in, rows of the new one come after.

    Raises KeyFault.
    """
    with writing(hub.engine) as connection:
        lock_log(connection)
        made = hub.data_keys.rotate(name)
        epoch.bump(connection)
        what = Entry(hub.entropy(16).hex(), operator, "data-key", None, None, None, "ROTATED", f"{name} {made.kid.hex()}")
        record(connection, hub.now(), [what])
    return made
