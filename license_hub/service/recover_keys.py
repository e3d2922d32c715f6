"""What became of keys since the backup: from the newest manifest the root signed, before anything is answered with those keys.

- A leaf of a change says only that there was one; the manifest says which, and each of its keys must give the leaf it names.
- Tokens' keys stand in no manifest. If a leaf remains that no key explains, it may have been the compromise of one of them: all count as
  compromised, and callers fetch new tokens.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import sqlalchemy as sa

from license_hub.errors import KeyRefused
from license_hub.service.change_key import distrust
from license_hub.service.hub import Hub
from license_hub.service.kept_manifest import Signed
from license_hub.signing.manifest import KnownKey, statement
from license_hub.storage import keys
from license_hub.storage.tables_keys import key_change
from license_hub.storage.tables_keys import manifest as manifests

TOKEN = "token"  # noqa: S105 (the name of a role)


def known(connection: sa.Connection, signed: Signed | None) -> dict[str, KnownKey]:
    """Keys by kid: as registered, or as a newer manifest has them."""
    found = dict(keys.load(connection)[1])
    if signed and signed.manifest.sequence > _newest(connection):
        found |= {one.kid: one for one in signed.manifest.keys}
    return found


def take_in(connection: sa.Connection, signed: Signed | None, changes: Mapping[int, dict]) -> set[int]:
    """The manifest's states become the register's; the caller holds the log's lock and moves the epoch.

    `changes`: entry → what its leaf says, of the leaves of kind `key` that are replayed. Returns those that are explained.
    Raises KeyRefused where there are some and no manifest is at hand.
    """
    if signed is None:
        if changes:
            raise KeyRefused(f"the log holds {len(changes)} changes of keys since the backup: give the newest key manifest with --manifest")
        return set()
    if signed.manifest.sequence <= _newest(connection):
        return set()
    explained, registered = set(), keys.load(connection)[1]
    for one in signed.manifest.keys:
        (keys.change if one.kid in registered else keys.add)(connection, one)
        said = changes.get(one.logged.entry) if one.logged else None
        if said is None:
            continue
        text = statement(one)
        if said["id"] == one.logged.leaf_id and said["c"] == hashlib.sha256(text).hexdigest():
            row = {"entry": one.logged.entry, "kid": one.kid, "leaf_id": said["id"], "statement": text, "recorded_at": said["at"]}
            connection.execute(sa.insert(key_change), [row])
            explained.add(one.logged.entry)
    made = signed.manifest
    connection.execute(sa.insert(manifests), [{"sequence": made.sequence, "note": signed.note, "recorded_at": made.issued_at}])
    keys.name_in(connection, [one.kid for one in made.keys], made.sequence)
    return explained


def distrust_tokens(hub: Hub, connection: sa.Connection) -> list[KnownKey]:
    """After the log was brought up: as a change of keys like any other, with leaves of its own."""
    return distrust(hub, connection, TOKEN, "a restore lost changes of keys")


def _newest(connection: sa.Connection) -> int:
    return connection.execute(sa.select(sa.func.max(manifests.c.sequence))).scalar() or 0
