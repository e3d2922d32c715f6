"""The newest key manifest as a file beside the log's tiles: it outlives the database, and tells a restored one what became of its keys.

The file proves itself: the root signed it. Whoever opens a hub, and every command when it ends, puts a newer one in its place.
"""

from __future__ import annotations

from typing import NamedTuple

from license_hub.errors import HubError
from license_hub.log.files import place, read
from license_hub.service.hub import Hub
from license_hub.service.publish_manifest import newest
from license_hub.signing import manifest as manifests
from license_hub.signing.manifest import Manifest

NAME = "key-manifest"


class Signed(NamedTuple):
    note: str
    manifest: Manifest


def keep(hub: Hub) -> None:
    """An older database, restored, never puts an older one back."""
    note = newest(hub)
    if note is None:
        return
    stored = _stored(hub)
    if stored == note or (stored is not None and (kept := _verified(hub, stored)) and kept.sequence >= _sequence(note)):
        return
    place(hub.tiles.directory, {NAME: note.encode()}, replace=True)


def best(hub: Hub, given: str | None = None) -> Signed | None:
    """The newer of the given one and the one that is kept; None without either.

    Raises SignatureBad, ManifestMalformed, NoteMalformed for a given one that no pinned root signed. One that ran out tells as much.
    """
    found = [] if given is None else [Signed(given, manifests.verify(given, hub.origin, hub.roots))]
    stored = _stored(hub)
    if stored is not None and (kept := _verified(hub, stored)):
        found.append(Signed(stored, kept))
    return max(found, key=lambda one: one.manifest.sequence, default=None)


def is_sound(hub: Hub) -> bool:
    """Whether the kept one, if there is one, is as a pinned root signed it."""
    stored = _stored(hub)
    return stored is None or _verified(hub, stored) is not None


def _stored(hub: Hub) -> str | None:
    data = read(hub.tiles.directory / NAME)
    return None if data is None else data.decode("utf-8", "replace")


def _verified(hub: Hub, note: str) -> Manifest | None:
    try:
        return manifests.verify(note, hub.origin, hub.roots)
    except HubError:
        return None


def _sequence(note: str) -> int:
    """Of one the database holds: its signature was checked when it came."""
    return manifests.read(note.rpartition("\n\n")[0] + "\n").sequence
