"""Acts on keys: rotate, retire, compromise. Each is one transaction: state, leaf, epoch, manifest (root at hand), audit entry.

- Rotated: the new key signs from its `not_before` on, once a signed manifest names it; the old one is retired then, or by hand.
- Retired: signs no more; what it signed stays good.
- Compromised: dead at the commit on every process that looks at the epoch. What stood in the log before `since` stays good; nothing is
  issued anew. A new checkpoint key goes on over the same tree (`integrate`), after proof that the tree begins with the last good head.

Source: issue 3 §3; threats.md T27.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa

from license_hub.errors import HubError, KeyFault, KeyRefused
from license_hub.log.tree import EMPTY_ROOT, leaf_hash
from license_hub.service.behind import refuse_if_behind
from license_hub.service.hub import Hub
from license_hub.service.integrate import as_integrator, attend
from license_hub.service.list_audit import Entry, record
from license_hub.service.proofs import read_checkpoint
from license_hub.service.publish_manifest import publish
from license_hub.signing.commitment import instant, leaf
from license_hub.signing.keyring import DEFAULT_ALG
from license_hub.signing.manifest import Head, KeyState, KnownKey, Logged, Manifest, listed, statement
from license_hub.signing.suites import PublicKey
from license_hub.storage import epoch, keys
from license_hub.storage.engine import reading, writing
from license_hub.storage.leaves import advance_log, lock_log
from license_hub.storage.tables import checkpoint as checkpoints
from license_hub.storage.tables import leaf as leaves
from license_hub.storage.tables_keys import key_change

ELSEWHERE = {
    "root": "the root's key is kept offline: `hub keys manifest root FOLDER` makes it there, HUB_ROOT_KEY pins it",
    "witness": "a witness makes its own keys, in its own directory: `hub witness init DIRECTORY --name NAME`",
}
"""Roles whose keys are never the hub's → where they come from."""


@dataclass(frozen=True)
class Changed:
    """What an act did."""

    keys: tuple[KnownKey, ...]
    """New and changed keys."""
    manifest: Manifest | None
    """Signed at once; None: the offline root has yet to sign it, if any of the keys is of a role that manifests list."""

    @property
    def to_sign(self) -> bool:
        return self.manifest is None and any(listed(one.role) for one in self.keys)


def rotate(hub: Hub, role: str, *, reason: str, operator: str, not_before: datetime | None = None, alg: str = "", kid: str = "") -> Changed:
    """The role's next key: a new one, or the one of that kid which lies in the key folder unregistered. Raises KeyRefused, KeyFault.

    It takes the place of those before it; a checkpoint's SM2 key only of SM2 keys: it stands beside the Ed25519 one.
    """
    refuse_elsewhere(role)
    start = max(not_before or hub.now(), hub.now())
    with _act(hub, role) as (connection, done):
        made = _lying(hub, role, kid) if kid else hub.keyring.generate(role, alg or _alg(hub, role))
        at = instant(hub.now())
        done.append(_add(hub, connection, _new(made, instant(start), at, reason)))
        if instant(start) <= at and (hub.root or not listed(role)):
            former = [one for one in _peers(hub, made) if one.state is KeyState.ACTIVE]
            done += [_change(hub, connection, replace(one, state=KeyState.RETIRED, reason="rotated")) for one in former]
        return _finish(hub, connection, done, operator, "ROTATED")


def retire(hub: Hub, kid: str, *, reason: str, operator: str) -> Changed:
    """Signs no more. Raises KeyRefused for a key that is not active or that nothing would replace."""
    role = _known(hub, kid).role
    with _act(hub, role) as (connection, done):
        known = _known(hub, kid)
        if known.state is not KeyState.ACTIVE:
            raise KeyRefused(f"key {kid} is {known.state}, not active")
        if not any(hub.security.may_sign(one) for one in _peers(hub, known)):
            raise KeyRefused(f"nothing would sign for {role} without key {kid}: hub keys rotate {role} first, and have its manifest signed")
        done.append(_change(hub, connection, replace(known, state=KeyState.RETIRED, reason=reason)))
        return _finish(hub, connection, done, operator, "RETIRED")


def compromise(hub: Hub, kid: str, *, reason: str, operator: str, since: datetime | None = None) -> Changed:
    """Another has, or may have, the key since then (default: this moment). A key that signed is replaced. Raises KeyRefused.

    For a checkpoint key call `integrate` next: it signs the same tree with the new key.
    """
    role = _known(hub, kid).role
    if since is None and listed(role):
        # All that stands in the log by now was there before: let a checkpoint and witnesses say so. None must stop this act.
        with suppress(HubError):
            attend(hub)
    with _act(hub, role) as (connection, done):
        known, at = _known(hub, kid), instant(hub.now())
        if known.compromised:
            raise KeyRefused(f"key {kid} is compromised since {known.since} already")
        moment = instant(min(since or hub.now(), hub.now()))
        until = _head_at(hub, connection, moment) if listed(role) else None
        fallen = replace(known, state=KeyState.COMPROMISED, reason=reason, since=moment, until=until)
        done.append(_change(hub, connection, fallen))
        if known.state is KeyState.ACTIVE:
            # Without a key of its own making (token, sign service) the role waits for one to be attached.
            with suppress(KeyFault):
                done.append(_add(hub, connection, _new(hub.keyring.generate(role, known.alg), at, at, f"replaces {kid}")))
        return _finish(hub, connection, done, operator, "COMPROMISED")


