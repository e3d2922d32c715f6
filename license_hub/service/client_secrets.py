"""Application secrets of the GB/T 36906 facade: shown once, kept as Argon2id; a new one makes the old one and its tokens dead.

A client has one only where a document allows it the facade's plain token; by default none does (issue 5 §4).
"""

from __future__ import annotations

import base64

import sqlalchemy as sa

from license_hub.errors import AccessError
from license_hub.service.hub import Hub
from license_hub.service.list_audit import Entry, record
from license_hub.service.passwords import hashed
from license_hub.service.register_client import Client, find
from license_hub.storage import epoch
from license_hub.storage.engine import writing
from license_hub.storage.tables import client as clients

ACTION = "client-secret"
BYTES = 32
_DOCUMENT_CHARS = 100


def allow_plain(hub: Hub, client_id: str, document_no: str, operator: str) -> None:
    """From now on the client may have a secret and plain tokens. Raises AccessError."""
    if not document_no.strip() or len(document_no) > _DOCUMENT_CHARS or not document_no.isprintable():
        raise AccessError(f"document: number of the approval, 1 to {_DOCUMENT_CHARS} printable characters")
    _set(hub, client_id, operator, "ALLOWED", plain_token=document_no)


def forbid_plain(hub: Hub, client_id: str, operator: str) -> None:
    """No more: secret and tokens are dead on every worker. Raises AccessError."""
    _set(hub, client_id, operator, "FORBIDDEN", plain_token=None, secret=None)


def new_secret(hub: Hub, client_id: str, operator: str) -> str:
    """The client's only secret from now on; nobody can show it again. Raises AccessError."""
    secret = base64.urlsafe_b64encode(hub.entropy(BYTES)).rstrip(b"=").decode()
    _set(hub, client_id, operator, "MADE", secret=hashed(secret, account=client_id))
    return secret


def _set(hub: Hub, client_id: str, operator: str, code: str, **values: str | None) -> None:
    mine = clients.c.client_id == client_id
    with writing(hub.engine) as connection:
        connection.execute(sa.select(clients.c.client_id).where(mine).with_for_update())
        _check(find(connection, client_id)[1], "secret" in values and "plain_token" not in values)
        connection.execute(sa.update(clients).where(mine).values(values))
        epoch.bump(connection)
        entry = Entry(hub.entropy(16).hex(), f"operator:{operator}", ACTION, None, None, "DONE", code, client_id)
        record(connection, hub.now(), [entry])


def _check(client: Client | None, for_secret: bool) -> None:
    if client is None or client.disabled_at or not client.kid:
        raise AccessError("no client of this id that has a key and is not disabled: see `hub clients list`")
    if for_secret and client.plain_token is None:
        raise AccessError("the plain token is not allowed to this client: `hub clients plain-token` with the number of the approval")
