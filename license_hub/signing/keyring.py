"""The hub's keys on disk, made on first use.

    <directory>/<role>/0001.json      signing keys, numbered as they were made; all verify

A signing key is held in its file or lives elsewhere; one role may have keys of either form:

    {"v": 1, "role", "alg", "kid", "private": base64}                       for development
    {"v": 1, "role", "alg", "kid", "public": base64, "token": {"kind", …}}  in a PKCS#11 token or a sign service (signing.places)

- Roles: `checkpoint`, `status`, `token`, `presentation`, `copy`, `copy-sm2`, `organ/<credit code>` in the hub's folder, `witness` in a
  witness's, `root` in one that is kept offline. One algorithm per key, `kid` = first 16 hex of SHA-256(public key).
- Which of a role's keys sign is for `may_sign` to say; of those, the one with the highest number does. The checkpoint role signs with
  Ed25519, as the log's formats ask; an SM2 key beside it signs too, each with its newest.
- Directories are 700 and files 600; anything wider is refused, not repaired: who could read it may have.
- A key file is written whole beside its place and linked into it, so that of two processes starting at once one makes the key
  and both use it.
- Keys made here are for development: their signer is an `InsecureDevSigner`, and a keyring says so once in the log. A keyring that
  may not make keys (`make=False`, the production profile) refuses instead.
"""

from __future__ import annotations

import base64
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from license_hub.errors import KeyFault
from license_hub.signing import places
from license_hub.signing.files import create_form, read_form
from license_hub.signing.suites import HeldSigner, PublicKey, Signer, kid, suite

ROLE = re.compile(r"checkpoint|status|token|presentation|copy|copy-sm2|witness|root|organ/[0-9A-Z]{18}")
ROLES = "checkpoint, status, token, presentation, copy, copy-sm2, witness, root, organ/<18-character credit code>"
DEFAULT_ALG = "Ed25519"
OWN_ALG = {"copy": "ES256", "copy-sm2": "SM2"}
"""Roles whose first key is of another algorithm: what readers of PDFs understand, and what is signed beside it."""
CHECKPOINT_ALGS = ("Ed25519", "SM2")
"""What signs a checkpoint, in the order of its lines; the first one must be there (C2SP tlog-checkpoint)."""

_log = logging.getLogger(__name__)


class InsecureDevSigner(HeldSigner):
    """One from a plain file. For development and demonstrations."""

    insecure = True


@dataclass(frozen=True)
class Held:
    """A signing key as its file has it: the key itself (`private`), or the place it lives in."""

    role: str
    alg: str
    public: bytes
    private: bytes | None = field(default=None, repr=False)
    place: Mapping[str, object] | None = None

    @property
    def key(self) -> PublicKey:
        return PublicKey(self.role, kid(self.public), self.alg, self.public)


