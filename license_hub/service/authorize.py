"""On what a license may be used: called inside the answering transaction, whose commit it holds every row that says yes for.

1. grant          client × license type × purpose, approved, not expired, suspended or ended
2. case           open, the caller's own, and its matter is the purpose
3. duty           the matter says for this type that the organ's duty is enough 依职能用证
4. authorisation  else the holder's word: given on the phone page, at the window, by a 用证码 for this very license, case and operator,
                  or by a code shown to this client on this case lately 扫码亮证

A withdrawal waits for the answers that rely on it and takes its time after them, so no answer bears a later one (T34).
Source: issue 5 §3; standards.md "Modes".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa

from catalogs.matter import DUTY, LicenseWay, Matter, ShareWay
from license_hub.service.content import holder_form
from license_hub.service.hub import Hub
from license_hub.service.keep_grants import UseGrant
from license_hub.signing.commitment import instant
from license_hub.storage.cases import OPEN, Case
from license_hub.storage.tables import holder, version
from license_hub.storage.tables_cases import case
from license_hub.storage.tables_grants import authorization, use_grant
from license_hub.storage.tables_presentations import presentation

HOLDER, WINDOW, CODE, SHOWN = "holder", "window", "code", "shown"
KINDS = (HOLDER, WINDOW, CODE)
"""Of authorisations, in the order in which they are relied on; what was merely shown comes last."""
SHOWN_FOR = timedelta(minutes=30)
"""How long what was shown at a counter may be used on the case."""


class Denied(StrEnum):
    """Why there is no basis. For the caller's own administrators and authorised callers, never for others (T10)."""

    NO_GRANT = "NO_GRANT"
    GRANT_SUSPENDED = "GRANT_SUSPENDED"
    GRANT_EXPIRED = "GRANT_EXPIRED"
    CASE_NOT_OPEN = "CASE_NOT_OPEN"
    NEEDS_AUTHORIZATION = "NEEDS_AUTHORIZATION"


STANDING = {"ended": Denied.NO_GRANT, "expired": Denied.GRANT_EXPIRED, "suspended": Denied.GRANT_SUSPENDED}


@dataclass(frozen=True)
class Basis:
    """On what a license is used."""

    kind: str
    """duty, holder, window, code or shown."""
    id: str
    """Of the authorisation or the shown code; of duty the grant's number."""
    until: str
    """Instant at which it ends by itself."""
    licenses: frozenset[int] | None = None
    """Ids of the licenses it is for; None = all of the type."""


@dataclass(frozen=True)
class Held:
    """What the transaction holds already: the caller's own open case, and the client's grants for its matter by type."""

    case: Case
    grants: Mapping[str, UseGrant]


def examine(
    connection: sa.Connection,
    hub: Hub,
    *,
    client_id: str,
    case_id: int,
    type_id: str,
    subject: str,
    operator: str,
    purpose: str,
    held: Held | None = None,
) -> Basis | Denied:
    """The basis, or why there is none. `type_id`: a license type or a resource; `subject`: the holder's number; `purpose`: the matter.

    `connection` is the writing transaction that records the answer.
    """
    # What was looked up before this transaction waited for a lock may be over: the time is that of after.
    grant = held.grants.get(type_id) if held else grant_of(connection, client_id, type_id, purpose)
    if grant is None:
        return Denied.NO_GRANT
    found = held.case if held else _open_case(connection, client_id, case_id, purpose)
    now = instant(hub.now())
    if denied := STANDING.get(grant.standing(now)):
        return denied
    if found is None:
        return Denied.CASE_NOT_OPEN
    if operator and by_duty(hub.catalog.matter_version(purpose, found.matter_version), type_id):
        return Basis(DUTY, str(grant.grant_id), grant.valid_until)
    given = _given(connection, hub, client_id, case_id, type_id, subject, operator, purpose)
    # Those rows are held since now, and not since the grant was.
    now = instant(hub.now())
    if denied := STANDING.get(grant.standing(now)):
        return denied
    live = sorted((one for one in given if one.valid_until > now), key=lambda one: one.valid_until, reverse=True)
    best = min(live, key=lambda one: KINDS.index(one.kind), default=None)
    if best is not None and best.kind != CODE:
        return Basis(best.kind, best.id, min(best.valid_until, grant.valid_until))
    named = {one.license_id: Basis(CODE, one.id, one.valid_until) for one in reversed(live)}
    named = _shown(connection, hub, client_id, case_id, type_id, subject) | named
    if not named:
        return Denied.NEEDS_AUTHORIZATION
    best = max(named.values(), key=lambda one: (one.kind == CODE, one.until))
    return Basis(best.kind, best.id, min(best.until, grant.valid_until), frozenset(named))


