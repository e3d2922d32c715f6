"""Watched numbers: nobody has them, so whoever asks about one guesses, or has seen a list that should not have left.

The caller is answered like for any number that is not there; the alarm is an audit entry, a line at level critical and a metric.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa

from license_hub.errors import AccessError
from license_hub.service.content import holder_form
from license_hub.service.hub import Hub
from license_hub.service.list_audit import Entry, record
from license_hub.signing.commitment import instant
from license_hub.storage import epoch
from license_hub.storage.engine import reading, writing
from license_hub.storage.tables import holder
from license_hub.storage.tables_grants import canary

ACTION, CODE = "alarm", "CANARY"
_NOTE_CHARS = 100

logger = logging.getLogger("hub.canary")


def plant(hub: Hub, numbers: Iterable[str], note: str) -> int:
    """Watches numbers; how many are new. Raises AccessError for one that somebody has."""
    if not note.isprintable() or len(note) > _NOTE_CHARS:
        raise AccessError(f"note: at most {_NOTE_CHARS} printable characters")
    forms = sorted({holder_form(one) for one in numbers if one.strip()})
    made = 0
    with writing(hub.engine) as connection:
        for form in forms:
            if connection.execute(sa.select(holder.c.entry).where(holder.c.number_bi.in_(hub.crypt.probes("holder", form)))).first():
                raise AccessError("one of these numbers holds a license: watch numbers that nobody has")
            if connection.execute(sa.select(canary).where(canary.c.subject_bi.in_(hub.crypt.probes("subject", form)))).first():
                continue
            row = {"subject_bi": hub.crypt.blind_index("subject", form), "note": note, "planted_at": instant(hub.now())}
            connection.execute(sa.insert(canary).values(row))
            made += 1
        epoch.bump(connection)
    return made


def count(hub: Hub) -> int:
    with reading(hub.engine) as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(canary))


def recorded(hub: Hub, connection: sa.Connection, now: datetime, entries: Sequence[Entry]) -> None:
    """Looks and refusals that are about somebody, on record with the alarms they set off."""
    record(connection, now, [*entries, *alarms(hub, connection, entries)])


def alarms(hub: Hub, connection: sa.Connection, entries: Sequence[Entry]) -> list[Entry]:
    """An entry more for each that is about a watched number; said aloud at once, whatever becomes of the transaction."""
    watched = hub.watch.known(hub, connection)
    found = [one for one in entries if one.subject_bi is not None and bytes(one.subject_bi) in watched] if watched else []
    for one in found:
        hub.watch.alarms += 1
        logger.critical("canary: a number nobody has was asked about", extra={"actor": one.actor, "action": one.action})
    return [one._replace(action=ACTION, status="DONE", code=CODE, purpose=one.action) for one in found]