class Keyring:
    """Keys of one hub. `injected` (role → raw private bytes) is for golden files: it never touches the disk."""

    def __init__(
        self,
        directory: Path,
        injected: Mapping[str, bytes] | None = None,
        *,
        may_sign: Callable[[PublicKey], bool] = lambda _key: True,
        make: bool = True,
    ):
        self.directory = Path(directory)
        self._injected = dict(injected or {})
        self._may_sign = may_sign
        self._make = make
        self._held: dict[str, tuple[Held, ...]] = {}
        self._signers: dict[str, Signer] = {}
        self._warned = False

    def signer(self, role: str) -> Signer:
        """The role's current signer; its key is made if there is none. Raises KeyFault."""
        return self.signers(role)[0]

    def signers(self, role: str) -> tuple[Signer, ...]:
        """All that sign for the role now: one, but for a checkpoint with an SM2 key beside the Ed25519 one. Raises KeyFault."""
        if not self._keys(_role(role)):
            self._make_first(role)
        able = [one for one in self._keys(role) if self._may_sign(one.key)]
        if not able:
            raise KeyFault(f"no key of {role} may sign: `hub keys list` shows their states, and whether a signed manifest names them")
        if role != "checkpoint":
            return (self._signer(able[0]),)
        newest = {one.alg: one for one in reversed(able)}
        if CHECKPOINT_ALGS[0] not in newest:
            raise KeyFault(f"the checkpoint role has no {CHECKPOINT_ALGS[0]} key: other keys sign beside one, never alone")
        return tuple(self._signer(newest[alg]) for alg in CHECKPOINT_ALGS if alg in newest)

    def signs(self, key: PublicKey) -> bool:
        """Whether it is one that its role signs with now; nothing is made."""
        able = [one.key for one in self._keys(key.role) if self._may_sign(one.key) and (key.role != "checkpoint" or one.alg == key.alg)]
        return bool(able) and able[0].kid == key.kid

    def generate(self, role: str, alg: str = "") -> PublicKey:
        """A development key of that algorithm, default the role's own, becomes its next one. Raises KeyFault, SigningError."""
        alg = alg or OWN_ALG.get(role, DEFAULT_ALG)
        if not self._make:
            raise KeyFault(f"{role}: this profile makes no keys; attach one from a token or sign service (`hub keys attach`)")
        held = _dev_key(_role(role), alg, suite(alg).generate())
        return self._add(held, {"private": _text(held.private)})

    def attach(self, role: str, alg: str, public: bytes, place: Mapping[str, object]) -> PublicKey:
        """A key that lives elsewhere becomes the role's next one, once it has signed a trial text. Raises KeyFault, SigningError."""
        held = Held(_role(role), alg, public, place=dict(place))
        places.open_place(held.place, held.key, self.directory).sign(b"license_hub: does this key sign?")
        return self._add(held, {"public": _text(public), "token": held.place})

    def forget(self, role: str | None = None) -> None:
        """Read the role's files, or all, again when next asked: another process may have made a key."""
        if role is None:
            self._held.clear()
        else:
            self._held.pop(role, None)

    def public_keys(self, role: str) -> tuple[PublicKey, ...]:
        """All keys the role ever had, newest first; none is made."""
        self.forget(_role(role))
        return tuple(one.key for one in self._keys(role))

    def plain_keys(self, role: str) -> tuple[PublicKey, ...]:
        """Those of the role whose private key lies in a plain file: for development."""
        return tuple(one.key for one in self._keys(_role(role)) if one.private is not None)

    def opened(self) -> tuple[PublicKey, ...]:
        """Keys this process has read so far."""
        return tuple(one.key for held in tuple(self._held.values()) for one in held)

    def roles(self) -> tuple[str, ...]:
        """Every role that has a key."""
        names = {name for name in self._injected if ROLE.fullmatch(name)}
        for path in self.directory.rglob("0001.json"):
            role = path.parent.relative_to(self.directory).as_posix()
            if ROLE.fullmatch(role):
                names.add(role)
        return tuple(sorted(names))

    def _keys(self, role: str) -> tuple[Held, ...]:
        """The role's keys, newest first, each read once."""
        held = self._held.get(role)
        if held is None:
            if role in self._injected:
                held = (_dev_key(role, OWN_ALG.get(role, DEFAULT_ALG), self._injected[role]),)
            else:
                held = tuple(_signing_key(path) for path in reversed(self._generations(role)))
            # Not read back from the mapping: another thread may forget the role meanwhile.
            self._held[role] = held
        return held

    def _make_first(self, role: str) -> None:
        if not self._make:
            raise KeyFault(f"no key for {role}, and this profile makes none: attach one from a token or sign service (`hub keys attach`)")
        alg = OWN_ALG.get(role, DEFAULT_ALG)
        held = _dev_key(role, alg, suite(alg).generate())
        self._write(held, 1, {"private": _text(held.private)})

    def _add(self, held: Held, rest: Mapping[str, object]) -> PublicKey:
        existing = self._generations(held.role)
        path = self._write(held, int(existing[-1].stem) + 1 if existing else 1, rest)
        if _signing_key(path) != held:
            raise KeyFault(f"{path}: another process has just made this key; look at `hub keys list` and do it again")
        return held.key

    def _write(self, held: Held, number: int, rest: Mapping[str, object]) -> Path:
        """Unless another process was faster."""
        path = self.directory / held.role / f"{number:04d}.json"
        create_form(path, {"v": 1, "role": held.role, "alg": held.alg, "kid": held.key.kid, **rest}, self.directory)
        self.forget(held.role)
        return path

    def _signer(self, held: Held) -> Signer:
        """Kept as long as this keyring: a token's login and a service's connection outlive `forget`."""
        found = self._signers.get(held.key.kid)
        if found is None:
            if held.place is not None:
                found = places.open_place(held.place, held.key, self.directory)
            else:
                found = InsecureDevSigner(held.alg, held.private)
                if not self._warned:
                    self._warned = True
                    _log.warning("InsecureDevSigner: keys in plain files sign here, for development only (first one: %s)", held.role)
            self._signers[held.key.kid] = found
        return found

    def _generations(self, role: str) -> list[Path]:
        return sorted((self.directory / role).glob("[0-9][0-9][0-9][0-9].json"))


def _role(role: str) -> str:
    if not ROLE.fullmatch(role):
        raise KeyFault(f"no key role {role!r}; known: {ROLES}")
    return role


def _dev_key(role: str, alg: str, private: bytes) -> Held:
    made = suite(alg)
    return Held(role, alg, made.public(made.load(private)), private)


def _signing_key(path: Path) -> Held:
    content = read_form(path, ("v", "role", "alg", "kid", "private"), ("v", "role", "alg", "kid", "public", "token"))
    role, alg = str(content["role"]), str(content["alg"])
    if "private" in content:
        held = _dev_key(role, alg, _bytes(content["private"], path))
    else:
        if not isinstance(content["token"], dict):
            raise KeyFault(f"{path}: `token` says where the key lives, as an object; attach the key again")
        suite(alg)
        held = Held(role, alg, _bytes(content["public"], path), place=content["token"])
    if held.key.kid != content["kid"] or not path.parent.as_posix().endswith(role):
        raise KeyFault(f"{path}: the key does not match its own kid and role; restore it from the backup of the keys")
    return held


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _bytes(text: object, path: Path) -> bytes:
    try:
        return base64.b64decode(str(text), validate=True)
    except ValueError:
        raise KeyFault(f"{path}: the key is not base64; restore it from the backup of the keys") from None