def refuse_elsewhere(role: str) -> None:
    """Raises KeyRefused for a role whose keys do not belong into the hub's folder, naming the command that makes them."""
    if role in ELSEWHERE:
        raise KeyRefused(ELSEWHERE[role])


def distrust(hub: Hub, connection: sa.Connection, role: str, reason: str) -> list[KnownKey]:
    """Every active key of a role falls and is replaced, in the caller's transaction, which holds the log's lock and moves the epoch."""
    at, done = instant(hub.now()), []
    for known in [one for one in keys.load(connection)[1].values() if one.role == role and one.state is KeyState.ACTIVE]:
        done.append(_change(hub, connection, replace(known, state=KeyState.COMPROMISED, reason=reason, since=at)))
        with suppress(KeyFault):
            done.append(_add(hub, connection, _new(hub.keyring.generate(role, known.alg), at, at, f"replaces {known.kid}")))
    return done


@contextmanager
def _act(hub: Hub, role: str) -> Iterator[tuple[sa.Connection, list[KnownKey]]]:
    """The transaction of an act, the register of this moment in it. No checkpoint is signed while its keys change."""
    with as_integrator(hub) if role == "checkpoint" else nullcontext(), writing(hub.engine) as connection:
        refuse_if_behind(hub.tiles, lock_log(connection))
        hub.security.refresh(connection)
        yield connection, []
    with reading(hub.engine) as connection:
        hub.security.refresh(connection)


def _finish(hub: Hub, connection: sa.Connection, done: list[KnownKey], operator: str, code: str) -> Changed:
    manifest = publish(hub, connection) if any(listed(one.role) for one in done) else None
    epoch.bump(connection)
    entries = []
    for one in done:
        what = f"{one.role} {one.kid} {one.state}" + (f": {one.reason}" if one.reason else "")
        entries.append(Entry(hub.entropy(16).hex(), operator, "key", one.logged.entry, None, None, code, what))
    record(connection, hub.now(), entries)
    return Changed(tuple(done), manifest)


def _known(hub: Hub, kid: str) -> KnownKey:
    known = hub.security.key(kid)
    if known is None:
        raise KeyRefused(f"no key {kid}: see `hub keys list`")
    return known


def _lying(hub: Hub, role: str, kid: str) -> PublicKey:
    """A key in the folder that no row names."""
    found = next((one for one in hub.keyring.public_keys(role) if one.kid == kid), None)
    if found is None or hub.security.key(kid) is not None:
        raise KeyRefused(f"the key folder has no unregistered key {kid} of {role}")
    return found


def _peers(hub: Hub, key: PublicKey) -> list[KnownKey]:
    """The role's other keys that it can stand in for."""
    return [one for one in hub.security.keys(key.role) if one.kid != key.kid and (key.role != "checkpoint" or one.alg == key.alg)]


def _alg(hub: Hub, role: str) -> str:
    """Of the key that signs for the role; a checkpoint's first line is always Ed25519."""
    signing = next((one for one in hub.security.keys(role) if hub.security.may_sign(one)), None)
    return DEFAULT_ALG if signing is None or role == "checkpoint" else signing.alg


def _new(made: PublicKey, not_before: str, at: str, reason: str) -> KnownKey:
    return KnownKey(made.role, made.kid, made.alg, made.public, not_before, KeyState.ACTIVE, at, reason)


def _add(hub: Hub, connection: sa.Connection, made: KnownKey) -> KnownKey:
    logged = _log(hub, connection, made)
    keys.add(connection, logged)
    return logged


def _change(hub: Hub, connection: sa.Connection, changed: KnownKey) -> KnownKey:
    logged = _log(hub, connection, replace(changed, changed_at=instant(hub.now())))
    keys.change(connection, logged)
    return logged


def _log(hub: Hub, connection: sa.Connection, changed: KnownKey) -> KnownKey:
    """The change as the log's next entry; the lock is held."""
    entry, leaf_id, at, said = lock_log(connection), hub.entropy(16).hex(), instant(hub.now()), statement(changed)
    content = leaf("key", leaf_id, at, hashlib.sha256(said).digest())
    row = {"entry": entry, "kid": changed.kid, "leaf_id": leaf_id, "statement": said, "recorded_at": at}
    connection.execute(sa.insert(key_change), [row])
    connection.execute(sa.insert(leaves), [{"entry": entry, "leaf": content, "leaf_hash": leaf_hash(content)}])
    advance_log(connection, entry + 1)
    return replace(changed, logged=Logged(entry, leaf_id))


def _head_at(hub: Hub, connection: sa.Connection, moment: str) -> Head:
    """The newest checkpoint that could be relied on, witnessed by then (without witnesses: recorded)."""
    when = checkpoints.c.witnessed_at if hub.policy.demands else checkpoints.c.created_at
    query = sa.select(checkpoints.c.note).where(when <= moment).order_by(checkpoints.c.size.desc())
    for note in connection.execute(query).scalars():
        head = read_checkpoint(hub, note)
        if head is not None:
            return Head(head.size, head.root)
    return Head(0, EMPTY_ROOT)
