"""The key manifest: drafted from the register, signed by the offline root elsewhere, taken in here, served to verifiers.

- Where the root's key is at hand (development), each change is signed in the transaction of the change.
- Its witness policy is that of HUB_WITNESS_POLICY (`Policy.text`): one setting. Where it moved, a root at hand signs anew when the hub is
  opened; elsewhere the hub says what to do, and goes on serving the one in force.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from license_hub.errors import KeyFault, KeyRefused
from license_hub.service.hub import Hub
from license_hub.service.list_audit import Entry, record
from license_hub.signing import manifest as manifests
from license_hub.signing.commitment import instant
from license_hub.signing.manifest import KeyState, KnownKey, Manifest, listed
from license_hub.storage import epoch, keys
from license_hub.storage.engine import reading, writing
from license_hub.storage.leaves import lock_log
from license_hub.storage.tables_keys import manifest as table

LIFE = timedelta(days=90)
RENEW = timedelta(days=30)
"""With less than this left, a root at hand signs a new one when the hub is opened."""


def newest(hub: Hub) -> str | None:
    """The signed note that is served; None before the first."""
    with reading(hub.engine) as connection:
        return keys.newest_manifest(connection)


def draft(hub: Hub, connection: sa.Connection, *, life: timedelta = LIFE) -> Manifest:
    """The next manifest."""
    now, before = hub.now(), read_stored(keys.newest_manifest(connection))
    listing = [one for one in keys.load(connection)[1].values() if listed(one.role)]
    return Manifest(
        origin=hub.origin,
        sequence=before.sequence + 1 if before else 1,
        issued_at=instant(now),
        expires_at=instant(now + life),
        keys=tuple(sorted(listing, key=lambda one: (one.role, one.not_before, one.kid))),
        policy=hub.policy.text,
    )


def past_policies(connection: sa.Connection) -> set[str]:
    """The witness policies of every manifest so far."""
    return {read_stored(note).policy for note in connection.execute(sa.select(table.c.note).execution_options(yield_per=16)).scalars()}


def overtaken(hub: Hub, note: str | None) -> bool:
    """Whether that manifest tells another witness policy than the one this hub goes by."""
    found = read_stored(note)
    return found is not None and found.policy != hub.policy.text


def publish(hub: Hub, connection: sa.Connection) -> Manifest | None:
    """Sign and store the next manifest, if the root is at hand. The caller moves the epoch."""
    if hub.root is None:
        return None
    made = draft(hub, connection)
    _store(connection, made, manifests.sign(made, hub.root))
    return made


def renew(hub: Hub, operator: str) -> Manifest:
    """A new manifest by the root at hand. Raises KeyFault without such a root."""
    with writing(hub.engine) as connection:
        lock_log(connection)
        made = publish(hub, connection)
        if made is None:
            raise KeyFault("the root key is not here: hub keys manifest export, sign it where the root is, then import it")
        _settle(hub, connection, made, operator, "RENEWED")
    return made


def export(hub: Hub, *, life: timedelta = LIFE) -> Manifest:
    """What the root is to sign next."""
    with reading(hub.engine, one_state=True) as connection:
        return draft(hub, connection, life=life)


def accept(hub: Hub, note: str, operator: str) -> Manifest:
    """A manifest signed elsewhere becomes the one in force. Raises SignatureBad, ManifestMalformed, NoteMalformed, KeyRefused."""
    made = manifests.verify(note, hub.origin, hub.roots, hub.now())
    with writing(hub.engine) as connection:
        lock_log(connection)
        before = read_stored(keys.newest_manifest(connection))
        if before and made.sequence <= before.sequence:
            raise KeyRefused(f"manifest {made.sequence} is not newer than {before.sequence}, the one in force: export again")
        if made.policy != hub.policy.text:
            raise KeyRefused("the manifest's witness policy is not that of HUB_WITNESS_POLICY: set it, then export again")
        _compare(made, keys.load(connection))
        _store(connection, made, note)
        _settle(hub, connection, made, operator, "IMPORTED")
    return made


def expiring(note: str | None, now: datetime) -> bool:
    """Whether it is missing or has little time left."""
    found = read_stored(note)
    return found is None or found.expires_at < instant(now + RENEW)


def _settle(hub: Hub, connection: sa.Connection, made: Manifest, operator: str, code: str) -> None:
    epoch.bump(connection)
    entry = Entry(hub.entropy(16).hex(), operator, "manifest", None, None, None, code, f"sequence {made.sequence}")
    record(connection, hub.now(), [entry])


def _compare(made: Manifest, register: tuple[int, dict[str, KnownKey], frozenset[str]]) -> None:
    """The root may have signed what was true at the export, not what is not true any more."""
    _, known, named = register
    for one in made.keys:
        if known.get(one.kid) != one:
            raise KeyRefused(f"key {one.kid} of {one.role} is not, or no longer, as the manifest says: export again, and look what changed")
    said = {one.kid for one in made.keys}
    for one in known.values():
        missing = listed(one.role) and one.kid not in said
        if missing and (one.kid in named or one.state is not KeyState.ACTIVE):
            raise KeyRefused(f"key {one.kid} of {one.role} is missing in the manifest: a key once named stays named; export again")


def _store(connection: sa.Connection, made: Manifest, note: str) -> None:
    connection.execute(sa.insert(table), [{"sequence": made.sequence, "note": note, "recorded_at": made.issued_at}])
    keys.name_in(connection, [one.kid for one in made.keys], made.sequence)


def read_stored(note: str | None) -> Manifest | None:
    """A stored one: its signature was checked when it came."""
    return None if note is None else manifests.read(note.rpartition("\n\n")[0] + "\n")
