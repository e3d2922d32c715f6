"""ML-DSA-44 (FIPS 204): signatures that a quantum computer does not break, for witnesses and whoever else must outlast ours.

Raw keys: 32-byte seed, 1,312-byte public key; signatures have 2,420 bytes. Source: FIPS 204 §4; design.md decision 3.
"""

from __future__ import annotations

import base64

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from license_hub.errors import SigningError


class MLDSA44:
    alg = jose = "ML-DSA-44"

    def generate(self) -> bytes:
        return MLDSA44PrivateKey.generate().private_bytes_raw()

    def load(self, private: bytes) -> MLDSA44PrivateKey:
        try:
            return MLDSA44PrivateKey.from_seed_bytes(private)
        except ValueError:
            raise SigningError("an ML-DSA-44 private key is a seed of 32 bytes") from None

    def public(self, private: MLDSA44PrivateKey) -> bytes:
        return private.public_key().public_bytes_raw()

    def sign(self, private: MLDSA44PrivateKey, data: bytes) -> bytes:
        return private.sign(data)

    def verify(self, public: bytes, data: bytes, signature: bytes) -> bool:
        try:
            MLDSA44PublicKey.from_public_bytes(public).verify(signature, data)
        except (InvalidSignature, ValueError):
            return False
        return True

    def jwk(self, public: bytes) -> dict[str, str]:
        """`AKP` of the IETF's draft-ietf-cose-dilithium: the algorithm is part of the key."""
        return {"kty": "AKP", "alg": self.jose, "pub": base64.urlsafe_b64encode(public).rstrip(b"=").decode("ascii")}
