"""Public keys as other programs write them: SubjectPublicKeyInfo (RFC 5280 §4.1), PEM or DER, to and from the suites' raw forms.

What `openssl pkey -pubout`, `pkcs11-tool --read-object --type pubkey` and sign services give. The curve is part of it, so the
algorithm follows from the key.
"""

from __future__ import annotations

import base64

from license_hub.errors import SigningError

HEADS = {
    "Ed25519": (bytes.fromhex("302a300506032b6570032100"), 32),
    "ES256": (bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200"), 65),
    "SM2": (bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d034200"), 65),
}
"""Algorithm → what stands before the raw key, and the raw key's length."""
_BEGIN, _END = "-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"


def read(data: bytes) -> tuple[str, bytes]:
    """(alg, raw public key). Raises SigningError."""
    der = _der(data)
    for alg, (head, size) in HEADS.items():
        if der.startswith(head) and len(der) == len(head) + size:
            return alg, der[len(head) :]
    raise SigningError(f"no public key of {', '.join(HEADS)} in PEM or DER (SubjectPublicKeyInfo, uncompressed point)")


def write(alg: str, public: bytes) -> bytes:
    """DER. Raises SigningError for an algorithm without this form."""
    if alg not in HEADS:
        raise SigningError(f"public keys of {alg} are not written as SubjectPublicKeyInfo here")
    return HEADS[alg][0] + public


def _der(data: bytes) -> bytes:
    text = data.decode("ascii", "replace").strip()
    if not text.startswith(_BEGIN) or not text.endswith(_END):
        return data
    try:
        return base64.b64decode("".join(text[len(_BEGIN) : -len(_END)].split()), validate=True)
    except ValueError:
        return b""
