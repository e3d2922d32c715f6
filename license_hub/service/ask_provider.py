"""OpenID Connect: the authorization code flow with PKCE, state and nonce (OpenID Connect Core 1.0 §3.1, RFC 7636, RFC 9207).

- One secret in a cookie of the browser stands for the attempt: state, nonce and PKCE verifier are made from it, so the server keeps
  nothing, and a code that another browser obtained opens nothing here.
- The ID token is accepted under an asymmetric key of the provider's set, from this issuer, for this client, with this nonce.
"""

from __future__ import annotations

import base64
import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx
from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from license_hub.errors import ProviderRefused
from license_hub.outbound import authorities

DISCOVERY = "/.well-known/openid-configuration"
ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"})
"""Asymmetric alone: a client's secret signs nobody in."""
TIMEOUT_S = 5.0
KEPT_S = 600
"""How long what the provider publishes of itself is not asked for again."""
LEEWAY_S = 60
LONGEST_BODY = 512 * 1024


@dataclass(frozen=True)
class ProviderOptions:
    """How the provider knows us, and where its claims say what a person may do."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    scopes: str = "openid profile"
    name_claim: str = "name"
    roles_claim: str = "roles"
    roles: Mapping[str, str] = field(default_factory=dict)
    """The provider's word → our role; a word that is not here grants nothing."""
    body_claim: str = "body"


@dataclass(frozen=True)
class Attempt:
    """One sign-in under way; everything is made from the secret that the browser keeps."""

    secret: str

    @property
    def state(self) -> str:
        return self._made("state")

    @property
    def nonce(self) -> str:
        return self._made("nonce")

    @property
    def verifier(self) -> str:
        return self._made("verifier")

    def _made(self, what: str) -> str:
        return base64.urlsafe_b64encode(hmac.digest(self.secret.encode(), what.encode(), "sha256")).rstrip(b"=").decode()


class Provider:
    """The provider as this process knows it."""

    def __init__(self, options: ProviderOptions, back: str, clock: Callable[[], datetime]):
        self.options = options
        self._back = back
        """Our address the provider sends people back to."""
        self._clock = clock
        self._kept: dict[str, tuple[float, Any]] = {}

    def start(self, attempt: Attempt) -> str:
        """Where to send the browser. Raises ProviderRefused if the provider does not answer as one."""
        return add_params_to_uri(
            self._metadata()["authorization_endpoint"],
            {
                "response_type": "code",
                "client_id": self.options.client_id,
                "redirect_uri": self._back,
                "scope": self.options.scopes,
                "state": attempt.state,
                "nonce": attempt.nonce,
                "code_challenge": create_s256_code_challenge(attempt.verifier),
                "code_challenge_method": "S256",
            },
        )

    def finish(self, attempt: Attempt, answer: Mapping[str, str]) -> Mapping[str, Any]:
        """The person's claims, from what the browser brought back. Raises ProviderRefused, never with a value of the answer."""
        if not hmac.compare_digest(answer.get("state", "").encode(), attempt.state.encode()):
            raise ProviderRefused("state is not this browser's")
        if answer.get("iss", self.options.issuer) != self.options.issuer:
            raise ProviderRefused("iss is not the configured issuer")
        if "error" in answer or not answer.get("code"):
            raise ProviderRefused("the provider gave no code")
        metadata = self._metadata()
        form = {"grant_type": "authorization_code", "code": answer["code"], "redirect_uri": self._back, "code_verifier": attempt.verifier}
        tokens = self._ask("POST", metadata["token_endpoint"], data=form, auth=(self.options.client_id, self.options.client_secret))
        if not isinstance(tokens.get("id_token"), str):
            raise ProviderRefused("the provider gave no ID token")
        return self._claims(metadata, tokens, attempt.nonce)

    def _claims(self, metadata: Mapping[str, Any], tokens: Mapping[str, Any], nonce: str) -> Mapping[str, Any]:
        known = ALGORITHMS & set(metadata.get("id_token_signing_alg_values_supported", ALGORITHMS))
        registry = JWSRegistry(algorithms=sorted(known), strict_check_header=False)
        options = {"iss": {"essential": True, "value": self.options.issuer}, "aud": {"essential": True, "value": self.options.client_id}}
        given = {"nonce": nonce, "client_id": self.options.client_id, "access_token": tokens.get("access_token")}
        try:
            try:
                token = jwt.decode(tokens["id_token"], key=self._keys(metadata), registry=registry)
            except InvalidKeyIdError:
                # The provider may have turned its keys since we looked.
                token = jwt.decode(tokens["id_token"], key=self._keys(metadata, anew=True), registry=registry)
            claims = CodeIDToken(token.claims, token.header, options, given)
            claims.validate(now=int(self._clock().timestamp()), leeway=LEEWAY_S)
        except (JoseError, ValueError, TypeError, KeyError) as fault:
            raise ProviderRefused(f"the ID token does not hold: {type(fault).__name__}") from None
        return claims

    def _metadata(self) -> Mapping[str, Any]:
        found = self._published(self.options.issuer.rstrip("/") + DISCOVERY)
        names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        if found.get("issuer") != self.options.issuer or not all(isinstance(found.get(name), str) for name in names):
            raise ProviderRefused("what the provider publishes of itself is not of the configured issuer")
        return found

    def _keys(self, metadata: Mapping[str, Any], anew: bool = False) -> KeySet:
        return KeySet.import_key_set(self._published(metadata["jwks_uri"], anew))

    def _published(self, address: str, anew: bool = False) -> Mapping[str, Any]:
        kept = self._kept.get(address)
        if kept is None or anew or time.monotonic() > kept[0] + KEPT_S:
            kept = self._kept[address] = time.monotonic(), self._ask("GET", address)
        return kept[1]

    def _ask(self, method: str, address: str, **rest: Any) -> Mapping[str, Any]:
        """A JSON object from the provider. Raises ProviderRefused."""
        try:
            with httpx.Client(verify=authorities(), timeout=TIMEOUT_S) as client, client.stream(method, address, **rest) as answer:
                body = b""
                for part in answer.iter_bytes():
                    body += part
                    if len(body) > LONGEST_BODY:
                        raise ProviderRefused("the provider's answer is too long")
                if answer.status_code != httpx.codes.OK:
                    raise ProviderRefused(f"the provider answered {answer.status_code}")
                found = httpx.Response(200, content=body).json()
        except (httpx.HTTPError, ValueError) as fault:
            raise ProviderRefused(f"the provider cannot be asked: {type(fault).__name__}") from None
        if not isinstance(found, dict):
            raise ProviderRefused("the provider's answer is not an object")
        return found


def claim(claims: Mapping[str, Any], path: str) -> Any:
    """A claim by its name, or by names with full stops between for one inside another; None if it is not there."""
    found: Any = claims
    if path in claims:
        return claims[path]
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found
