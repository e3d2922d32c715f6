"""What a process remembers of keys, and how it notices that it is out of date.

- Every look-up returns the security epoch with its rows (`storage.lookup.find`); `seen` reads the keys again before anything is decided
  on them, if the epoch moved. A cached access token counts only under the epoch it was checked in (`api.access`).
- Evidence that was checked once (`service.evidence`) is mathematics and stays: whether its key counts is asked here each time.
- The register never goes back to an older epoch: of two threads the one that read later wins.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock

import sqlalchemy as sa

from license_hub.log.checkpoint import Checkpoint
from license_hub.log.note import NoteKey, parse
from license_hub.signing.commitment import instant
from license_hub.signing.keyring import Keyring
from license_hub.signing.manifest import KeyState, KnownKey, listed
from license_hub.signing.suites import PublicKey
from license_hub.storage import epoch, keys

FRESH_S = 0.5
"""How long a look at the epoch is good for where nothing is looked up."""

MOST_NOTES = 64
"""Checkpoints whose signers are remembered: nearly every question is about the newest."""


@dataclass(frozen=True)
class Register:
    """The keys at one epoch. `named` are those a signed manifest names."""

    epoch: int = 0
    keys: Mapping[str, KnownKey] = field(default_factory=dict)
    named: frozenset[str] = frozenset()
    by_role: Mapping[str, tuple[KnownKey, ...]] = field(default_factory=dict)
    """Newest first."""
    signers: dict[str, tuple[KnownKey, ...]] = field(default_factory=dict, compare=False)
    """Note of a checkpoint → who signed it, as far as it was asked under this epoch."""


class Security:
    """One a process, shared by its threads."""

    def __init__(self, clock: Callable[[], datetime], *, roots_at_hand: bool):
        self._clock = clock
        self._roots_at_hand = roots_at_hand
        self._register = Register()
        self._lock = Lock()
        self._seen_at = float("-inf")
        self.keyring: Keyring | None = None
        """Told to read its files again when the register changed."""

    @property
    def epoch(self) -> int:
        """Of what is remembered; 0 before the first look."""
        return self._register.epoch

    @property
    def fresh(self) -> bool:
        """Whether the epoch was confirmed a moment ago."""
        return time.monotonic() - self._seen_at <= FRESH_S

    def refresh(self, connection: sa.Connection) -> int:
        """One look at the epoch; the keys are read again if it moved. The epoch."""
        return self.seen(connection, epoch.current(connection))

    def seen(self, connection: sa.Connection, found: int) -> int:
        """What a look-up said the epoch is. On return nothing older is remembered."""
        if found != self._register.epoch:
            self._load(connection)
        if found == self._register.epoch:
            self._seen_at = time.monotonic()
        return found

    @property
    def roles(self) -> tuple[str, ...]:
        """Roles with registered keys."""
        return tuple(sorted(self._register.by_role))

    def key(self, kid: str) -> KnownKey | None:
        return self._register.keys.get(kid)

    def keys(self, role: str) -> tuple[KnownKey, ...]:
        """All the role ever had, newest first."""
        return self._register.by_role.get(role, ())

    def may_sign(self, key: PublicKey) -> bool:
        """Active, its time come, and named by a manifest the root signed if verifiers look for it there. `Keyring(may_sign=…)`.

        The first key of a role signs before it is registered, in the transaction that registers it, if the root is at hand.
        """
        known = self.key(key.kid)
        if known is None:
            return not self.keys(key.role) and (self._roots_at_hand or not listed(key.role))
        named = not listed(key.role) or key.kid in self._register.named
        return known.state is KeyState.ACTIVE and known.not_before <= instant(self._clock()) and named

    def checkpoint_keys(self, origin: str) -> tuple[NoteKey, ...]:
        """All that ever signed the log's checkpoints, whatever became of them: ask `vouches` next."""
        return tuple(NoteKey(origin, one.alg, one.public) for one in self.keys("checkpoint"))

    def signers(self, head: Checkpoint) -> tuple[KnownKey, ...]:
        """The keys whose signature lines are on the checkpoint; whether those verify is checked elsewhere."""
        # One register throughout: what is remembered belongs to its keys.
        register = self._register
        found = register.signers.get(head.note)
        if found is None:
            lines = {(one.name, one.key_id) for one in parse(head.note).signatures}
            known = register.by_role.get("checkpoint", ())
            found = tuple(one for one in known if (head.origin, NoteKey(head.origin, one.alg, one.public).key_id) in lines)
            if len(register.signers) >= MOST_NOTES:
                register.signers.clear()
            register.signers[head.note] = found
        return found

    def vouches(self, head: Checkpoint) -> bool:
        """Whether one of the keys that signed the checkpoint (verified before) may be relied on for it."""
        return any(one.vouches(head) for one in self.signers(head))

    def _load(self, connection: sa.Connection) -> None:
        moved, known, named = keys.load(connection)
        roles: dict[str, list[KnownKey]] = defaultdict(list)
        for one in sorted(known.values(), key=lambda one: (one.not_before, one.changed_at, one.kid), reverse=True):
            roles[one.role].append(one)
        register = Register(moved, known, named, {role: tuple(found) for role, found in roles.items()})
        with self._lock:
            if register.epoch <= self._register.epoch:
                return
            self._register = register
        if self.keyring is not None:
            self.keyring.forget()
