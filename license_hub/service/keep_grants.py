"""Use grants: which client may use which license type for which purpose, until when. What no grant allows is refused.

Policy data: given by a document, for a time, suspended and ended by name; every act is in the audit log. A grant that is suspended or
ended in the middle of a call is that call's refusal or comes after it: `authorize` holds the row until its answer is committed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import sqlalchemy as sa

from license_hub.domain.lifecycle import SHANGHAI
from license_hub.errors import AccessError
from license_hub.service.acting import Acting, at_the_command_line
from license_hub.service.hub import Hub
from license_hub.service.list_audit import record
from license_hub.signing.commitment import instant
from license_hub.storage.engine import reading, writing
from license_hub.storage.tables import client
from license_hub.storage.tables_grants import use_grant

LONGEST = timedelta(days=3 * 366)
"""No grant is for ever: whoever needs it longer asks again."""
ACTION = "use-grant"
_DOCUMENT_CHARS = 100


@dataclass(frozen=True)
class UseGrant:
    grant_id: int
    client_id: str
    type_id: str
    """A license type, or a resource."""
    purpose: str
    """Id of a matter."""
    document_no: str
    given_by: str
    given_at: str
    valid_until: str
    """An instant; not valid any more at it."""
    suspended_at: str | None
    ended_at: str | None
    changed_by: str | None = None
    """Who did the last act on it, when and why."""
    changed_at: str | None = None
    reason: str | None = None
    reason_no: str | None = None
    """Number of the document behind it."""

    def standing(self, now: str) -> str:
        """in_force, suspended, ended or expired, at that instant."""
        if self.ended_at is not None:
            return "ended"
        if self.valid_until <= now:
            return "expired"
        return "suspended" if self.suspended_at is not None else "in_force"


def give(hub: Hub, client_id: str, type_id: str, purpose: str, until: date, document_no: str, operator: str | Acting) -> UseGrant:
    """In force until the end of that day in Shanghai. A grant there was for the same three is replaced. Raises AccessError."""
    now = hub.now()
    end = datetime.combine(until + timedelta(days=1), time(), SHANGHAI)
    acting = _acting(operator)
    _check(hub, type_id, purpose, document_no)
    if not now < end <= now + LONGEST:
        raise AccessError(f"until: a day from today on, at most {LONGEST.days} days ahead")
    told = {
        "document_no": document_no,
        "given_by": acting.name,
        "given_at": instant(now),
        "valid_until": instant(end),
        "suspended_at": None,
        "ended_at": None,
        **_grounds(hub, acting),
    }
    triple = {"client_id": client_id, "type_id": type_id, "purpose": purpose}
    mine = sa.and_(*(use_grant.c[name] == value for name, value in triple.items()))
    with writing(hub.engine) as connection:
        # The client's row is the lock under which two who give the same at once take turns.
        if connection.execute(sa.select(client.c.client_id).where(client.c.client_id == client_id).with_for_update()).first() is None:
            raise AccessError("no client has this id; see `hub clients list`")
        if connection.execute(sa.update(use_grant).where(mine).values(told)).rowcount == 0:
            connection.execute(sa.insert(use_grant).values(**triple, **told))
        row = connection.execute(sa.select(use_grant).where(mine)).one()
        _note(hub, connection, acting, "GIVEN", row)
    return UseGrant(**row._mapping)


def suspend(hub: Hub, grant_id: int, operator: str | Acting, *, again: bool = False) -> UseGrant:
    """Nothing is used by it until it is resumed (`again`). Raises AccessError."""
    return _change(hub, grant_id, operator, "suspended_at", None if again else hub.now(), "RESUMED" if again else "SUSPENDED")


def end(hub: Hub, grant_id: int, operator: str | Acting) -> UseGrant:
    """For good; a new one may be given. Raises AccessError."""
    return _change(hub, grant_id, operator, "ended_at", hub.now(), "ENDED")


def grants(hub: Hub, client_id: str | None = None) -> list[UseGrant]:
    """All of them, in the order they were first given."""
    query = sa.select(use_grant).order_by(use_grant.c.grant_id)
    if client_id:
        query = query.where(use_grant.c.client_id == client_id)
    with reading(hub.engine) as connection:
        return [UseGrant(**row._mapping) for row in connection.execute(query)]


def find(hub: Hub, grant_id: int) -> UseGrant | None:
    with reading(hub.engine) as connection:
        row = connection.execute(sa.select(use_grant).where(use_grant.c.grant_id == grant_id)).first()
    return None if row is None else UseGrant(**row._mapping)


def _acting(operator: str | Acting) -> Acting:
    return operator if isinstance(operator, Acting) else at_the_command_line(operator)


def _grounds(hub: Hub, acting: Acting) -> dict[str, str | None]:
    said = {"reason": acting.reason or None, "reason_no": acting.document_no or None}
    return {"changed_by": acting.name, "changed_at": instant(hub.now())} | said


def _change(hub: Hub, grant_id: int, operator: str | Acting, column: str, at: datetime | None, code: str) -> UseGrant:
    acting = _acting(operator).checked(needed=isinstance(operator, Acting))
    mine = use_grant.c.grant_id == grant_id
    with writing(hub.engine) as connection:
        row = connection.execute(sa.select(use_grant).where(mine).with_for_update()).first()
        if row is None:
            raise AccessError("no grant has this number; see `hub grants list`")
        if row.ended_at is not None:
            raise AccessError("this grant was ended; give a new one")
        connection.execute(sa.update(use_grant).where(mine).values({column: at and instant(at)} | _grounds(hub, acting)))
        row = connection.execute(sa.select(use_grant).where(mine)).one()
        _note(hub, connection, acting, code, row)
    return UseGrant(**row._mapping)


def _note(hub: Hub, connection: sa.Connection, acting: Acting, code: str, row: sa.Row) -> None:
    told = f"{row.grant_id} {row.client_id} {row.type_id} {row.purpose}"
    record(connection, hub.now(), [acting.entry(hub, ACTION, code, told)])


def _check(hub: Hub, type_id: str, purpose: str, document_no: str) -> None:
    if type_id not in hub.catalog.license_types and type_id not in hub.catalog.resources:
        raise AccessError(f"type: {type_id[:64]!r} is no license type or resource of the catalogue")
    if purpose not in hub.catalog.matters:
        raise AccessError(f"purpose: {purpose[:64]!r} is no matter of the catalogue")
    if not document_no.strip() or len(document_no) > _DOCUMENT_CHARS or not document_no.isprintable():
        raise AccessError(f"document: number of the approval, 1 to {_DOCUMENT_CHARS} printable characters")
