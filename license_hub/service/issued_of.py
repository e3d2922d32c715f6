"""From a delivered row to its license and back to the tickets: what pages link by, and the list of what waits for an issuing organ."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from license_hub.domain.lifecycle import State
from license_hub.domain.lifecycle import current as state_now
from license_hub.service.content import number_form
from license_hub.service.held_changes import Said
from license_hub.service.hub import Hub
from license_hub.storage.engine import reading
from license_hub.storage.licenses import CHUNK, chunks
from license_hub.storage.tables import attestation, current, held, license, version
from license_hub.storage.tables_held import corrected, held_ticket
from quality.corrected import numbers

HELD = "HELD"
"""As a status: the row is trusted, and no license is made of it yet."""


@dataclass(frozen=True)
class Issued:
    """The license made of a delivered row."""

    identifier: str
    """Of its newest version; '' where the row is on hold and none was made yet."""
    version: int
    status: str
    """A state of `domain.lifecycle`, as it counts today, or HELD."""
    type_id: str
    held: str
    """'' or why the row's newest content is on hold: a reason of `service.decide.Hold`."""


@dataclass(frozen=True)
class Correction:
    """A version and the ticket row it was issued for."""

    identifier: str
    ticket: str
    number: int
    row: int


@dataclass(frozen=True)
class Waiting:
    """Held rows of a ticket that one organ issues. `changes`: those whose license there is already."""

    ticket: str
    number: int
    resource: str
    type_id: str
    organ: str
    rows: int
    changes: int
    refused: int
    since: str


@dataclass(frozen=True)
class Tally:
    """What became of a publication's rows: versions that organs' seals vouch for, and rows on hold now."""

    issued: int
    held: int


def tally(hub: Hub, resource: str, publication: int) -> Tally:
    """Counts alone: each seal over a publication's rows says how many they are."""
    sealed = sa.select(sa.func.coalesce(sa.func.sum(attestation.c.size), 0))
    sealed = sealed.where(attestation.c.resource == resource, attestation.c.publication == publication)
    waiting = sa.select(sa.func.count()).where(held.c.resource == resource, held.c.publication == publication)
    with reading(hub.engine, one_state=True) as connection:
        return Tally(connection.scalar(sealed) or 0, connection.scalar(waiting) or 0)


def issued(hub: Hub, resource: str, keys: Iterable[str]) -> dict[str, Issued]:
    """Row key → the license made of that row, or the hold it is on. Of several types the newest counts. Keys of neither are left out."""
    names = {index: key for key in keys for index in hub.crypt.probes("key", key)}
    holds: dict[str, sa.Row] = {}
    made: dict[str, tuple[int, Issued]] = {}
    now = hub.now()
    with reading(hub.engine, one_state=True) as connection:
        for chunk in chunks(names, CHUNK):
            waiting = sa.select(held.c.key_bi, held.c.type_id, held.c.reason).where(held.c.resource == resource, held.c.key_bi.in_(chunk))
            holds |= {names[bytes(row.key_bi)]: row for row in connection.execute(waiting)}
            query = sa.select(license.c.key_bi, current).join(current, current.c.license_id == license.c.license_id)
            for row in connection.execute(query.where(license.c.resource == resource, license.c.key_bi.in_(chunk))):
                key = names[bytes(row.key_bi)]
                if key not in made or made[key][0] < row.entry:
                    reason = holds[key].reason if key in holds else ""
                    status = state_now(State(row.state), newest=True, valid_from=_day(row.valid_from), valid_to=_day(row.valid_to), now=now)
                    made[key] = (row.entry, Issued(row.identifier, int(row.version), status.value, row.type_id, reason))
    fresh = {key: Issued("", 0, HELD, row.type_id, row.reason) for key, row in holds.items() if key not in made}
    return {key: one for key, (_, one) in made.items()} | fresh


def corrections_of(hub: Hub, identifier: str) -> list[Correction]:
    """The ticket rows for which versions of that license were issued, oldest first."""
    mine = sa.select(version.c.license_id).where(version.c.identifier == number_form(identifier)).scalar_subquery()
    return _corrections(hub, version.c.license_id == mine)


def issued_for(hub: Hub, ticket: str) -> list[Correction]:
    """The versions that were issued for rows of a ticket."""
    return _corrections(hub, corrected.c.ticket == ticket)


def waiting(hub: Hub, ticket: str | None = None, organ: str | None = None) -> list[Waiting]:
    """What waits for an issuing organ's word, of one ticket or one organ or all, the oldest first."""
    asked = {held_ticket.c.ticket: ticket, held_ticket.c.organ: organ}
    count = sa.func.count()
    columns = (held_ticket.c.ticket, held_ticket.c.resource, held_ticket.c.type_id, held_ticket.c.organ)
    same = (held.c.type_id == held_ticket.c.type_id, held.c.resource == held_ticket.c.resource, held.c.key_bi == held_ticket.c.key_bi)
    query = (
        sa.select(
            *columns,
            count.label("rows"),
            sa.func.count(held_ticket.c.license_id).label("changes"),
            count.filter(held_ticket.c.answer == Said.REFUSED).label("refused"),
            sa.func.min(held.c.since).label("since"),
        )
        .join(held, sa.and_(*same))
        .where(held_ticket.c.answer != Said.CONFIRMED, *(column == value for column, value in asked.items() if value))
        .group_by(*columns)
    )
    with reading(hub.engine, one_state=True) as connection:
        rows = connection.execute(query.order_by(sa.literal_column("since"), *columns)).all()
        known = numbers(connection, {row.ticket for row in rows})
    return [Waiting(number=known[row.ticket], **row._mapping) for row in rows]


def _corrections(hub: Hub, where: sa.ColumnElement[bool]) -> list[Correction]:
    query = sa.select(version.c.identifier, corrected.c.ticket, corrected.c.row).join(corrected, corrected.c.entry == version.c.entry)
    with reading(hub.engine, one_state=True) as connection:
        rows = connection.execute(query.where(where).order_by(version.c.entry, corrected.c.ticket)).all()
        known = numbers(connection, {row.ticket for row in rows})
    return [Correction(row.identifier, row.ticket, known[row.ticket], row.row) for row in rows]


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
