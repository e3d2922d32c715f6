"""`POST /oauth/token`: client_credentials with private_key_jwt (RFC 6749 §4.4, RFC 7523). Errors are OAuth's own, not problems."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from license_hub.errors import JoseRefused, TokenRefused
from license_hub.service.authenticate import jwks
from license_hub.service.issue_token import ASSERTION_TYPES, issue_token
from license_hub.signing import jose

from .access import proof_of
from .patience import in_time
from .serving import refused, request_id, serving

router = APIRouter(tags=["access"])

MAX_CLIENT_CHARS = 64
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class TokenForm(BaseModel):
    """The form, RFC 7523 §2.2. The client is the assertion's `iss` and `sub`; its `aud` is this endpoint or the hub's URL.

    Nothing is required here: what is missing must be answered as an OAuth error, not as a problem.
    """

    grant_type: str = Field(default="", examples=["client_credentials"])
    client_assertion_type: str = Field(default="", examples=["urn:ietf:params:oauth:client-assertion-type:jwt-bearer"])
    client_assertion: str = Field(default="", examples=["eyJhbGciOiJFZERTQSIsImtpZCI6IuKApiJ9.….…"])
    scope: str = Field(default="", examples=["license:verify license:read"])


class TokenOut(BaseModel):
    access_token: str = Field(examples=["eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCJ9.….…"])
    token_type: str = Field(examples=["Bearer"])
    expires_in: int = Field(description="Seconds", examples=[300])
    scope: str = Field(examples=["license:verify license:read"])


class OAuthError(BaseModel):
    error: str = Field(examples=["invalid_client"])
    error_description: str = Field(examples=["the assertion was used before; make a new one with a fresh jti"])


@router.post("/oauth/token", response_model=TokenOut, responses={400: {"model": OAuthError}, 401: {"model": OAuthError}})
async def token(request: Request, form: Annotated[TokenForm, Form()]) -> JSONResponse:
    """An access token for a registered client; bound to the key of its `DPoP` proof (RFC 9449) if it sends one.

    Retrying needs a fresh assertion: each `jti` counts once, so no Idempotency-Key applies.
    """
    hub = serving(request).hub
    if not (form.grant_type and form.client_assertion_type and form.client_assertion):
        return await refusal(request, "invalid_request", "grant_type, client_assertion_type and client_assertion are required, as a form")
    try:
        audiences = (hub.public_url, f"{hub.public_url}/oauth/token")
        given = {"audiences": audiences, "request_id": request_id(request), "proof": proof_of(request)}
        issued = await in_time(issue_token, hub, form.model_dump(), **given)
    except TokenRefused as fault:
        return await refusal(request, fault.error, str(fault), claimed_client(form.client_assertion))
    body = TokenOut(access_token=issued.access_token, token_type=issued.token_type, expires_in=issued.expires_in, scope=issued.scope)
    return JSONResponse(body.model_dump(), headers=NO_STORE)


async def refusal(request: Request, error: str, description: str, claimed: str = "") -> JSONResponse:
    """RFC 6749 §5.2: 401 for a client that could not be authenticated, else 400. Recorded first: no audit, no answer."""
    await refused(request, "token", error, claimed=claimed)
    status = 401 if error == "invalid_client" else 400
    return JSONResponse({"error": error, "error_description": description}, status_code=status, headers=NO_STORE)


def claimed_client(assertion: str) -> str:
    """Whom an unproven assertion names; '' where it cannot be read."""
    try:
        named = jose.read(assertion, types=ASSERTION_TYPES).claims.get("sub", "")
    except JoseRefused:
        return ""
    return named if isinstance(named, str) and len(named) <= MAX_CLIENT_CHARS else ""


JWKS_EXAMPLE = {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKx…", "alg": "EdDSA", "use": "sig", "kid": "8d1b3a6c0f2e4d5a"}]}


@router.get("/.well-known/jwks.json", responses={200: {"content": {"application/json": {"example": JWKS_EXAMPLE}}}})
async def keys(request: Request) -> JSONResponse:
    """Public keys of the hub's tokens (RFC 7517). Cache for five minutes; a new key is listed before it signs."""
    found = await in_time(jwks, serving(request).hub)
    return JSONResponse(found, headers={"Cache-Control": "public, max-age=300"})
