"""What authorising keeps of holders, under new keys (`rekey`) and after erasure (`erase`): authorisations, watched numbers, sessions."""

from __future__ import annotations

import sqlalchemy as sa

from license_hub.service.content import holder_form
from license_hub.service.hub import Hub
from license_hub.signing.commitment import instant
from license_hub.storage.crypt import NONCE_BYTES
from license_hub.storage.engine import writing
from license_hub.storage.tables_grants import authorization, canary, holder_session


def move_authorizations(hub: Hub, _actor: str, step: int) -> int:
    """Indexes and cells to the current keys, some rows a transaction. How many were moved."""
    crypt, moved, last = hub.crypt, 0, ""
    while True:
        with writing(hub.engine) as connection:
            query = sa.select(authorization).where(authorization.c.id > last).order_by(authorization.c.id).limit(step).with_for_update()
            rows = connection.execute(query).all()
            for row in rows:
                values: dict[str, object] = {}
                for name, purpose in (("subject_bi", "subject"), ("code_bi", "use-code")):
                    stored = getattr(row, name)
                    if stored is not None and 1 <= stored[0] < crypt.index_kid:
                        values[name] = crypt.advance(purpose, bytes(stored))
                if row.payload and bytes(row.payload[1:9]) != crypt.kid:
                    plain = crypt.decrypt("hub_authorization", "payload", row.id, bytes(row.payload))
                    values["payload"] = crypt.encrypt("hub_authorization", "payload", row.id, plain, hub.entropy(NONCE_BYTES))
                if values:
                    connection.execute(sa.update(authorization).where(authorization.c.id == row.id).values(values))
                    moved += 1
        if len(rows) < step:
            return moved
        last = rows[-1].id


def move_canaries(hub: Hub, _actor: str, _step: int) -> int:
    """Watched numbers are few: one transaction."""
    moved = 0
    with writing(hub.engine) as connection:
        for stored in connection.execute(sa.select(canary.c.subject_bi)).scalars().all():
            now = hub.crypt.advance("subject", bytes(stored))
            if now != bytes(stored):
                connection.execute(sa.update(canary).where(canary.c.subject_bi == stored).values(subject_bi=now))
                moved += 1
    return moved


def end_sessions(hub: Hub, _actor: str, _step: int) -> int:
    """Sessions under a former key end: they live a day at most, and whoever it was signs in again."""
    with writing(hub.engine) as connection:
        rows = connection.execute(sa.select(holder_session.c.session, holder_session.c.payload)).all()
        old = [row.session for row in rows if bytes(row.payload[1:9]) != hub.crypt.kid]
        if old:
            connection.execute(sa.delete(holder_session).where(holder_session.c.session.in_(old)))
    return len(old)


def forget(hub: Hub, connection: sa.Connection, number: str) -> None:
    """Of an erased holder: who acted for them is emptied, what was given ends, sessions end. That there was an act stays, as in the log."""
    mine = hub.crypt.probes("subject", holder_form(number))
    connection.execute(sa.update(authorization).where(authorization.c.subject_bi.in_(mine)).values(payload=None))
    running = (authorization.c.subject_bi.in_(mine), authorization.c.withdrawn_at.is_(None))
    connection.execute(sa.update(authorization).where(*running).values(withdrawn_at=instant(hub.now())))
    connection.execute(sa.delete(holder_session).where(holder_session.c.subject_bi.in_(mine)))
