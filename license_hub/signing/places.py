"""Keys that live elsewhere: what the `token` object of a key file may say, and the signer it becomes.

    {"kind": "pkcs11", "module": "/usr/lib/softhsm/libsofthsm2.so", "token": label, "key": label, "pin_file": path}
    {"kind": "remote", "url": "https://…", "key": name, "ca_file": path, "cert_file": path, "key_file": path, "bearer_file": path,
     "signature": "raw" | "der", "timeout_s": 5, "attempts": 3}

- Paths of PINs, tokens and client keys are absolute, or below the key folder; those files are guarded like key files.
- Whatever comes back is verified with the key file's own public key before it is used: a token with another key, a service that
  answers for somebody else and a damaged answer are faults here, not bad signatures in the world.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from license_hub.errors import KeyFault, SigningError
from license_hub.signing.files import guard, secret
from license_hub.signing.pkcs11 import ALGORITHMS as PKCS11_ALGORITHMS
from license_hub.signing.pkcs11 import TokenKey
from license_hub.signing.suites import PublicKey, Signer

if TYPE_CHECKING:
    from license_hub.signing.remote import RemoteKey

_PKCS11 = {"kind", "module", "token", "key", "pin_file"}
_REMOTE = {"kind", "url", "key"}
_REMOTE_OPTIONS = {"ca_file", "cert_file", "key_file", "bearer_file", "signature", "timeout_s", "attempts"}


class PlacedSigner:
    """A private key in a token or behind a service: never in this process, its answers verified."""

    insecure = False

    def __init__(self, key: PublicKey, place: TokenKey | RemoteKey):
        self._key = key
        self._place = place
        self.kid, self.alg, self.public = key.kid, key.alg, key.public

    def sign(self, data: bytes) -> bytes:
        """Raises SigningError if the place does not answer, or not with a signature of this key."""
        signature = self._place.sign(data)
        if not self._key.verify(data, signature):
            raise SigningError(f"{self._place}: the answer is no signature of the key {self.kid}; nothing was signed")
        return signature

    def __repr__(self) -> str:
        return f"PlacedSigner({self.alg}, {self.kid}, {self._place})"


def open_place(place: Mapping[str, object], key: PublicKey, directory: Path) -> Signer:
    """The signer of a key that lives elsewhere. Nothing is asked of the place yet. Raises KeyFault."""
    kind = place.get("kind")
    if kind == "pkcs11":
        return PlacedSigner(key, _token(place, key, directory))
    if kind == "remote":
        return PlacedSigner(key, _service(place, key, directory))
    raise KeyFault(f"key {key.kid} of {key.role}: its place has no kind pkcs11 or remote")


def _token(place: Mapping[str, object], key: PublicKey, directory: Path) -> TokenKey:
    _names(place, key, _PKCS11, set())
    if key.alg not in PKCS11_ALGORITHMS:
        raise KeyFault(f"key {key.kid} of {key.role}: a PKCS#11 token signs with {', '.join(PKCS11_ALGORITHMS)}, not with {key.alg}")
    pin = directory / str(place["pin_file"])
    return TokenKey(key.alg, str(place["module"]), str(place["token"]), str(place["key"]), lambda: secret(pin))


def _service(place: Mapping[str, object], key: PublicKey, directory: Path) -> RemoteKey:
    # Its HTTP client is for hubs that have such a key: a witness, a verifier and the command line start without it.
    from license_hub.signing.remote import RemoteKey, Service

    _names(place, key, _REMOTE, _REMOTE_OPTIONS)
    files = {name: directory / str(place[name]) if name in place else None for name in _REMOTE_OPTIONS if name.endswith("_file")}
    if (files["cert_file"] is None) != (files["key_file"] is None):
        raise KeyFault(f"key {key.kid} of {key.role}: cert_file and key_file go together")
    if files["key_file"] is not None:
        guard(files["key_file"])
    timeout, attempts, form = place.get("timeout_s", 5), place.get("attempts", 3), place.get("signature", "raw")
    numbers = type(timeout) is int and 1 <= timeout <= 60 and type(attempts) is int and 1 <= attempts <= 10
    if not numbers or form not in ("raw", "der"):
        raise KeyFault(f"key {key.kid} of {key.role}: timeout_s is 1 to 60, attempts 1 to 10, signature raw or der")
    bearer = files["bearer_file"]
    service = Service(
        url=str(place["url"]),
        ca_file=files["ca_file"],
        cert_file=files["cert_file"],
        key_file=files["key_file"],
        bearer=None if bearer is None else lambda: secret(bearer),
        timeout_s=timeout,
        attempts=attempts,
    )
    return RemoteKey(service, str(place["key"]), key.alg, der=form == "der")


def _names(place: Mapping[str, object], key: PublicKey, wanted: set[str], options: set[str]) -> None:
    if not wanted <= place.keys() <= wanted | options:
        raise KeyFault(f"key {key.kid} of {key.role}: its place needs {', '.join(sorted(wanted))} and may have {sorted(options)}, no more")
