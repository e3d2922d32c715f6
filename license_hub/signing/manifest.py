"""Keys with their states, and the manifest of them that the offline root signs: what a verifier needs beside the pinned root.

A manifest is a signed note whose text is one line of JCS, signed under `<origin>/root`:

    {"v": 1, "kind": "key-manifest", "origin", "sequence", "issued_at", "expires_at", "policy": tlog-policy text, "keys": [
      {"kid", "role", "alg", "public": base64, "not_before", "state": active | retired | compromised, "changed_at", "reason"?,
       "since"?, "until"?: {"size", "root": base64}, "log"?: {"entry", "id"}}, …]}

What a signature counts for:
- by an *active* or *retired* key: from `not_before` on, whatever time has passed since;
- by a *compromised* organ key: only for what stood in the log below entry `until.size`. `until` is the newest head that was witnessed
  (without witnesses: recorded) at `since`, the moment from which another may have used the key. What its holder says of the time
  he signed at proves nothing; the place in the log does;
- by a *compromised* checkpoint key: only for the head `until` itself, which the root vouches for by signing the manifest, and for
  heads whose note carries the policy's quorum of cosignatures from before `since`. A bundle under another head of that key needs a
  newer proof: its leaf, attestation and license stay as they are.

Every rotation, retirement and compromise is a leaf of kind `key` whose `c` is SHA-256 of the key's `statement`; `log` names it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from license_hub.errors import ManifestMalformed, NotCanonical, NoteMalformed, SignatureBad
from license_hub.log import note
from license_hub.log.checkpoint import Checkpoint
from license_hub.log.note import NoteKey, decode, encode
from license_hub.log.tree import HASH_BYTES
from license_hub.signing.canonical import jcs, parse
from license_hub.signing.commitment import instant
from license_hub.signing.keyring import ROLE
from license_hub.signing.suites import PublicKey, Signer, kid

MAX_BYTES = 16 * 1024 * 1024
"""Some 60,000 keys."""
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_ID = re.compile(r"[0-9a-f]{32}")
_NAMES = {"v", "kind", "origin", "sequence", "issued_at", "expires_at", "policy", "keys"}
_KEY_NAMES = {"kid", "role", "alg", "public", "not_before", "state", "changed_at"}
_MORE_NAMES = {"reason", "since", "until", "log"}


class KeyState(StrEnum):
    ACTIVE = "active"
    RETIRED = "retired"
    """Signs no more; what it signed stays good."""
    COMPROMISED = "compromised"


@dataclass(frozen=True)
class Head:
    """A tree head of the log."""

    size: int
    root: bytes


@dataclass(frozen=True)
class Logged:
    """The leaf that recorded a key's last change."""

    entry: int
    leaf_id: str


@dataclass(frozen=True)
class KnownKey(PublicKey):
    """A key and what is known of it. Instants are `commitment.instant` texts."""

    not_before: str
    state: KeyState
    changed_at: str
    reason: str = ""
    since: str | None = None
    """Compromised: from when another may have used it."""
    until: Head | None = None
    """Compromised: the head up to which it still counts; None: nothing counts."""
    logged: Logged | None = None

    @property
    def compromised(self) -> bool:
        return self.state is KeyState.COMPROMISED

    def counts(self, at: str, entry: int) -> bool:
        """Whether what it signed, dated `at`, counts for the leaf at that entry of the log."""
        if at < self.not_before:
            return False
        return not self.compromised or (self.until is not None and entry < self.until.size)

    def vouches(self, head: Checkpoint) -> bool:
        """Whether a checkpoint with its good signature may be relied on."""
        return not self.compromised or self.until == Head(head.size, head.root)


def listed(role: str) -> bool:
    """Whether keys of the role belong into manifests: tokens are checked by the hub itself, roots are pinned."""
    return role not in ("token", "root")


@dataclass(frozen=True)
class Manifest:
    origin: str
    sequence: int
    issued_at: str
    expires_at: str
    keys: tuple[KnownKey, ...]
    policy: str = ""
    """Which witnesses must have cosigned a checkpoint (C2SP tlog-policy); empty: none."""

    @property
    def text(self) -> str:
        """The text that is signed."""
        value = {
            "v": 1,
            "kind": "key-manifest",
            "origin": self.origin,
            "sequence": self.sequence,
            "issued_at": self.issued_at,
            "expires_at": self.expires_at,
            "policy": self.policy,
            "keys": [_described(one) for one in self.keys],
        }
        return jcs(value).decode() + "\n"


def root_name(origin: str) -> str:
    """The name the root signs the manifests of that log under."""
    return f"{origin}/root"


