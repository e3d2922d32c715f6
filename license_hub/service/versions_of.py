"""A license and its versions as staff see them: numbers, states, where each came from; nothing of its holder."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from license_hub.domain.lifecycle import State
from license_hub.domain.lifecycle import current as state_now
from license_hub.service.content import number_form
from license_hub.service.hub import Hub
from license_hub.service.issued_of import Correction, corrections_of
from license_hub.storage.engine import reading
from license_hub.storage.tables import current, license, version
from license_hub.storage.tables_held import held_ticket
from quality import publications


@dataclass(frozen=True)
class Version:
    """`batch`: the checked batch it was issued from; '' where that publication is not known any more."""

    identifier: str
    number: int
    recorded_at: str
    batch: str
    corrections: tuple[Correction, ...]
    """The ticket rows it was issued for."""


@dataclass(frozen=True)
class Made:
    """`waits`: a correction of it waits for the issuing organ's word. `versions`: the newest first."""

    type_id: str
    resource: str
    issuer: str
    status: str
    grade: str
    waits: bool
    versions: tuple[Version, ...]


def versions_of(hub: Hub, identifier: str) -> Made | None:
    """The license of that identifier, whichever of its versions it names; None if there is none."""
    wanted = sa.select(version.c.license_id).where(version.c.identifier == number_form(identifier)).scalar_subquery()
    columns = (version.c.identifier, version.c.version, version.c.publication, version.c.recorded_at)
    with reading(hub.engine, one_state=True) as connection:
        query = sa.select(current, license.c.issuer_code).join(license, license.c.license_id == current.c.license_id)
        now = connection.execute(query.where(current.c.license_id == wanted)).first()
        if now is None:
            return None
        rows = connection.execute(sa.select(*columns).where(version.c.license_id == now.license_id).order_by(version.c.entry.desc())).all()
        waits = connection.scalar(sa.select(sa.exists().where(held_ticket.c.license_id == now.license_id)))
        batches = {number: _batch(connection, now.resource, number) for number in {row.publication for row in rows}}
    corrections = corrections_of(hub, identifier)
    versions = tuple(
        Version(
            row.identifier,
            int(row.version),
            row.recorded_at,
            batches[row.publication],
            tuple(one for one in corrections if one.identifier == row.identifier),
        )
        for row in rows
    )
    days = {name: date.fromisoformat(text) if text else None for name, text in (("valid_from", now.valid_from), ("valid_to", now.valid_to))}
    status = state_now(State(now.state), newest=True, now=hub.now(), **days)
    return Made(now.type_id, now.resource, now.issuer_code, status.value, now.grade, bool(waits), versions)


def issuer_of(hub: Hub, identifier: str) -> str | None:
    """Credit code of the organ that issued it; None if there is no such license."""
    query = sa.select(license.c.issuer_code).join(version, version.c.license_id == license.c.license_id)
    with reading(hub.engine) as connection:
        return connection.execute(query.where(version.c.identifier == number_form(identifier))).scalar()


def _batch(connection: sa.Connection, resource: str, number: int) -> str:
    found = publications.numbered(connection, resource, number)
    return found.batch if found else ""
