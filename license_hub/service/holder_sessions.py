"""Sessions of holders: a secret in a cookie, its hash in the database; number and name encrypted with it, no account."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field

import sqlalchemy as sa

from license_hub.errors import DecryptionError
from license_hub.service.content import holder_form, subject_index
from license_hub.service.hub import Hub
from license_hub.service.staff_sessions import NOTED_S, SECRET_BYTES, Limits, hashed
from license_hub.storage.crypt import NONCE_BYTES
from license_hub.storage.engine import reading, writing
from license_hub.storage.tables_grants import holder_session

TABLE = "hub_holder_session"


@dataclass(frozen=True)
class Person:
    """Whom the identity provider vouched for: a person, or who acts for an organisation of that number."""

    number: str = field(repr=False)
    name: str = field(repr=False)


def open_session(hub: Hub, connection: sa.Connection, person: Person, former: str, limits: Limits) -> str:
    """What the new session's cookie holds. The browser's former one ends; so do old ones."""
    cookie, now = base64.urlsafe_b64encode(hub.entropy(SECRET_BYTES)).rstrip(b"=").decode(), int(hub.clock().timestamp())
    table, name = holder_session.c, hashed(cookie)
    gone = (table.session == hashed(former)) | (table.opened_at < now - limits.absolute) | (table.seen_at < now - limits.idle)
    connection.execute(sa.delete(holder_session).where(gone))
    plain = json.dumps({"number": holder_form(person.number), "name": person.name}, ensure_ascii=False).encode()
    row = {
        "session": name,
        "subject_bi": subject_index(hub.crypt, person.number),
        "payload": hub.crypt.encrypt(TABLE, "payload", name.hex(), plain, hub.entropy(NONCE_BYTES)),
        "opened_at": now,
        "seen_at": now,
    }
    connection.execute(sa.insert(holder_session).values(row))
    return cookie


def look(hub: Hub, cookie: str, limits: Limits) -> Person | None:
    """Whose session it is, if it is one still. Notes its use."""
    if not cookie:
        return None
    now, name = int(hub.clock().timestamp()), hashed(cookie)
    mine = holder_session.c.session == name
    with reading(hub.engine) as connection:
        row = connection.execute(sa.select(holder_session).where(mine)).first()
    if row is None or now - row.seen_at > limits.idle or now - row.opened_at > limits.absolute:
        return None
    try:
        told = json.loads(hub.crypt.decrypt(TABLE, "payload", name.hex(), bytes(row.payload)))
    except DecryptionError:
        # Its key is gone: whoever it was signs in again.
        return None
    if now - row.seen_at >= NOTED_S:
        with writing(hub.engine) as connection:
            connection.execute(sa.update(holder_session).where(mine).values(seen_at=now))
    return Person(**told)


def close_session(connection: sa.Connection, cookie: str) -> None:
    connection.execute(sa.delete(holder_session).where(holder_session.c.session == hashed(cookie)))
