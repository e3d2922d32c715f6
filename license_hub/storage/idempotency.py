"""Calls that must not take effect twice: what was asked under a key, and once it is done the answer.

- A key belongs to one client and one route. It is stored as a hash, the body as a keyed fingerprint, the answer encrypted.
- The answer is written in the transaction of the effect: it is there exactly if the effect is, so an unknown commit is settled by
  reading back.
- `intend` waits for a call of the same key that is being committed (PostgreSQL: on the unique key; SQLite: writers queue).

Source: draft-ietf-httpapi-idempotency-key-header; issue 3 §5.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from license_hub.errors import KeyReused
from license_hub.signing.commitment import instant
from license_hub.storage.crypt import Crypt
from license_hub.storage.engine import is_postgres
from license_hub.storage.tables_lifecycle import idempotency

KEPT = timedelta(hours=72)
"""How long a key keeps its answer."""


@dataclass(frozen=True)
class Call:
    """One call as its repeat would look."""

    client_id: str
    route: str
    key_hash: bytes
    body_mac: bytes
    body_macs: tuple[bytes, ...] = ()
    """Every form in which the body's fingerprint may be stored: index keys change."""

    @property
    def place(self) -> str:
        """Its name in the additional data of the answer."""
        return f"{self.client_id}|{self.route}|{self.key_hash.hex()}"

    @property
    def where(self) -> sa.ColumnElement[bool]:
        row = idempotency.c
        return sa.and_(row.client_id == self.client_id, row.route == self.route, row.key_hash == self.key_hash)


@dataclass(frozen=True)
class Intent:
    """What is stored of a call. `answer` None: its effect is not known yet."""

    batch: str | None
    answer: Mapping[str, object] | None


def call_of(crypt: Crypt, client_id: str, route: str, key: str, body: bytes) -> Call:
    """`route` is the template with its path parameters filled in: the same key on another license is another call."""
    macs = crypt.probes("body", hashlib.sha256(body).hexdigest())
    return Call(client_id, route, hashlib.sha256(key.encode()).digest(), macs[0], macs)


def intend(connection: sa.Connection, crypt: Crypt, call: Call, now: datetime, *, batch: str | None = None, type_id: str | None = None):
    """Records the call and returns None, or what is stored of the same one. Raises KeyReused where the key came with another body."""
    expired = sa.delete(idempotency).where(call.where, idempotency.c.expires_at <= instant(now))
    connection.execute(expired)
    row = {
        "client_id": call.client_id,
        "route": call.route,
        "key_hash": call.key_hash,
        "body_mac": call.body_mac,
        "type_id": type_id,
        "batch": batch,
        "http_status": None,
        "answer": None,
        "created_at": instant(now),
        "expires_at": instant(now + KEPT),
    }
    made = _insert(connection).values(row).on_conflict_do_nothing().returning(idempotency.c.client_id)
    if connection.execute(made).first() is not None:
        return None
    return read_back(connection, crypt, call)


def read_back(connection: sa.Connection, crypt: Crypt, call: Call, now: datetime | None = None) -> Intent | None:
    """What is stored of the call; with `now` only while it is kept. Raises KeyReused."""
    query = sa.select(idempotency).where(call.where)
    row = connection.execute(query if now is None else query.where(idempotency.c.expires_at > instant(now))).one_or_none()
    if row is None:
        return None
    if bytes(row.body_mac) not in (call.body_mac, *call.body_macs):
        raise KeyReused("this Idempotency-Key came with another body: take a new key for another request")
    return Intent(row.batch, _opened(crypt, call.place, row.answer))


def complete(connection: sa.Connection, crypt: Crypt, call: Call, http_status: int, answer: Mapping[str, object], nonce: bytes) -> None:
    """The answer, in the transaction of its effect. An answer that is there already stays."""
    data = json.dumps(answer, ensure_ascii=False, sort_keys=True).encode()
    sealed = crypt.encrypt("hub_idempotency", "answer", call.place, data, nonce)
    waiting = sa.update(idempotency).where(call.where, idempotency.c.answer.is_(None))
    connection.execute(waiting.values(http_status=http_status, answer=sealed))


def waiting_for(connection: sa.Connection, batch: str) -> tuple[Call, str] | None:
    """The call that sent a landed batch and has no answer yet, and its license type."""
    row = connection.execute(sa.select(idempotency).where(idempotency.c.batch == batch, idempotency.c.answer.is_(None))).first()
    return (Call(row.client_id, row.route, bytes(row.key_hash), bytes(row.body_mac)), row.type_id) if row else None


def purge(connection: sa.Connection, now: datetime) -> int:
    """Forgets calls past their time; returns how many."""
    return connection.execute(sa.delete(idempotency).where(idempotency.c.expires_at <= instant(now))).rowcount


def _insert(connection: sa.Connection):
    from sqlalchemy.dialects import postgresql, sqlite

    return (postgresql if is_postgres(connection) else sqlite).insert(idempotency)


def _opened(crypt: Crypt, place: str, cell: bytes | None) -> Mapping[str, object] | None:
    return json.loads(crypt.decrypt("hub_idempotency", "answer", place, cell)) if cell is not None else None
