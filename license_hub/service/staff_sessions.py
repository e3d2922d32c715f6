"""Sessions of people: a secret in a cookie, its hash in the database, gone when idle, when old, when the account changes.

The CSRF token of a session is made from the same secret, so it needs no column and ends with it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass

import sqlalchemy as sa

from license_hub.service.hub import Hub
from license_hub.service.keep_accounts import Account, told
from license_hub.storage.engine import reading, writing
from license_hub.storage.tables_staff import account, session

SECRET_BYTES = 32
NOTED_S = 60
"""A session's last use is written down at most this often: a page view is no write."""


@dataclass(frozen=True)
class Limits:
    """Seconds a session lives: without use, and in all."""

    idle: int = 1800
    absolute: int = 36_000


def open_session(hub: Hub, connection: sa.Connection, name: str, former: str = "", limits: Limits = Limits()) -> str:
    """A new session of that account: what its cookie holds. The session the browser had before, `former`, ends; so do old ones."""
    cookie, now = base64.urlsafe_b64encode(hub.entropy(SECRET_BYTES)).rstrip(b"=").decode(), int(hub.clock().timestamp())
    gone = (session.c.session == hashed(former)) | (session.c.opened_at < now - limits.absolute) | (session.c.seen_at < now - limits.idle)
    connection.execute(sa.delete(session).where(gone))
    connection.execute(sa.insert(session).values(session=hashed(cookie), account=name, opened_at=now, seen_at=now))
    return cookie


def look(hub: Hub, cookie: str, limits: Limits) -> Account | None:
    """Whose session it is, if it is one still. Notes its use."""
    if not cookie:
        return None
    now, mine = int(hub.clock().timestamp()), session.c.session == hashed(cookie)
    query = sa.select(account, session.c.opened_at, session.c.seen_at).join(session, session.c.account == account.c.account).where(mine)
    with reading(hub.engine) as connection:
        row = connection.execute(query).first()
    if row is None or row.disabled_at or now - row.seen_at > limits.idle or now - row.opened_at > limits.absolute:
        return None
    if now - row.seen_at >= NOTED_S:
        with writing(hub.engine) as connection:
            connection.execute(sa.update(session).where(mine).values(seen_at=now))
    return told(row)


def close_session(connection: sa.Connection, cookie: str) -> None:
    connection.execute(sa.delete(session).where(session.c.session == hashed(cookie)))


def hashed(cookie: str) -> bytes:
    return hashlib.sha256(cookie.encode()).digest()


def csrf_secret(cookie: str) -> bytes:
    """What forms of this session must carry, 32 bytes."""
    return hmac.digest(cookie.encode(), b"csrf", "sha256")
