"""Key-encryption keys: what wraps the data keys, so that who copies the key folder or a backup of it has nothing.

    HUB_KEK                                                   the key
    a file of 64 hex digits, mode 600                         held in this process
    pkcs11:token=LABEL;object=LABEL?module-path=…&pin-source=PATH   AES key in a PKCS#11 token, never outside it (RFC 7512)

- A wrapped key is `nonce (12) ‖ AES-256-GCM ciphertext and tag`, its additional data the data key's name and kid: a wrapped key put in
  another one's place does not open.
- A token is asked when the hub starts and when keys are made or wrapped anew, not for rows.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qsl, unquote

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from license_hub.errors import KeyFault
from license_hub.signing.files import guard, secret

KEY_BYTES, NONCE_BYTES, TAG_BITS = 32, 12, 128
URI = "pkcs11:"


class KeyWrap(Protocol):
    """What a KEK does. `kid` names it in the files it wrapped."""

    kid: str
    insecure: bool

    def wrap(self, key: bytes, name: str) -> bytes: ...

    def unwrap(self, wrapped: bytes, name: str) -> bytes:
        """Raises KeyFault where that is not what this key wrapped under that name."""
        ...


class FileKek:
    """A KEK in a file. As safe as the file is: keep it on another volume than the keys and not in the same backup."""

    def __init__(self, path: Path, *, insecure: bool = False):
        self.insecure = insecure
        guard(path)
        try:
            key = bytes.fromhex(path.read_text("ascii"))
        except (ValueError, UnicodeDecodeError):
            key = b""
        if len(key) != KEY_BYTES:
            raise KeyFault(f"{path}: not a KEK; it is one line of 64 hex digits (openssl rand -hex 32)")
        self.kid = "file-" + hashlib.sha256(b"mianzhengtong kek\x00" + key).hexdigest()[:16]
        self._cipher = AESGCM(key)

    def wrap(self, key: bytes, name: str) -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, key, name.encode())

    def unwrap(self, wrapped: bytes, name: str) -> bytes:
        try:
            return self._cipher.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], name.encode())
        except (InvalidTag, ValueError):
            raise KeyFault(f"{name}: was not wrapped by this KEK ({self.kid}); restore the key file, or name the KEK it needs") from None


class TokenKek:
    """A KEK in a PKCS#11 token: AES, made there, not extractable. A session lasts as long as one answer."""

    insecure = False

    def __init__(self, module: str, token: str, label: str, pin_file: Path):
        self._module, self._token, self._label, self._pin_file = module, token, label, pin_file
        self.kid = "pkcs11-" + hashlib.sha256(f"{token}\x00{label}".encode()).hexdigest()[:16]

    def wrap(self, key: bytes, name: str) -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._ask("encrypt", key, nonce, name)

    def unwrap(self, wrapped: bytes, name: str) -> bytes:
        return self._ask("decrypt", wrapped[NONCE_BYTES:], wrapped[:NONCE_BYTES], name)

    def _ask(self, act: str, data: bytes, nonce: bytes, name: str) -> bytes:
        import pkcs11

        how = pkcs11.GCMParams(nonce, aad=name.encode(), tag_bits=TAG_BITS)
        try:
            with self._session() as session:
                key = session.get_key(object_class=pkcs11.ObjectClass.SECRET_KEY, label=self._label)
                return bytes(getattr(key, act)(data, mechanism=pkcs11.Mechanism.AES_GCM, mechanism_param=how))
        except pkcs11.PKCS11Error as fault:
            raise KeyFault(
                f"{name}: the KEK {self._label!r} in PKCS#11 token {self._token!r} answers {type(fault).__name__}; "
                "see that the token is there, its PIN is right and this KEK wrapped the key"
            ) from None

    def _session(self):
        import pkcs11

        token = pkcs11.lib(self._module).get_token(token_label=self._token)
        try:
            return token.open(user_pin=secret(self._pin_file))
        except pkcs11.UserAlreadyLoggedIn:
            return token.open()


def open_kek(place: str, keys: Path, *, make: bool = True) -> KeyWrap:
    """The KEK that HUB_KEK names. Empty: a development KEK beside the keys it wraps, made on first use where `make`. Raises KeyFault."""
    if place.startswith(URI):
        return _token(place)
    if place:
        return FileKek(Path(place))
    path = keys / "insecure-kek.hex"
    if not path.exists():
        if not make:
            raise KeyFault("HUB_KEK is not set: name the file or the PKCS#11 object of the key that wraps the data keys")
        keys.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make_file(path)
    return FileKek(path, insecure=True)


def _make_file(path: Path) -> None:
    """Written beside and linked, so that of two processes starting at once one makes it and both use it."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_hex(KEY_BYTES) + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(beside, path)
    except FileExistsError:
        return
    finally:
        beside.unlink()


def _token(uri: str) -> TokenKek:
    path, _, query = uri.removeprefix(URI).partition("?")
    parts = {name: unquote(value) for name, _, value in (one.partition("=") for one in path.split(";"))}
    more = dict(parse_qsl(query))
    missing = [name for name in ("token", "object") if not parts.get(name)]
    missing += [name for name in ("module-path", "pin-source") if not more.get(name)]
    if missing:
        raise KeyFault(f"HUB_KEK: the pkcs11 URI lacks {', '.join(missing)} (pkcs11:token=…;object=…?module-path=…&pin-source=…)")
    return TokenKek(more["module-path"], parts["token"], parts["object"], Path(more["pin-source"].removeprefix("file:")))
