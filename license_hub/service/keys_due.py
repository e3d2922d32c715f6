"""The hub's keys as an administrator looks at them: states, ages, the manifest in force, and what is due. Nothing is changed here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from license_hub.service.hub import Hub
from license_hub.service.publish_manifest import RENEW, read_stored
from license_hub.signing.commitment import instant
from license_hub.signing.manifest import KeyState, KnownKey, Manifest, listed
from license_hub.storage import keys
from license_hub.storage.engine import reading

OLD = timedelta(days=365)
"""From then on a key in use is due to be replaced."""
OLD_KEY, UNNAMED_KEY, MANIFEST_ENDS, NO_MANIFEST, UNSIGNED_CHANGES = (
    "old key", "unnamed key", "manifest ends", "no manifest", "unsigned changes",
)  # fmt: skip


@dataclass(frozen=True)
class Due:
    what: str
    role: str = ""
    kid: str = ""


@dataclass(frozen=True)
class KeysNow:
    keys: Sequence[KnownKey]
    """By role, newest first."""
    signing: frozenset[str]
    """Kids this process signs with now."""
    manifest: Manifest | None
    data: Sequence[dict[str, object]]
    """Keys of the data at rest, as `hub data-keys list` shows them."""
    due: Sequence[Due]


def keys_due(hub: Hub) -> KeysNow:
    with reading(hub.engine, one_state=True) as connection:
        hub.security.refresh(connection)
        note = keys.newest_manifest(connection)
        named = keys.load(connection)[2]
    known = [one for role in hub.security.roles for one in hub.security.keys(role)]
    made = read_stored(note)
    signing = frozenset(one.kid for one in known if one.state is KeyState.ACTIVE and hub.keyring.signs(one))
    return KeysNow(known, signing, made, hub.data_keys.shown(), _due(hub, known, signing, made, named))


def _due(hub: Hub, known: Sequence[KnownKey], signing: frozenset[str], made: Manifest | None, named: frozenset[str]) -> list[Due]:
    now = hub.now()
    found = [Due(NO_MANIFEST)] if made is None else []
    if made is not None and datetime.fromisoformat(made.expires_at) - now < RENEW:
        found.append(Due(MANIFEST_ENDS))
    told = {one.kid: one.state for one in made.keys} if made else {}
    if made is not None and any(told[one.kid] is not one.state for one in known if one.kid in told):
        found.append(Due(UNSIGNED_CHANGES))
    for one in known:
        if one.state is not KeyState.ACTIVE:
            continue
        if listed(one.role) and one.kid not in named:
            found.append(Due(UNNAMED_KEY, one.role, one.kid))
        elif one.kid in signing and one.not_before <= instant(now - OLD):
            found.append(Due(OLD_KEY, one.role, one.kid))
    return found
