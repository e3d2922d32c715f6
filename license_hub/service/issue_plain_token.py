"""Plain tokens of the GB/T 36906 facade: application id and secret in, `accessToken` for ten minutes out.

They are worth what the standard's form allows: whoever has one has it. So they open the facade alone, only for clients a document allows
them to, die with the secret they were made with, and wrong guesses are counted by address before a secret is looked at.
"""

from __future__ import annotations

from license_hub.errors import NotAuthenticated
from license_hub.service.authenticate import PLAIN_LIFE_S, PLAIN_TYPE, plain_audience
from license_hub.service.budgets import check_misses, miss
from license_hub.service.hub import Hub
from license_hub.service.list_audit import Entry, record
from license_hub.service.passwords import agrees
from license_hub.service.register_client import find
from license_hub.signing import jose
from license_hub.storage.engine import reading, writing

CLIENT_ID_CHARS = 64


def issue_plain_token(hub: Hub, client_id: str, secret: str, *, payer: str, request_id: str = "") -> str:
    """Raises NotAuthenticated, which the door records, always with one message; OverBudget; Crowded."""
    check_misses(hub, payer)
    known = client_id.isprintable() and len(client_id) <= CLIENT_ID_CHARS
    with reading(hub.engine) as connection:
        client = find(connection, client_id)[1] if known else None
    right, _ = agrees(secret, client.secret if client is not None and client.credential else None)
    if client is None or not right:
        miss(hub, payer)
        raise NotAuthenticated("unknown application, wrong secret, or none that plain tokens are given to")
    now = hub.now()
    with writing(hub.engine) as connection:
        epoch, again = find(connection, client_id)
        hub.security.seen(connection, epoch)
        if again is None or again.credential != client.credential:
            raise NotAuthenticated("the secret was changed in this moment")
        at = int(now.timestamp())
        claims = {"iss": hub.public_url, "aud": plain_audience(hub), "sub": client_id, "cred": client.credential,
                  "iat": at, "exp": at + PLAIN_LIFE_S, "jti": hub.entropy(16).hex()}  # fmt: skip
        token = jose.make(hub.keyring.signer("token"), PLAIN_TYPE, claims)
        record(connection, now, [Entry(request_id or hub.entropy(16).hex(), client_id, "token", None, None, None, "ISSUED")])
    return token
