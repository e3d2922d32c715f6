"""Compact JWS whose header and payload are canonical JSON: what this hub signs for others to keep (status lists, references, notices).

- Header `{alg, kid, typ}` and nothing else; the algorithm is the key's own, the key is chosen by `kid` among those the reader trusts.
- A token has one spelling: base64url without padding, canonical JSON inside. Any JWT library reads it; our reader takes nothing else,
  so doubled names, foreign headers (`jku, jwk, x5u, crit, b64`) and re-encoded twins fall away with the form.

Source: RFC 7515 §3.1; RFC 8725 §3.1, 3.9, 3.11; threats.md findings 1–3.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from license_hub.errors import NotCanonical, SignatureBad, TokenMalformed
from license_hub.signing.canonical import jcs, parse
from license_hub.signing.keyring import PublicKey
from license_hub.signing.suites import Signer, suite

_HEADER = {"alg", "kid", "typ"}


@dataclass(frozen=True)
class Token:
    """A well-formed token, its signature not checked."""

    header: Mapping[str, str]
    claims: Mapping[str, object]
    signed: bytes
    signature: bytes


def sign(signer: Signer, typ: str, claims: Mapping[str, object]) -> str:
    """Raises NotCanonical for claims that have no canonical form."""
    header = {"alg": suite(signer.alg).jwk(signer.public)["alg"], "kid": signer.kid, "typ": typ}
    signed = f"{_text(jcs(header))}.{_text(jcs(dict(claims)))}"
    return f"{signed}.{_text(signer.sign(signed.encode('ascii')))}"


def read(text: str, typ: str) -> Token:
    """Nothing verified but the form. Raises TokenMalformed."""
    parts = text.split(".")
    if len(parts) != 3:
        raise TokenMalformed("a token has three parts")
    try:
        header, claims = (parse(_data(one)) for one in parts[:2])
        signature = _data(parts[2])
    except (NotCanonical, ValueError):
        raise TokenMalformed("a part of the token is not canonical") from None
    if not isinstance(header, dict) or set(header) != _HEADER or header["typ"] != typ:
        raise TokenMalformed(f"not a token of the type {typ}")
    if not isinstance(claims, dict):
        raise TokenMalformed("the token's claims are no object")
    return Token(header, claims, f"{parts[0]}.{parts[1]}".encode("ascii"), signature)


def check(token: Token, keys: Sequence[PublicKey]) -> Mapping[str, object]:
    """The claims, signed by the key the token names, by that key's own algorithm. Raises SignatureBad."""
    for key in keys:
        if key.kid == token.header["kid"]:
            if key.jwk()["alg"] != token.header["alg"] or not key.verify(token.signed, token.signature):
                raise SignatureBad(f"the token's signature by {key.kid} does not verify")
            return token.claims
    raise SignatureBad("the token is signed by no key that is trusted for it")


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _data(text: str) -> bytes:
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if _text(data) != text:
        raise ValueError("not canonical base64url")
    return data
