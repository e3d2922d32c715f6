"""The client's own key: assertions for the token endpoint (RFC 7523), proofs that tokens are its own (RFC 9449). It never leaves here."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import ECAlgorithm, OKPAlgorithm

ASSERTION_S = 60
"""Life of an assertion."""
MODE = 0o600


@dataclass(frozen=True)
class Key:
    """Ed25519, or P-256 where that is what a token or module holds."""

    private: Ed25519PrivateKey | EllipticCurvePrivateKey
    kid: str

    @classmethod
    def new(cls) -> Key:
        return cls._of(Ed25519PrivateKey.generate())

    @classmethod
    def load(cls, path: Path | str) -> Key:
        """From a private JWK. Raises ValueError for a file others may read, or that holds no such key."""
        file = Path(path)
        if file.stat().st_mode & 0o077:
            raise ValueError(f"{file.name}: others may read this key; chmod 600, and think of it as seen")
        jwk = json.loads(file.read_text("utf-8"))
        kinds = {"OKP": OKPAlgorithm, "EC": ECAlgorithm}
        if "d" not in jwk or jwk.get("kty") not in kinds:
            raise ValueError(f"{file.name}: a private JWK, Ed25519 or P-256, expected")
        return cls._of(kinds[jwk["kty"]].from_jwk(jwk), jwk.get("kid", ""))

    def save(self, path: Path | str) -> None:
        """The private JWK, readable by its owner alone. Raises FileExistsError."""
        kind = OKPAlgorithm if self.alg == "EdDSA" else ECAlgorithm
        text = json.dumps(kind.to_jwk(self.private, as_dict=True) | {"kid": self.kid})
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE), "w") as file:
            file.write(text)

    @property
    def alg(self) -> str:
        return "EdDSA" if isinstance(self.private, Ed25519PrivateKey) else "ES256"

    @property
    def public(self) -> dict[str, str]:
        """The public JWK: what `hub clients add --key` takes."""
        return _members(self.private) | {"kid": self.kid, "alg": self.alg, "use": "sig"}

    def assertion(self, client_id: str, audience: str, now: float) -> str:
        """Good once, for a minute."""
        times = {"iat": int(now), "exp": int(now) + ASSERTION_S}
        claims = {"iss": client_id, "sub": client_id, "aud": audience, "jti": uuid4().hex} | times
        return jwt.encode(claims, self.private, self.alg, headers={"kid": self.kid, "typ": "JWT"})

    def proof(self, method: str, url: str, now: float, token: str = "") -> str:
        """Good once, for that request alone."""
        claims = {"jti": uuid4().hex, "htm": method, "htu": url, "iat": int(now)}
        claims |= {"ath": _text(hashlib.sha256(token.encode()).digest())} if token else {}
        return jwt.encode(claims, self.private, self.alg, headers={"typ": "dpop+jwt", "jwk": _members(self.private)})

    @classmethod
    def _of(cls, private: object, kid: str = "") -> Key:
        if not isinstance(private, Ed25519PrivateKey) and not (
            isinstance(private, EllipticCurvePrivateKey) and isinstance(private.curve, SECP256R1)
        ):
            raise ValueError("an Ed25519 or P-256 private key expected")
        canonical = json.dumps(_members(private), sort_keys=True, separators=(",", ":")).encode()
        return cls(private, kid or hashlib.sha256(canonical).hexdigest()[:16])


def _members(private: Ed25519PrivateKey | EllipticCurvePrivateKey) -> dict[str, str]:
    """Members of the public JWK that make its thumbprint (RFC 7638)."""
    kind = OKPAlgorithm if isinstance(private, Ed25519PrivateKey) else ECAlgorithm
    whole = kind.to_jwk(private.public_key(), as_dict=True)
    return {name: whole[name] for name in ("crv", "kty", "x", "y") if name in whole}


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
