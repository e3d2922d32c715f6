"""ECDSA on P-256 with SHA-256: what most tokens can do, and the algorithm of most clients.

- Raw forms: private key 32 bytes, public key 65 bytes (04 ‖ x ‖ y), signature 64 bytes r ‖ s as in JOSE.
- Whoever sees (r, s) can write (r, n − s), which verifies as well. Signatures made here have the lower s and the suite accepts no
  other: one signature, one spelling. Clients do not keep to that; their assertions are told apart by `jti` (threats.md finding 2).

Source: FIPS 186-5 §6.4; RFC 7518 §3.4.
"""

from __future__ import annotations

import base64

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from license_hub.errors import SigningError

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
PRIVATE_BYTES, SIGNATURE_BYTES = 32, 64
_ALGORITHM = ec.ECDSA(SHA256())


class ES256:
    alg = jose = "ES256"

    def generate(self) -> bytes:
        return ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value.to_bytes(PRIVATE_BYTES)

    def load(self, private: bytes) -> ec.EllipticCurvePrivateKey:
        if len(private) != PRIVATE_BYTES or not 1 <= int.from_bytes(private) < ORDER:
            raise SigningError("a P-256 private key is 32 bytes, from 1 to below the order of the curve")
        return ec.derive_private_key(int.from_bytes(private), ec.SECP256R1())

    def public(self, private: ec.EllipticCurvePrivateKey) -> bytes:
        return private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def sign(self, private: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
        r, s = decode_dss_signature(private.sign(data, _ALGORITHM))
        return low(r.to_bytes(32) + s.to_bytes(32))

    def verify(self, public: bytes, data: bytes, signature: bytes) -> bool:
        if len(signature) != SIGNATURE_BYTES or low(signature) != signature or public[:1] != b"\x04":
            return False
        der = encode_dss_signature(int.from_bytes(signature[:32]), int.from_bytes(signature[32:]))
        try:
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public).verify(der, data, _ALGORITHM)
        except (InvalidSignature, ValueError):
            return False
        return True

    def jwk(self, public: bytes) -> dict[str, str]:
        x, y = (base64.urlsafe_b64encode(part).rstrip(b"=").decode("ascii") for part in (public[1:33], public[33:]))
        return {"kty": "EC", "crv": "P-256", "x": x, "y": y, "alg": self.jose}


def low(signature: bytes) -> bytes:
    """The signature's twin with the lower s; itself if it has that already."""
    s = int.from_bytes(signature[32:])
    return signature if s <= ORDER // 2 or s > ORDER else signature[:32] + (ORDER - s).to_bytes(32)
