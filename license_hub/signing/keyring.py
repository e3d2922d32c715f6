"""The hub's keys on disk, made on first use.

    <directory>/<role>/0001.json      signing keys; the highest number signs, all verify
    <directory>/symmetric/<name>.json 32-byte keys `index` and `data` for storage.crypt

- Roles: `checkpoint`, `token`, `organ/<credit code>`. One algorithm per key, `kid` = first 16 hex of SHA-256(public key).
- Directories are 700 and files 600; anything wider is refused, not repaired: who could read it may have.
- A key file is written whole beside its place and linked into it, so that of two processes starting at once one makes the key
  and both use it.
- Keys made here are for development: their signer is an `InsecureDevSigner`, and a keyring says so once in the log.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import os
import re
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from license_hub.errors import KeyFault
from license_hub.signing.suites import Signer, suite

ROLE = re.compile(r"checkpoint|token|organ/[0-9A-Z]{18}")
SYMMETRIC = ("index", "data")
DEFAULT_ALG = "Ed25519"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PublicKey:
    """What a verifier needs of one key."""

    role: str
    kid: str
    alg: str
    public: bytes

    def verify(self, data: bytes, signature: bytes) -> bool:
        return suite(self.alg).verify(self.public, data, signature)

    def jwk(self) -> dict[str, str]:
        """For /.well-known/jwks.json (RFC 7517)."""
        return {**suite(self.alg).jwk(self.public), "kid": self.kid, "use": "sig"}


class InsecureDevSigner:
    """A private key held in this process, from a plain file. For development and demonstrations."""

    insecure = True

    def __init__(self, alg: str, private: bytes):
        self._suite = suite(alg)
        self._handle = self._suite.load(private)
        self.alg = alg
        self.public = self._suite.public(self._handle)
        self.kid = kid(self.public)

    def sign(self, data: bytes) -> bytes:
        return self._suite.sign(self._handle, data)

    def __repr__(self) -> str:
        return f"InsecureDevSigner({self.alg}, {self.kid})"


def kid(public: bytes) -> str:
    """A key's name: first 16 hex digits of SHA-256 of its raw public bytes."""
    return hashlib.sha256(public).hexdigest()[:16]


class Keyring:
    """Keys of one hub. `injected` (role or symmetric name → raw private bytes) is for golden files: it never touches the disk."""

    def __init__(self, directory: Path, injected: Mapping[str, bytes] | None = None):
        self.directory = Path(directory)
        self._injected = dict(injected or {})
        self._signers: dict[str, Signer] = {}

    def signer(self, role: str) -> Signer:
        """The role's current signer; its key is made if there is none. Raises KeyFault."""
        if role not in self._signers:
            alg, private = self._private(_role(role))
            if not self._signers:
                _log.warning("InsecureDevSigner: keys in plain files sign here, for development only (first one: %s)", role)
            self._signers[role] = InsecureDevSigner(alg, private)
        return self._signers[role]

    def public_keys(self, role: str) -> tuple[PublicKey, ...]:
        """All keys the role ever had, newest first; none is made."""
        if _role(role) in self._injected:
            found = [InsecureDevSigner(DEFAULT_ALG, self._injected[role])]
        else:
            found = [InsecureDevSigner(*_signing_key(path)) for path in reversed(self._generations(role))]
        return tuple(PublicKey(role, one.kid, one.alg, one.public) for one in found)

    def roles(self) -> tuple[str, ...]:
        """Every role that has a key."""
        names = {name for name in self._injected if ROLE.fullmatch(name)}
        for path in self.directory.rglob("0001.json"):
            role = path.parent.relative_to(self.directory).as_posix()
            if ROLE.fullmatch(role):
                names.add(role)
        return tuple(sorted(names))

    def symmetric(self, name: str) -> bytes:
        """32 bytes, made on first use. Raises KeyFault."""
        if name not in SYMMETRIC:
            raise KeyFault(f"no symmetric key {name!r}; known: {', '.join(SYMMETRIC)}")
        if name in self._injected:
            return self._injected[name]
        path = self.directory / "symmetric" / f"{name}.json"
        if not path.exists():
            _create(path, {"v": 1, "name": name, "key": _text(secrets.token_bytes(32))}, self.directory)
        content = _read(path, ("v", "name", "key"))
        key = _bytes(content["key"], path)
        if content["name"] != name or len(key) != 32:
            raise KeyFault(f"{path}: not the 32-byte key {name}; restore it from the backup of the keys")
        return key

    def _private(self, role: str) -> tuple[str, bytes]:
        if role in self._injected:
            return DEFAULT_ALG, self._injected[role]
        paths = self._generations(role)
        if not paths:
            first = self.directory / role / "0001.json"
            made = suite(DEFAULT_ALG)
            private = made.generate()
            public = made.public(made.load(private))
            _create(first, {"v": 1, "role": role, "alg": DEFAULT_ALG, "kid": kid(public), "private": _text(private)}, self.directory)
            paths = [first]
        return _signing_key(paths[-1])

    def _generations(self, role: str) -> list[Path]:
        return sorted((self.directory / role).glob("[0-9][0-9][0-9][0-9].json"))


def _role(role: str) -> str:
    if not ROLE.fullmatch(role):
        raise KeyFault(f"no key role {role!r}; known: checkpoint, token, organ/<18-character credit code>")
    return role


def _signing_key(path: Path) -> tuple[str, bytes]:
    content = _read(path, ("v", "role", "alg", "kid", "private"))
    private = _bytes(content["private"], path)
    made = suite(str(content["alg"]))
    if kid(made.public(made.load(private))) != content["kid"] or not path.parent.as_posix().endswith(str(content["role"])):
        raise KeyFault(f"{path}: the key does not match its own kid and role; restore it from the backup of the keys")
    return str(content["alg"]), private


def _read(path: Path, names: tuple[str, ...]) -> dict[str, object]:
    _guard(path.parent, 0o077)
    _guard(path, 0o077)
    try:
        content = json.loads(path.read_text("utf-8"))
    except (ValueError, UnicodeDecodeError):
        raise KeyFault(f"{path}: not a key file; restore it from the backup of the keys") from None
    if not isinstance(content, dict) or set(content) != set(names) or content["v"] != 1:
        raise KeyFault(f"{path}: not a key file of version 1; restore it from the backup of the keys")
    return content


def _guard(path: Path, forbidden: int) -> None:
    status = path.stat()
    if stat.S_IMODE(status.st_mode) & forbidden:
        wanted = "700" if path.is_dir() else "600"
        raise KeyFault(f"{path}: others may read it (mode {stat.S_IMODE(status.st_mode):o}); replace the key, then chmod {wanted}")
    if status.st_uid not in (os.geteuid(), 0):
        raise KeyFault(f"{path}: belongs to another user; the hub's own user must own its keys")


def _create(path: Path, content: dict[str, object], top: Path) -> None:
    """Make the file unless it is there: of two makers one wins, and nobody ever reads half a key."""
    for folder in (top, *[one for one in reversed(path.parents) if top in one.parents]):
        folder.mkdir(mode=0o700, parents=folder == top, exist_ok=True)
        _guard(folder, 0o077)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(json.dumps(content, sort_keys=True) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(beside, path)
    except FileExistsError:
        return
    finally:
        beside.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _bytes(text: object, path: Path) -> bytes:
    try:
        return base64.b64decode(str(text), validate=True)
    except ValueError:
        raise KeyFault(f"{path}: the key is not base64; restore it from the backup of the keys") from None
