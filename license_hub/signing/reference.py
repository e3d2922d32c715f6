"""The signed reference from a license version to its place in a status list: IETF's *referenced token*.

    {"sub": leaf hash (hex), "iat", "status": {"status_list": {"idx", "uri"}}}      typ license-status+jwt

Without the signature the holder of a revoked license could point to the place of a good one.
Source: draft-ietf-oauth-status-list-21 §6.1, 6.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from license_hub.errors import SignatureBad, TokenMalformed
from license_hub.signing import jose
from license_hub.signing.suites import PublicKey, Signer

TYPE = "license-status+jwt"


@dataclass(frozen=True)
class Reference:
    uri: str
    index: int


def make(signer: Signer, leaf_hash: bytes, uri: str, index: int, issued_at: datetime) -> str:
    claims = {"sub": leaf_hash.hex(), "iat": int(issued_at.timestamp()), "status": {"status_list": {"idx": index, "uri": uri}}}
    return jose.make(signer, TYPE, claims)


def read(text: str, leaf_hash: bytes, keys: Sequence[PublicKey]) -> Reference:
    """Where that leaf's status is listed. Raises JoseRefused, TokenMalformed, SignatureBad."""
    claims = jose.read_own(text, TYPE, keys)
    try:
        listed = claims["status"]["status_list"]
        uri, index = listed["uri"], listed["idx"]
    except (KeyError, TypeError):
        raise TokenMalformed("not a reference to a status list") from None
    if set(claims) != {"sub", "iat", "status"} or set(listed) != {"idx", "uri"} or type(uri) is not str or type(index) is not int:
        raise TokenMalformed("not a reference to a status list")
    if claims["sub"] != leaf_hash.hex():
        raise SignatureBad("the status reference is that of another license")
    return Reference(uri, index)
