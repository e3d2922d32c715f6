"""DPoP proofs (RFC 9449): a caller shows that it holds the key its access token is bound to. Nothing here knows storage or time.

A proof brings its own public key, which says nothing by itself: whoever reads one compares `jkt` with the token's.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from license_hub.errors import JoseRefused
from license_hub.signing import jose, sm2
from license_hub.signing.canonical import jcs

TYPE = "dpop+jwt"
ALGORITHM_OF = {("OKP", "Ed25519"): "EdDSA", ("EC", "P-256"): "ES256", ("EC", sm2.JOSE_CURVE): sm2.JOSE}
MEMBERS = {"OKP": ("crv", "kty", "x"), "EC": ("crv", "kty", "x", "y")}
JTI_CHARS = 96


@dataclass(frozen=True)
class Proof:
    """Signed by the key of that thumbprint; whether it fits the request is asked by `fits`."""

    jkt: str
    jti: str
    htm: str
    htu: str
    iat: int
    ath: str

    def fits(self, method: str, url: str, token: str, now: float, early: int, late: int) -> bool:
        """For that request, that access token ('' = none yet), made at most `late` seconds ago and `early` ahead."""
        meant = hashed(token) if token else ""
        return (self.htm, self.htu.partition("?")[0].partition("#")[0], self.ath) == (
            method,
            url,
            meant,
        ) and -early <= now - self.iat <= late


def read(text: str) -> Proof:
    """The proof, its signature checked. Raises JoseRefused."""
    parts = jose.split(text, allow=("jwk",))
    header, claims = parts.header, jose.claims_of(parts)
    if header.get("typ") != TYPE:
        raise JoseRefused("typ is not that of a DPoP proof")
    key, jkt = _key(header.get("jwk"))
    jose.check_signature(parts, key)
    texts = {name: claims.get(name) for name in ("jti", "htm", "htu")}
    if any(not isinstance(one, str) or not one for one in texts.values()) or type(claims.get("iat")) is not int:
        raise JoseRefused("jti, htm, htu and iat are required")
    if len(texts["jti"]) > JTI_CHARS or not texts["jti"].isprintable() or not isinstance(claims.get("ath", ""), str):
        raise JoseRefused("jti or ath is not of its form")
    return Proof(jkt, iat=claims["iat"], ath=claims.get("ath", ""), **texts)


def _key(jwk: object) -> tuple[jose.Key, str]:
    if not isinstance(jwk, Mapping) or "d" in jwk:
        raise JoseRefused("jwk is not a public key")
    alg = ALGORITHM_OF.get((str(jwk.get("kty")), str(jwk.get("crv"))))
    public = {name: jwk.get(name) for name in MEMBERS.get(str(jwk.get("kty")), ())}
    if alg is None or not all(isinstance(one, str) for one in public.values()) or jwk.get("alg", alg) != alg:
        raise JoseRefused("jwk is not a key of an algorithm that may be used here")
    return jose.key_of({**jwk, "alg": alg, "kid": ""}), thumbprint(public)


def thumbprint(public: Mapping[str, object]) -> str:
    """RFC 7638 with SHA-256, whole."""
    return _text(hashlib.sha256(jcs(dict(public))).digest())


def hashed(token: str) -> str:
    """`ath` of an access token."""
    return _text(hashlib.sha256(token.encode("ascii", "replace")).digest())


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
