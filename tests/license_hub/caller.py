"""A calling system for the tests: its own key, its own assertions, requests straight into the ASGI application."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from uuid import uuid4

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def send(app, method: str, path: str, **rest) -> httpx.Response:
    """One request into the application."""

    async def go() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://hub") as client:
            return await client.request(method, path, **rest)

    return asyncio.run(go())


@dataclass
class Key:
    """An Ed25519 key pair of a client."""

    private: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    kid: str = field(default_factory=lambda: uuid4().hex)

    @property
    def jwk(self) -> dict[str, str]:
        return OKPAlgorithm.to_jwk(self.private.public_key(), as_dict=True) | {"kid": self.kid, "alg": "EdDSA", "use": "sig"}

    def assertion(self, client_id: str, audience: str, now: float, **changes: object) -> str:
        """A client assertion (RFC 7523); `changes` replace claims, None takes one away; `header` merges into the header."""
        header = {"kid": self.kid, "typ": "JWT"} | changes.pop("header", {})
        claims = {"iss": client_id, "sub": client_id, "aud": audience, "iat": int(now), "exp": int(now) + 60, "jti": uuid4().hex} | changes
        return jwt.encode({name: one for name, one in claims.items() if one is not None}, self.private, "EdDSA", headers=header)


def token_form(assertion: str, scope: str = "", **changes: str) -> dict[str, str]:
    form = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
    return form | ({"scope": scope} if scope else {}) | changes
