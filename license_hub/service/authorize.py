"""On what a license may be used: called inside the answering transaction, whose commit it holds every row that says yes for.

1. grant          client × license type × purpose, approved, not expired, suspended or ended
2. case           open, the caller's own, and its matter is the purpose
3. duty           the matter says for this type that the organ's duty is enough 依职能用证
4. authorisation  else the holder's word: given on the phone page, at the window, or by a 用证码 for this very license, case and operator

A withdrawal waits for the answers that rely on it and takes its time after them, so no answer bears a later one (T34).
Source: issue 5 §3; standards.md "Modes".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa

from catalogs.matter import DUTY, LicenseWay, Matter, ShareWay
from license_hub.service.content import holder_form
from license_hub.service.hub import Hub
from license_hub.service.keep_grants import UseGrant
from license_hub.signing.commitment import instant
from license_hub.storage.cases import OPEN
from license_hub.storage.tables_cases import case
from license_hub.storage.tables_grants import authorization, use_grant

HOLDER, WINDOW, CODE = "holder", "window", "code"
KINDS = (HOLDER, WINDOW, CODE)
"""Of authorisations, in the order in which they are relied on."""


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
    """duty, holder, window or code."""
    id: str
    """Of the authorisation; of duty the grant's number."""
    until: str
    """Instant at which it ends by itself."""


def basis(
    connection: sa.Connection,
    hub: Hub,
    *,
    client_id: str,
    case_id: int,
    type_id: str,
    subject: str,
    operator: str,
    purpose: str,
    license_id: int | None = None,
) -> Basis | None:
    """`examine`, or None. `connection` is the writing transaction that records the answer."""
    asked = {"client_id": client_id, "case_id": case_id, "type_id": type_id, "operator": operator, "purpose": purpose}
    found = examine(connection, hub, subject=subject, license_id=license_id, **asked)
    return found if isinstance(found, Basis) else None


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
    license_id: int | None = None,
) -> Basis | Denied:
    """The basis, or why there is none. `type_id`: a license type or a resource; `subject`: the holder's number; `purpose`: the matter."""
    # What was looked up before this transaction waited for a lock may be over: the time is that of after.
    grant = grant_of(connection, client_id, type_id, purpose)
    if grant is None:
        return Denied.NO_GRANT
    open_ = _open_case(connection, client_id, case_id, purpose)
    now = instant(hub.now())
    if denied := STANDING.get(grant.standing(now)):
        return denied
    if not open_:
        return Denied.CASE_NOT_OPEN
    if operator and by_duty(hub.catalog.matters.get(purpose), type_id):
        return Basis(DUTY, str(grant.grant_id), grant.valid_until)
    given = _given(connection, hub, client_id, case_id, type_id, subject, operator, purpose, license_id)
    if given is None or given.valid_until <= now:
        return Denied.NEEDS_AUTHORIZATION
    return Basis(given.kind, given.id, min(given.valid_until, grant.valid_until))


def grant_of(connection: sa.Connection, client_id: str, type_id: str, purpose: str) -> UseGrant | None:
    """The grant of those three, whatever its standing; it stays as it is until the transaction ends."""
    mine = (use_grant.c.client_id == client_id, use_grant.c.type_id == type_id, use_grant.c.purpose == purpose)
    row = connection.execute(sa.select(use_grant).where(*mine).with_for_update(read=True)).first()
    return None if row is None else UseGrant(**row._mapping)


def by_duty(matter: Matter | None, type_id: str) -> bool:
    """Whether every place of the matter that names the type or resource asks for duty alone. A place that asks for more decides."""
    if matter is None:
        return False
    said = {one.consent for one in matter.materials if any(type_id in _sources(way) for way in one.ways)}
    said |= {one.consent for field in matter.form for one in field.prefill if one.of == type_id}
    return said == {DUTY}


def _sources(way: object) -> tuple[str, ...]:
    if isinstance(way, LicenseWay):
        return way.types
    return (way.resource,) if isinstance(way, ShareWay) else ()


def _open_case(connection: sa.Connection, client_id: str, case_id: int, purpose: str) -> bool:
    """The case does not close before the transaction ends."""
    query = sa.select(case).where(case.c.case_id == case_id, case.c.client_id == client_id).with_for_update(read=True)
    row = connection.execute(query).first()
    return row is not None and row.state == OPEN and row.matter == purpose


def _given(
    connection: sa.Connection,
    hub: Hub,
    client_id: str,
    case_id: int,
    type_id: str,
    subject: str,
    operator: str,
    purpose: str,
    license_id: int | None,
) -> sa.Row | None:
    """The authorisation to rely on: one that reaches farthest of the first kind there is."""
    mine = authorization.c
    bound = sa.and_(mine.operator == operator, mine.case_id == case_id, mine.license_id == license_id)
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
    rows = connection.execute(query.order_by(mine.id).with_for_update(read=True)).all()
    return min(sorted(rows, key=lambda one: one.valid_until, reverse=True), key=lambda one: KINDS.index(one.kind), default=None)
