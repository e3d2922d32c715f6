"""What keeps personal data unreadable on the disk, opened from the settings: the KEK, the data keys, the lake and its spill folder.

Production refuses what the demo only warns of: a KEK beside the keys it wraps, a plain lake, a spill folder on a plain disk.
"""

from __future__ import annotations

import logging
from pathlib import Path
from threading import Lock
from typing import Protocol

from connectors.lake import Lake
from connectors.sealed import FileKeys
from license_hub.signing.datakeys import DataKeys
from license_hub.signing.kek import open_kek
from license_hub.storage.crypt import Crypt
from license_hub.storage.volume import kind_of

_log = logging.getLogger(__name__)


class AtRestOptions(Protocol):
    """Of `license_hub.settings.Settings`."""

    profile: str
    lake: Path
    keys: Path
    kek: str
    kek_before: str
    lake_encryption: str
    spill: str


def open_keys(settings: AtRestOptions) -> DataKeys:
    """Raises KeyFault."""
    keys = Path(settings.keys)
    keks = [open_kek(settings.kek, keys, make=settings.profile != "production")]
    if settings.kek_before:
        keks.append(open_kek(settings.kek_before, keys))
    elif settings.kek and (keys / "insecure-kek.hex").exists():
        # A trial that grows up: its keys are still wrapped by the development KEK until `hub data-keys rewrap` ran.
        keks.append(open_kek("", keys, make=False))
    return DataKeys(keys, keks)


def open_lake(settings: AtRestOptions, keys: DataKeys) -> Lake:
    """The lake, made if it is not there. Warns of a spill folder on a plain disk."""
    root = Path(settings.lake)
    root.mkdir(parents=True, exist_ok=True)
    spill = Path(settings.spill) if settings.spill else None
    if settings.lake_encryption == "off":
        return Lake(root, None, spill)
    if settings.profile != "production" and kind_of(spill or root) == "plain":
        _log.warning("HUB_SPILL: %s lies on a plain disk; what DuckDB cannot hold in memory is written there in the open", spill or root)
    known = keys.of("lake")
    return Lake(root, FileKeys(known[-1].kid, {one.kid: one.key for one in known}), spill)


def open_crypt(keys: DataKeys) -> Crypt:
    """The database's cipher; it looks again where a cell names a key it does not know."""
    columns = keys.of("columns")
    return Crypt(
        data_key=columns[-1].key,
        index_key=b"".join(one.key for one in keys.of("index")),
        older={one.kid: one.key for one in columns[:-1]},
        reload=lambda: {one.kid: one.key for one in keys.of("columns")},
    )


class Vault:
    """The cipher of one process, shared by its threads: made anew once the security epoch has moved and there are other keys.

    A rotation moves the epoch in its transaction, under the log's lock: who issues, or looks up again when it has moved, has the new keys.
    """

    def __init__(self, keys: DataKeys):
        self._keys = keys
        self._lock = Lock()
        self._epoch = 0
        self._files = keys.files()
        self._crypt = open_crypt(keys)

    def at(self, epoch: int) -> Crypt:
        """Raises KeyFault."""
        if epoch != self._epoch:
            with self._lock:
                files = self._keys.files()
                if files != self._files:
                    self._crypt, self._files = open_crypt(self._keys), files
                self._epoch = epoch
        return self._crypt


def missing(settings: AtRestOptions) -> list[str]:
    """What production lacks, each with what to do."""
    problems = []
    if not settings.kek:
        problems.append("HUB_KEK is not set: name a file outside HUB_KEYS or a PKCS#11 object that wraps the data keys")
    elif not settings.kek.startswith("pkcs11:") and Path(settings.keys).resolve() in Path(settings.kek).resolve().parents:
        problems.append("HUB_KEK lies below HUB_KEYS: who copies that folder would have both; keep it on another volume")
    if settings.lake_encryption != "on":
        problems.append("HUB_LAKE_ENCRYPTION is off: production encrypts its lake")
    if not settings.spill:
        problems.append("HUB_SPILL is not set: name a folder on tmpfs or an encrypted volume")
    elif kind_of(Path(settings.spill)) == "plain":
        problems.append(f"HUB_SPILL {settings.spill} lies on a plain disk: name a folder on tmpfs or an encrypted volume")
    return problems