def grant_of(connection: sa.Connection, client_id: str, type_id: str, purpose: str) -> UseGrant | None:
    """The grant of those three, whatever its standing; it stays as it is until the transaction ends."""
    mine = (use_grant.c.client_id == client_id, use_grant.c.type_id == type_id, use_grant.c.purpose == purpose)
    row = connection.execute(sa.select(use_grant).where(*mine).with_for_update(read=True)).first()
    return None if row is None else UseGrant(**row._mapping)


def grants_of(connection: sa.Connection, client_id: str, purpose: str) -> dict[str, UseGrant]:
    """All grants of a client for a matter, by type, whatever their standing; they stay as they are until the transaction ends."""
    query = sa.select(use_grant).where(use_grant.c.client_id == client_id, use_grant.c.purpose == purpose)
    rows = connection.execute(query.order_by(use_grant.c.grant_id).with_for_update(read=True))
    return {row.type_id: UseGrant(**row._mapping) for row in rows}


def by_duty(matter: Matter, type_id: str) -> bool:
    """Whether every place of the matter that names the type or resource asks for duty alone. A place that asks for more decides."""
    said = {one.consent for one in matter.materials if any(type_id in _sources(way) for way in one.ways)}
    said |= {one.consent for field in matter.form for one in field.prefill if one.of == type_id}
    return said == {DUTY}


def _sources(way: object) -> tuple[str, ...]:
    if isinstance(way, LicenseWay):
        return way.types
    return (way.resource,) if isinstance(way, ShareWay) else ()


def _open_case(connection: sa.Connection, client_id: str, case_id: int, purpose: str) -> sa.Row | None:
    """The case, if it is open; it does not close before the transaction ends."""
    query = sa.select(case).where(case.c.case_id == case_id, case.c.client_id == client_id).with_for_update(read=True)
    row = connection.execute(query).first()
    return row if row is not None and row.state == OPEN and row.matter == purpose else None


def _given(
    connection: sa.Connection,
    hub: Hub,
    client_id: str,
    case_id: int,
    type_id: str,
    subject: str,
    operator: str,
    purpose: str,
) -> list[sa.Row]:
    """The authorisations that were given and not taken back; a code's is for its own case and operator alone."""
    mine = authorization.c
    bound = sa.and_(mine.operator == operator, mine.case_id == case_id)
    query = sa.select(authorization).where(
        mine.subject_bi.in_(hub.crypt.probes("subject", holder_form(subject))),
        mine.client_id == client_id,
        mine.type_id == type_id,
        mine.purpose == purpose,
        mine.case_id.is_(None) | (mine.case_id == case_id),
        mine.given_at.is_not(None),
        mine.withdrawn_at.is_(None),
        mine.declined_at.is_(None),
        (mine.kind != CODE) | bound,
    )
    return list(connection.execute(query.order_by(mine.id).with_for_update(read=True)))


def _shown(connection: sa.Connection, hub: Hub, client_id: str, case_id: int, type_id: str, subject: str) -> dict[int, Basis]:
    """License → the code with which that holder showed it to the client on the case, the newest."""
    now = hub.now()
    query = (
        sa.select(version.c.license_id, presentation.c.presentation_id, presentation.c.scanned_at)
        .join(case, sa.and_(case.c.client_id == presentation.c.scanner, case.c.case_no == presentation.c.case_no))
        .join(version, version.c.entry == presentation.c.entry)
        .join(holder, holder.c.entry == version.c.entry)
        .where(
            case.c.case_id == case_id,
            presentation.c.scanner == client_id,
            presentation.c.scanned_at > instant(now - SHOWN_FOR),
            version.c.type_id == type_id,
            holder.c.number_bi.in_(hub.crypt.probes("holder", holder_form(subject))),
        )
        .order_by(presentation.c.scanned_at)
    )
    rows = connection.execute(query)
    return {row.license_id: Basis(SHOWN, row.presentation_id, instant(datetime.fromisoformat(row.scanned_at) + SHOWN_FOR)) for row in rows}
