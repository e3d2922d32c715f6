"""A department system as the demo plays it: registers its key, gets a token, asks whether a license is valid."""

from __future__ import annotations

import base64
import json
import time
from uuid import uuid4

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm
from sqlalchemy import select

from license_hub.service.hub import Hub
from license_hub.service.register_client import register

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def verify_over_http(hub: Hub, url: str, identifier: str) -> dict:
    """Status, code and milliseconds of one verification, token apart. Raises httpx.HTTPError where the hub refuses."""
    key = Ed25519PrivateKey.generate()
    jwk = json.loads(OKPAlgorithm.to_jwk(key.public_key()))
    client = register(hub, "demo counter", jwk, ["license:verify"], sorted(hub.catalog.license_types))
    now = int(time.time())
    claims = {
        "iss": client.client_id,
        "sub": client.client_id,
        "aud": f"{url}/oauth/token",
        "jti": uuid4().hex,
        "iat": now,
        "exp": now + 60,
    }
    assertion = jwt.encode(claims, key, algorithm="EdDSA", headers={"kid": client.kid, "typ": "client-authentication+jwt"})
    with httpx.Client(base_url=url, timeout=10) as http:
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION,
            "client_assertion": assertion,
            "scope": "license:verify",
        }
        token = http.post("/oauth/token", data=form).raise_for_status().json()["access_token"]
        body = {"identifier": identifier, "purpose": "演示核验", "case_no": "DEMO-0001"}
        began = time.perf_counter()
        answer = http.post("/v1/verifications", json=body, headers={"Authorization": f"Bearer {token}"}).raise_for_status().json()
        milliseconds = round((time.perf_counter() - began) * 1000, 1)
    return {"status": answer["status"], "code": answer["code"], "milliseconds": milliseconds}


def one_in_force(hub: Hub) -> str:
    """Identifier of a license whose source says it is in force."""
    from license_hub.storage.tables import version

    query = select(version.c.identifier).where(version.c.source_status == "IN_FORCE").order_by(version.c.entry).limit(1)
    with hub.engine.connect() as connection:
        return connection.execute(query).scalar_one()


def log_head(hub: Hub) -> dict:
    """Size and root (base64) of the newest checkpoint."""
    from license_hub.storage.tables import checkpoint

    query = select(checkpoint.c.size, checkpoint.c.root).order_by(checkpoint.c.size.desc()).limit(1)
    with hub.engine.connect() as connection:
        size, root = connection.execute(query).one()
    return {"log_size": size, "checkpoint": base64.b64encode(root).decode()}
