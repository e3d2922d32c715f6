"""Receipts 免提交核验回执 and 未满足免提交条件说明: what was decided of one material, signed at once, provable by the next checkpoint.

    {"fields": {…}, "iat", "iss", "jti": leaf id, "leaf": the leaf's text, "secret": base64url}     typ exempt-receipt+jwt, key `status`

The leaf (kind `receipt`) commits to the fields under the secret, so whoever holds the receipt can compute what the log must have, and
nobody else learns anything from the log. It names no license: whether one was used stays with those who hold a receipt.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from license_hub.errors import SignatureBad, TokenMalformed
from license_hub.log.tree import leaf_hash
from license_hub.signing import jose
from license_hub.signing.commitment import SECRET_BYTES, commit, instant, leaf
from license_hub.signing.suites import PublicKey, Signer

TYPE = "exempt-receipt+jwt"
KIND = "receipt"
MOST_CHARS = 32_768
_MEMBERS = {"fields", "iat", "iss", "jti", "leaf", "secret"}


@dataclass(frozen=True)
class Receipt:
    token: str
    leaf_id: str
    leaf: bytes
    leaf_hash: bytes


def make(signer: Signer, issuer: str, at: datetime, leaf_id: str, secret: bytes, fields: Mapping[str, str]) -> Receipt:
    """Signed, with the leaf that goes into the log. Raises SigningError."""
    content = leaf(KIND, leaf_id, instant(at), commit(secret, fields))
    claims = {
        "fields": dict(fields),
        "iat": int(at.timestamp()),
        "iss": issuer,
        "jti": leaf_id,
        "leaf": content.decode(),
        "secret": base64.urlsafe_b64encode(secret).rstrip(b"=").decode(),
    }
    return Receipt(jose.make(signer, TYPE, claims), leaf_id, content, leaf_hash(content))


def read(token: str, keys: Sequence[PublicKey]) -> tuple[Mapping[str, str], bytes]:
    """(fields, leaf) of a receipt that one of the keys signed. Raises JoseRefused, TokenMalformed, SignatureBad."""
    claims = jose.read_own(token, TYPE, keys, most=MOST_CHARS)
    return opened(claims)


def opened(claims: Mapping[str, object]) -> tuple[Mapping[str, str], bytes]:
    """(fields, leaf) of a receipt's claims: the leaf is the one the fields give. Raises TokenMalformed, SignatureBad."""
    fields, iat = claims.get("fields"), claims.get("iat")
    texts = [claims.get(name) for name in ("iss", "jti", "leaf", "secret")]
    if set(claims) != _MEMBERS or not isinstance(fields, dict) or type(iat) is not int or not all(type(one) is str for one in texts):
        raise TokenMalformed("not a receipt")
    if not all(type(value) is str for value in fields.values()):
        raise TokenMalformed("not a receipt")
    try:
        secret = base64.urlsafe_b64decode(texts[3] + "=")
        made = leaf(KIND, texts[1], instant(datetime.fromtimestamp(iat, UTC)), commit(secret, fields))
    except (ValueError, OverflowError):
        raise TokenMalformed(f"not a receipt: secret of {SECRET_BYTES} bytes, time or id cannot stand") from None
    if made != texts[2].encode():
        raise SignatureBad("the receipt's leaf is not the one its fields give")
    return fields, made
