"""A small OpenID Connect provider for the tests, a real server on 127.0.0.1: codes, PKCE, client secret, signed ID tokens.

It keeps the rules a provider keeps; a test says who signs in (`claims`) and may spoil one token (`spoil`).
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey

CLIENT_ID, CLIENT_SECRET = "hub", "a secret of the sample provider"
Spoil = Callable[[dict, dict], str | None]
"""(header, claims), changed in place, or the whole token as text instead."""


@dataclass
class IdentityProvider:
    url: str = ""
    claims: dict = field(default_factory=dict)
    spoil: Spoil | None = None
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", parameters={"kid": "first", "use": "sig"}))
    codes: dict[str, dict] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    """Paths, in the order of the requests."""

    def turn_key(self) -> None:
        self.key = ECKey.generate_key("P-256", parameters={"kid": secrets.token_hex(4), "use": "sig"})

    def authorize(self, given: dict[str, str]) -> str:
        """The person signed in: back to the client, with a code."""
        code = secrets.token_urlsafe(16)
        self.codes[code] = given
        return given["redirect_uri"] + "?" + urlencode({"code": code, "state": given["state"], "iss": self.url})

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, dict]:
        expected = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if authorization != f"Basic {expected}":
            return 401, {"error": "invalid_client"}
        given = self.codes.pop(form.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest()).rstrip(b"=").decode()
        if given is None or given["redirect_uri"] != form["redirect_uri"] or given.get("code_challenge") != challenge:
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT_ID, "iat": now, "exp": now + 60, "nonce": given["nonce"]} | self.claims
        header = {"alg": "ES256", "kid": self.key.kid}
        whole = self.spoil(header, claims) if self.spoil else None
        signed = whole or jwt.encode(header, claims, self.key, algorithms=["ES256"])
        return 200, {"access_token": secrets.token_urlsafe(8), "token_type": "Bearer", "id_token": signed}

    def published(self) -> dict:
        paths = {"authorization_endpoint": "/authorize", "token_endpoint": "/token", "jwks_uri": "/jwks"}
        return {"issuer": self.url, "id_token_signing_alg_values_supported": ["ES256"]} | {
            name: self.url + path for name, path in paths.items()
        }


@contextmanager
def running() -> Iterator[IdentityProvider]:
    provider = IdentityProvider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            provider.asked.append(parts.path)
            if parts.path == "/authorize":
                self.send_response(302)
                self.send_header("Location", provider.authorize({name: one[0] for name, one in parse_qs(parts.query).items()}))
                self.end_headers()
            elif parts.path == "/jwks":
                self.answer(200, {"keys": [provider.key.as_dict(private=False)]})
            elif parts.path == "/.well-known/openid-configuration":
                self.answer(200, provider.published())
            else:
                self.answer(404, {})

        def do_POST(self) -> None:
            provider.asked.append(self.path)
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            found = {name: one[0] for name, one in form.items()}
            self.answer(*provider.token(found, self.headers.get("Authorization", "")))

        def answer(self, status: int, value: dict) -> None:
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