def root_key(origin: str, public: PublicKey | Signer) -> NoteKey:
    """What verifiers pin: `.text` of it."""
    return NoteKey(root_name(origin), public.alg, public.public)


def sign(manifest: Manifest, signer: Signer) -> str:
    """The signed note."""
    return note.sign(manifest.text, root_name(manifest.origin), [signer])


def verify(text: str, origin: str, roots: Sequence[NoteKey], now: datetime | None = None) -> Manifest:
    """The manifest of that log, signed by one of the pinned roots; with `now`, in force then.

    Raises NoteMalformed, ManifestMalformed, SignatureBad.
    """
    named = [one for one in roots if one.name == root_name(origin)]
    manifest = read(note.verify(text, named, MAX_BYTES).text)
    if manifest.origin != origin:
        raise SignatureBad("a manifest of another log")
    if now is not None and not manifest.issued_at <= instant(now) < manifest.expires_at:
        raise SignatureBad(f"the manifest holds from {manifest.issued_at} to {manifest.expires_at}: get a newer one, or check the clock")
    return manifest


def read(text: str) -> Manifest:
    """Its parts, no signature verified. Raises ManifestMalformed."""
    try:
        value = parse(text.removesuffix("\n").encode())
        if not isinstance(value, dict) or set(value) != _NAMES or value["v"] != 1 or value["kind"] != "key-manifest":
            raise ManifestMalformed("not a key manifest of version 1")
        keys = tuple(_key(one) for one in value["keys"])
        times = _instant(value["issued_at"]), _instant(value["expires_at"])
        manifest = Manifest(str(value["origin"]), _count(value["sequence"]), *times, keys, str(value["policy"]))
    except (NotCanonical, NoteMalformed, KeyError, TypeError, ValueError, AttributeError) as fault:
        raise ManifestMalformed(f"not a key manifest: {type(fault).__name__}") from None
    if len({one.kid for one in keys}) != len(keys):
        raise ManifestMalformed("a key is listed twice")
    # Whatever was read but is spelt otherwise than `text` spells it has more than one form.
    if manifest.text != text:
        raise ManifestMalformed("a part of the manifest is not in its one spelling")
    return manifest


def statement(key: KnownKey) -> bytes:
    """What the leaf of a change commits to: the key as the manifest lists it, but for where it was logged."""
    described = _described(key)
    described.pop("log", None)
    return jcs({"v": 1, "kind": "key", **described})


def _described(key: KnownKey) -> dict[str, object]:
    value: dict[str, object] = {
        "kid": key.kid,
        "role": key.role,
        "alg": key.alg,
        "public": encode(key.public),
        "not_before": key.not_before,
        "state": key.state.value,
        "changed_at": key.changed_at,
    }
    if key.reason:
        value["reason"] = key.reason
    if key.since is not None:
        value["since"] = key.since
    if key.until is not None:
        value["until"] = {"size": key.until.size, "root": encode(key.until.root)}
    if key.logged is not None:
        value["log"] = {"entry": key.logged.entry, "id": key.logged.leaf_id}
    return value


def _key(value: dict) -> KnownKey:
    if not _KEY_NAMES <= set(value) <= _KEY_NAMES | _MORE_NAMES:
        raise ManifestMalformed("a key has a part too many or too few")
    until, logged, role, public = value.get("until"), value.get("log"), str(value["role"]), decode(value["public"])
    if not ROLE.fullmatch(role) or not listed(role) or value["kid"] != kid(public):
        raise ManifestMalformed("a key has no role that manifests list, or not the kid of its public key")
    return KnownKey(
        role=role,
        kid=value["kid"],
        alg=str(value["alg"]),
        public=public,
        not_before=_instant(value["not_before"]),
        state=KeyState(value["state"]),
        changed_at=_instant(value["changed_at"]),
        reason=str(value.get("reason", "")),
        since=None if value.get("since") is None else _instant(value["since"]),
        until=None if until is None else Head(_count(until["size"]), _root(until["root"])),
        logged=None if logged is None else Logged(_count(logged["entry"]), _id(logged["id"])),
    )


def _instant(text: object) -> str:
    if not isinstance(text, str) or not _INSTANT.fullmatch(text):
        raise ValueError("not an instant")
    return text


def _count(number: object) -> int:
    if type(number) is not int or number < 0:
        raise ValueError("not a count")
    return number


def _root(text: str) -> bytes:
    root = decode(text)
    if len(root) != HASH_BYTES:
        raise ValueError("not a root")
    return root


def _id(text: str) -> str:
    if not _ID.fullmatch(text):
        raise ValueError("not a leaf id")
    return text
