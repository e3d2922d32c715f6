"""扫码亮证: codes that a signed-in holder shows. They live a minute, count once, and say nothing of license or holder.

A batch verb like `verify`: the API coalesces concurrent calls. Who the holder is, his session says; the caller proves it with his number.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from license_hub.service.content import holder_form, number_form, subject_index
from license_hub.service.hub import Hub
from license_hub.service.list_audit import Entry, record
from license_hub.signing import presentation as codes
from license_hub.signing.commitment import instant
from license_hub.storage import bulk
from license_hub.storage.engine import writing
from license_hub.storage.tables import holder, version
from license_hub.storage.tables_presentations import presentation

KEEP = timedelta(days=1)
"""How long a code's row outlives it: longer than any clock is wrong."""

_later = version.alias("later")
_SHOWABLE = sa.select(version.c.identifier, version.c.entry, holder.c.number_bi).join(holder, holder.c.entry == version.c.entry).where(
    version.c.identifier.in_(sa.bindparam("identifiers", expanding=True)),
    holder.c.number_bi.in_(sa.bindparam("numbers", expanding=True)),
    ~sa.exists().where(_later.c.license_id == version.c.license_id, _later.c.entry > version.c.entry),
)  # fmt: skip
"""Newest versions with their holders. What was erased has no holder's index any more."""


@dataclass(frozen=True)
class Show:
    identifier: str
    holder_number: str
    """Of whoever is signed in, as his session has it."""
    actor: str
    """Who shows, for the audit log: never a number."""
    request_id: str = ""


@dataclass(frozen=True)
class Shown:
    presentation_id: str
    text: str
    """What the QR code holds."""
    expires_at: int
    """Seconds since 1970."""


def present(hub: Hub, shows: Sequence[Show]) -> list[Shown | None]:
    """A code each, in order; None where that holder has no such license now. Raises KeyFault, SigningError."""
    now = hub.now()
    ends = int(now.timestamp()) + hub.presentation_s
    with writing(hub.engine) as connection:
        hub.security.refresh(connection)
        entries = _entries(hub, connection, shows)
        signer = hub.keyring.signer("presentation")
        made = [_make(hub, signer, ends) if entry is not None else None for entry in entries]
        rows = [
            (one.presentation_id, entry, instant(now), instant(now + timedelta(seconds=hub.presentation_s)), None, None, None)
            for one, entry in zip(made, entries, strict=True)
            if one is not None
        ]
        connection.execute(sa.delete(presentation).where(presentation.c.expires_at < instant(now - KEEP)))
        bulk.insert(connection, presentation, rows)
        record(connection, now, [_audited(hub, *one) for one in zip(shows, entries, strict=True)])
    return made


def _make(hub: Hub, signer, ends: int) -> Shown:
    name = hub.entropy(16).hex()
    return Shown(name, codes.make(signer, name, ends), ends)


def _entries(hub: Hub, connection: sa.Connection, shows: Sequence[Show]) -> list[int | None]:
    """The version each shows."""
    asked = [(number_form(one.identifier), hub.crypt.probes("holder", holder_form(one.holder_number))) for one in shows]
    wanted = {"identifiers": _each(one for one, _ in asked), "numbers": _each(index for _, indexes in asked for index in indexes)}
    found = {(row.identifier, bytes(row.number_bi)): row.entry for row in connection.execute(_SHOWABLE, wanted)}
    return [next((found[identifier, one] for one in indexes if (identifier, one) in found), None) for identifier, indexes in asked]


def _each(values: Iterable) -> list:
    return list(set(values))


def _audited(hub: Hub, show: Show, entry: int | None) -> Entry:
    subject = subject_index(hub.crypt, show.holder_number)
    outcome = (None, "SHOWN") if entry is not None else ("REFUSED", "NOT_FOUND")
    return Entry(show.request_id, show.actor, "present", entry, subject, *outcome)
