"""SM2 signatures with SM3 (GB/T 32918.2, OID 1.2.156.10197.1.501), computed by the system's libcrypto.

- Raw forms: private key 32 bytes, public key 65 bytes (04 ‖ x ‖ y), signature 64 bytes r ‖ s. `to_der` and `from_der` convert
  signatures for `openssl`, tokens and sign services; each signature has one spelling in either form.
- The signer's identity is the standard's default, 1234567812345678, as everywhere in e-license practice.
- libcrypto's contexts are not for two threads at once: a handle keeps one key object for each thread that uses it.
- No arithmetic on the curve happens here: libcrypto makes the keys and checks the points.

Source: GB/T 32918.2-2016; GM/T 0009-2012 (default identity); RFC 5915, RFC 5480 (DER of keys); measured: hub.md §1.
"""

from __future__ import annotations

import base64
import ctypes
import threading
from collections import OrderedDict
from ctypes import byref, c_size_t

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from license_hub.errors import SigningError
from license_hub.signing import spki
from license_hub.signing.libcrypto import Owned, clear, library, read_key, write_key

IDENTITY = b"1234567812345678"
JOSE = "urn:oid:1.2.156.10197.1.501"
"""No JOSE name is registered for SM2; a name of one's own must not collide (RFC 7515 §4.1.1): the OID of SM2 with SM3."""
JOSE_CURVE = "urn:oid:1.2.156.10197.1.301"

ORDER = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
PRIVATE_BYTES, PUBLIC_BYTES, SIGNATURE_BYTES = 32, 65, 64
_HALF = SIGNATURE_BYTES // 2
_OID = bytes.fromhex("06082a811ccf5501822d")
_LONGEST_DER = 80
_KEPT_PUBLIC_KEYS = 64


class _Local:
    """One thread's key object: a key and a context ready to sign or verify, copied for each signature."""

    def __init__(self, key: Owned, init: str):
        crypto = library()
        self._key = key
        self._identity = Owned(crypto.EVP_PKEY_CTX_new(key.pointer, None), "EVP_PKEY_CTX_free")
        self._ready = Owned(crypto.EVP_MD_CTX_new(), "EVP_MD_CTX_free")
        self._work = Owned(crypto.EVP_MD_CTX_new(), "EVP_MD_CTX_free")
        # The identity must be set before the first byte: libcrypto hashes it in front of the data.
        named = crypto.EVP_PKEY_CTX_set1_id(self._identity.pointer, IDENTITY, len(IDENTITY))
        crypto.EVP_MD_CTX_set_pkey_ctx(self._ready.pointer, self._identity.pointer)
        if named != 1 or getattr(crypto, init)(self._ready.pointer, None, crypto.EVP_sm3(), None, key.pointer) != 1:
            clear()
            raise SigningError("this libcrypto has no SM2 with SM3")

    def __del__(self) -> None:
        # Contexts before the key they point into.
        for name in ("_work", "_ready", "_identity", "_key"):
            self.__dict__.pop(name, None)

    def sign(self, data: bytes) -> bytes:
        crypto, size, buffer = library(), c_size_t(_LONGEST_DER), ctypes.create_string_buffer(_LONGEST_DER)
        if crypto.EVP_MD_CTX_copy_ex(self._work.pointer, self._ready.pointer) != 1 or (
            crypto.EVP_DigestSign(self._work.pointer, buffer, byref(size), data, len(data)) != 1
        ):
            clear()
            raise SigningError("libcrypto could not sign")
        return from_der(buffer.raw[: size.value])

    def verify(self, data: bytes, der: bytes) -> bool:
        crypto = library()
        if crypto.EVP_MD_CTX_copy_ex(self._work.pointer, self._ready.pointer) == 1 and (
            crypto.EVP_DigestVerify(self._work.pointer, der, len(der), data, len(data)) == 1
        ):
            return True
        clear()
        return False


