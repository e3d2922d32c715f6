"""The first keys of each role go into the register, where their states are kept.

- The hub's own roles get their keys when it is opened; an organ's key is registered in the transaction of its first attestation.
- A first key is no entry of the log: the manifest the root signs names it. Every change after that is one (`change_key`).
- A role that has a registered key gets no other one this way: a file put beside it signs nothing.
"""

from __future__ import annotations

import logging
from contextlib import suppress

import sqlalchemy as sa

from license_hub.errors import KeyFault, SigningError
from license_hub.service.hub import Hub
from license_hub.service.publish_manifest import expiring, overtaken, publish
from license_hub.signing.commitment import instant
from license_hub.signing.manifest import KeyState, KnownKey
from license_hub.signing.suites import PublicKey
from license_hub.storage import epoch, keys
from license_hub.storage.engine import reading, writing
from license_hub.storage.leaves import lock_log

ROLES = ("checkpoint", "status", "token", "presentation", "copy", "copy-sm2")
"""Roles every hub has keys of."""

logger = logging.getLogger("hub.keys")


def open_register(hub: Hub) -> None:
    """Makes the hub's missing keys, registers what is not, and has the root at hand sign a manifest that runs out
    or tells another witness policy. Raises KeyFault."""
    with reading(hub.engine) as connection:
        hub.security.refresh(connection)
        note = keys.newest_manifest(connection)
    known = any(hub.security.keys(role) for role in ROLES)
    stored = set(hub.keyring.roles())
    if "root" in stored:
        raise KeyFault("HUB_KEYS holds a root key: it belongs offline, or for development into HUB_ROOT_KEYS; move it away")
    for role in ROLES:
        if not hub.security.keys(role) and not hub.keyring.public_keys(role):
            # In production a role without an attached key stays without, elsewhere one of SM2 without a library for it; signing says so.
            with suppress(SigningError):
                hub.keyring.generate(role)
    missing = [role for role in ROLES if not hub.security.keys(role) and hub.keyring.public_keys(role)]
    if overtaken(hub, note) and hub.root is None:
        logger.warning(
            "the key manifest in force tells another witness policy than HUB_WITNESS_POLICY: hub keys manifest export, "
            "sign it where the root is, then hub keys manifest import"
        )
    if known and not missing and not _to_renew(hub, note):
        return
    if not known:
        # A database from before keys were registered: organs have theirs already.
        for role in stored:
            hub.keyring.public_keys(role)
    with writing(hub.engine) as connection:
        lock_log(connection)
        hub.security.refresh(connection)
        if not register_opened(hub, connection, instant(hub.now())) and _to_renew(hub, keys.newest_manifest(connection)):
            publish(hub, connection)
            epoch.bump(connection)
    with reading(hub.engine) as connection:
        hub.security.refresh(connection)


def _to_renew(hub: Hub, note: str | None) -> bool:
    """Whether the root at hand should sign the next manifest."""
    return hub.root is not None and (expiring(note, hub.now()) or overtaken(hub, note))


def register_opened(hub: Hub, connection: sa.Connection, at: str) -> int:
    """Registers first keys this process has used, in the caller's transaction, which holds the log's lock. How many there were."""
    fresh = [one for one in hub.keyring.opened() if not hub.security.keys(one.role) and one.role not in ("root", "witness")]
    if not fresh:
        return 0
    taken = {one.role for one in keys.load(connection)[1].values()}
    added = [_known(connection, one, at) for one in fresh if one.role not in taken]
    for one in added:
        keys.add(connection, one)
    if added:
        publish(hub, connection)
        epoch.bump(connection)
    return len(added)


def _known(connection: sa.Connection, key: PublicKey, at: str) -> KnownKey:
    since = min(keys.first_use(connection, key.kid) or at, at)
    return KnownKey(key.role, key.kid, key.alg, key.public, not_before=since, state=KeyState.ACTIVE, changed_at=since)
