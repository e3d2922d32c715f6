"""Signature suites: one algorithm each, found by name, chosen by the key and never by the message.

A `Suite` turns private bytes into a handle it alone understands and signs with that; a token or a remote service keeps its key and
is a `Signer` of its own. Verification needs public bytes only. Source: design.md decision 3.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from license_hub.errors import SigningError
from license_hub.signing.es256 import ES256
from license_hub.signing.mldsa import MLDSA44
from license_hub.signing.sm2 import SM2


class Suite(Protocol):
    alg: str
    jose: str
    """`alg` of JOSE headers and keys."""

    def generate(self) -> bytes:
        """New private key, in the suite's raw form."""

    def load(self, private: bytes) -> object:
        """Handle for `sign`. Raises SigningError."""

    def public(self, private: object) -> bytes:
        """Public key of a handle, in the suite's raw form."""

    def sign(self, private: object, data: bytes) -> bytes: ...

    def verify(self, public: bytes, data: bytes, signature: bytes) -> bool:
        """False for whatever does not verify, malformed keys and signatures included."""

    def jwk(self, public: bytes) -> dict[str, str]:
        """`kty` and the key's own members (RFC 7517), and the JOSE `alg`."""


class Signer(Protocol):
    """One private key in its place of use."""

    kid: str
    alg: str
    public: bytes
    insecure: bool
    """Made for development: a production profile refuses it."""

    def sign(self, data: bytes) -> bytes: ...


class HeldSigner:
    """A private key held in this process."""

    insecure = False

    def __init__(self, alg: str, private: bytes):
        self._suite = suite(alg)
        self._handle = self._suite.load(private)
        self.alg = alg
        self.public = self._suite.public(self._handle)
        self.kid = kid(self.public)

    def sign(self, data: bytes) -> bytes:
        return self._suite.sign(self._handle, data)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.alg}, {self.kid})"


class Ed25519:
    """RFC 8032. Raw keys: 32-byte seed, 32-byte point."""

    alg = "Ed25519"
    jose = "EdDSA"

    def generate(self) -> bytes:
        return Ed25519PrivateKey.generate().private_bytes_raw()

    def load(self, private: bytes) -> object:
        try:
            return Ed25519PrivateKey.from_private_bytes(private)
        except ValueError:
            raise SigningError("an Ed25519 private key is 32 bytes") from None

    def public(self, private: object) -> bytes:
        return private.public_key().public_bytes_raw()

    def sign(self, private: object, data: bytes) -> bytes:
        return private.sign(data)

    def verify(self, public: bytes, data: bytes, signature: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
        except (InvalidSignature, ValueError):
            return False
        return True

    def jwk(self, public: bytes) -> dict[str, str]:
        return {"kty": "OKP", "crv": "Ed25519", "x": base64.urlsafe_b64encode(public).rstrip(b"=").decode("ascii"), "alg": self.jose}


SUITES: dict[str, Suite] = {one.alg: one for one in (Ed25519(), SM2(), MLDSA44(), ES256())}


def suite(alg: str) -> Suite:
    """Raises SigningError for an algorithm this hub does not have."""
    if alg not in SUITES:
        raise SigningError(f"no suite for the algorithm {alg!r}; known: {', '.join(SUITES)}")
    return SUITES[alg]


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


def kid(public: bytes) -> str:
    """A key's name: first 16 hex digits of SHA-256 of its raw public bytes."""
    return hashlib.sha256(public).hexdigest()[:16]