class PrivateKey:
    """A private key; may be used by any number of threads. Raises SigningError for bytes that are none."""

    def __init__(self, private: bytes):
        if len(private) != PRIVATE_BYTES or not 1 <= int.from_bytes(private) <= ORDER - 2:
            raise SigningError("an SM2 private key is 32 bytes, from 1 to the order of the curve less 2")
        # ECPrivateKey without its point: libcrypto computes the point, so the two cannot disagree.
        self._der = bytes.fromhex("3031") + b"\x02\x01\x01\x04\x20" + private + b"\xa0\x0a" + _OID
        self.public = write_key("i2d_PUBKEY", self._key())[-PUBLIC_BYTES:]
        self._threads = threading.local()

    def sign(self, data: bytes) -> bytes:
        """r ‖ s."""
        local = getattr(self._threads, "one", None)
        if local is None:
            local = self._threads.one = _Local(self._key(), "EVP_DigestSignInit")
        return local.sign(data)

    def _key(self) -> Owned:
        key = read_key("d2i_AutoPrivateKey", self._der)
        if key is None:
            raise SigningError("this libcrypto has no SM2")
        return key


class SM2:
    """The suite. Source: design.md decision 3."""

    alg = "SM2"
    jose = JOSE

    def __init__(self) -> None:
        self._threads = threading.local()

    def generate(self) -> bytes:
        key = Owned(library().EVP_PKEY_Q_keygen(None, None, b"SM2", None), "EVP_PKEY_free")
        der = write_key("i2d_PrivateKey", key)
        # ECPrivateKey (RFC 5915): SEQUENCE, version 1, OCTET STRING of 32 bytes.
        at = der.index(b"\x02\x01\x01\x04\x20") + 5
        return der[at : at + PRIVATE_BYTES]

    def load(self, private: bytes) -> PrivateKey:
        return PrivateKey(private)

    def public(self, private: PrivateKey) -> bytes:
        return private.public

    def sign(self, private: PrivateKey, data: bytes) -> bytes:
        return private.sign(data)

    def verify(self, public: bytes, data: bytes, signature: bytes) -> bool:
        if len(signature) != SIGNATURE_BYTES or not all(0 < part < ORDER for part in _halves(signature)):
            return False
        local = self._verifier(public)
        return local is not None and local.verify(data, to_der(signature))

    def is_public(self, public: bytes) -> bool:
        """Whether it is a point of the curve, in its raw form."""
        return self._verifier(public) is not None

    def jwk(self, public: bytes) -> dict[str, str]:
        x, y = (base64.urlsafe_b64encode(part).rstrip(b"=").decode("ascii") for part in (public[1:33], public[33:]))
        return {"kty": "EC", "crv": JOSE_CURVE, "x": x, "y": y, "alg": JOSE}

    def _verifier(self, public: bytes) -> _Local | None:
        """This thread's key object for a public key; None if it is no point of the curve."""
        kept: OrderedDict[bytes, _Local] | None = getattr(self._threads, "kept", None)
        if kept is None:
            kept = self._threads.kept = OrderedDict()
        local = kept.get(public)
        if local is None:
            key = read_key("d2i_PUBKEY", spki.write("SM2", public)) if len(public) == PUBLIC_BYTES and public[0] == 4 else None
            if key is None:
                return None
            local = kept[public] = _Local(key, "EVP_DigestVerifyInit")
            if len(kept) > _KEPT_PUBLIC_KEYS:
                kept.popitem(last=False)
        return local


def to_der(signature: bytes) -> bytes:
    """SEQUENCE of r and s, from r ‖ s. Raises SigningError."""
    if len(signature) != SIGNATURE_BYTES:
        raise SigningError("an SM2 signature is 64 bytes, r and s")
    return encode_dss_signature(*_halves(signature))


def from_der(der: bytes) -> bytes:
    """r ‖ s from the one DER spelling of it. Raises SigningError."""
    try:
        r, s = decode_dss_signature(der)
        raw = r.to_bytes(_HALF) + s.to_bytes(_HALF)
    except (ValueError, OverflowError):
        raise SigningError("not the DER of an SM2 signature") from None
    if encode_dss_signature(r, s) != der:
        raise SigningError("DER of an SM2 signature in an unusual spelling")
    return raw


def _halves(signature: bytes) -> tuple[int, int]:
    return int.from_bytes(signature[:_HALF]), int.from_bytes(signature[_HALF:])
