"""A desk client's cases as its staff look at them: lists, and how the authorisations of one case stand. Nothing of a license is opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from catalogs.masking import Mask, masked
from license_hub.service.authenticate import Principal
from license_hub.service.consent import Told, told
from license_hub.service.content import holder_form
from license_hub.service.hub import Hub
from license_hub.signing.commitment import instant
from license_hub.storage import cases
from license_hub.storage.cases import Case
from license_hub.storage.engine import reading
from license_hub.storage.tables_cases import case, task
from license_hub.storage.tables_grants import authorization

MOST = 100


@dataclass(frozen=True)
class Listed:
    case_id: int
    case_no: str
    matter: str
    state: str
    result: str | None
    operator: str
    opened_at: str
    who: str
    """The parties' names, masked."""
    waiting: int
    """Requests that wait for a holder's answer."""


@dataclass(frozen=True)
class Word:
    """An authorisation of a case. `party`: whose."""

    party: str
    told: Told


@dataclass(frozen=True)
class Places:
    """What the last case of an operator says of where it was: what the next one probably has."""

    window: str
    received_in: str
    handled_in: str


def listed(hub: Hub, principal: Principal, *, operator: str = "", state: str = cases.OPEN) -> list[Listed]:
    """The newest first. `operator`: of that account alone."""
    query = sa.select(case.c.case_id).where(case.c.client_id == principal.client_id, case.c.state == state)
    if operator:
        query = query.where(case.c.operator == operator)
    with reading(hub.engine, one_state=True) as connection:
        found = cases.read(connection, hub.crypt, connection.execute(query.order_by(case.c.case_id.desc()).limit(MOST)).scalars().all())
        waiting = _waiting(hub, connection, list(found))
    return [_listed(one, waiting.get(one.case_id, 0)) for one in sorted(found.values(), key=lambda one: -one.case_id)]


def numbered(hub: Hub, principal: Principal, case_no: str) -> int | None:
    """Id of the own case of that number."""
    with reading(hub.engine) as connection:
        return cases.numbered(connection, principal.client_id, case_no.strip())


def last_places(hub: Hub, principal: Principal, operator: str) -> Places | None:
    mine = (case.c.client_id == principal.client_id, case.c.operator == operator)
    query = sa.select(case.c.window, case.c.received_in, case.c.handled_in).where(*mine).order_by(case.c.case_id.desc()).limit(1)
    with reading(hub.engine) as connection:
        row = connection.execute(query).first()
    return Places(*row) if row else None


def words(hub: Hub, principal: Principal, about: Case) -> list[Word]:
    """Authorisations that count for the case, whatever their state, the newest first: its own, and those for all cases of its matter."""
    parties = {index: one.party for one in about.parties.values() for index in hub.crypt.probes("subject", holder_form(one.number))}
    one = authorization.c
    query = sa.select(authorization).where(
        one.client_id == principal.client_id,
        one.purpose == about.matter,
        one.subject_bi.in_(list(parties)),
        one.case_id.is_(None) | (one.case_id == about.case_id),
    )
    with reading(hub.engine) as connection:
        rows = connection.execute(query.order_by(one.asked_at.desc(), one.id)).all()
    now = instant(hub.now())
    return [Word(parties[bytes(row.subject_bi)], told(row, now)) for row in rows]


def answered(hub: Hub, case_id: int) -> frozenset[str]:
    """Materials of the case whose issuing body has answered."""
    query = sa.select(task.c.material).where(task.c.case_id == case_id, task.c.answer.is_not(None))
    with reading(hub.engine) as connection:
        return frozenset(connection.execute(query).scalars())


def ago(hub: Hub, seconds: int) -> str:
    """The instant so long before now, as rows have it."""
    return instant(hub.now() - timedelta(seconds=seconds))


def _waiting(hub: Hub, connection: sa.Connection, case_ids: list[int]) -> Mapping[int, int]:
    one = authorization.c
    waits = (one.given_at.is_(None), one.declined_at.is_(None), one.withdrawn_at.is_(None), one.valid_until > instant(hub.now()))
    query = sa.select(one.case_id, sa.func.count().label("many")).where(one.case_id.in_(case_ids), *waits).group_by(one.case_id)
    return {row.case_id: row.many for row in connection.execute(query)}


def _listed(one: Case, waiting: int) -> Listed:
    who = "、".join(masked(party.name, Mask.NAME) for party in one.parties.values())
    return Listed(one.case_id, one.case_no, one.matter, one.state, one.result, one.operator, one.opened_at, who, waiting)
