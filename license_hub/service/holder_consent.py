"""What the holder does with authorisations: answer a request, set an end, withdraw. Acts are on record as the holder's own.

A withdrawal locks the row, which waits for every answer that relies on it, and only then takes its time: no answer bears a later one (T34).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from license_hub.errors import ConsentRefused
from license_hub.service.consent import CASE_LONG, LONGEST, note, state_of, told
from license_hub.service.content import holder_form
from license_hub.service.hub import Hub
from license_hub.signing.commitment import instant
from license_hub.storage.engine import reading, writing
from license_hub.storage.tables import client
from license_hub.storage.tables_cases import case
from license_hub.storage.tables_grants import authorization

ACTOR = "holder"
"""Whose act it was: the subject's index says which holder's."""
MOST = 200


@dataclass(frozen=True)
class Given:
    """An authorisation as its holder sees it."""

    id: str
    state: str
    kind: str
    client: str
    """Name of the calling system; '' where a code was not used yet."""
    type_id: str
    purpose: str
    operator: str
    case_no: str
    """'' where it holds for more than one case."""
    asked_at: str
    until: str


def mine(hub: Hub, number: str) -> list[Given]:
    """The holder's, those that wait for an answer first, then the newest first; what stands is never cut off by what is over."""
    now, one = instant(hub.now()), authorization.c
    over = one.withdrawn_at.is_not(None) | one.declined_at.is_not(None) | (one.valid_until <= now)
    query = (
        sa.select(authorization, client.c.name.label("client_name"), case.c.case_no)
        .outerjoin(client, client.c.client_id == authorization.c.client_id)
        .outerjoin(case, case.c.case_id == authorization.c.case_id)
        .where(_of(hub, number))
        .order_by(sa.case((over, 1), else_=0), one.asked_at.desc(), one.id)
        .limit(MOST)
    )
    with reading(hub.engine) as connection:
        found = [_given(row, now) for row in connection.execute(query)]
    return sorted(found, key=lambda one: one.state != "asked")


def _given(row: sa.Row, now: str) -> Given:
    told = (row.kind, row.client_name or "", row.type_id, row.purpose, row.operator or "", row.case_no or "", row.asked_at, row.valid_until)
    return Given(row.id, state_of(row, now), *told)


def answer(hub: Hub, number: str, name: str, *, yes: bool, days: int = 0, request_id: str = "") -> Mapping[str, object]:
    """Yes or no to a request that waits. `days` 0: for its case alone; else for the client's cases of that matter for so many days.

    Raises ConsentRefused: there is no such request of this holder, it was answered or its time is over; or `days` is out of bounds.
    """
    if not 0 <= days <= LONGEST.days:
        raise ConsentRefused("/days", "range", f"0 to {LONGEST.days}")
    with writing(hub.engine) as connection:
        row = _locked(hub, connection, number, name)
        now = hub.now()
        if row is None or state_of(row, instant(now)) != "asked":
            raise ConsentRefused("/id", "waits", "no request of that name waits for an answer")
        values: dict[str, object] = {"declined_at": instant(now)}
        if yes:
            values = {"given_at": instant(now), "valid_until": instant(now + (timedelta(days=days) if days else CASE_LONG))}
            values |= {"case_id": None} if days else {}
        return _change(hub, connection, row, values, "GIVEN" if yes else "DECLINED", request_id, now)


def limit(hub: Hub, number: str, name: str, days: int, request_id: str = "") -> Mapping[str, object]:
    """An earlier end for what was given: so many days from now. Never a later one. Raises ConsentRefused."""
    with writing(hub.engine) as connection:
        row = _locked(hub, connection, number, name)
        now = hub.now()
        if row is None or state_of(row, instant(now)) != "given":
            raise ConsentRefused("/id", "given", "no authorisation of that name is in force")
        until = instant(now + timedelta(days=max(days, 0)))
        if until >= row.valid_until:
            raise ConsentRefused("/days", "range", "an end before the one it has")
        return _change(hub, connection, row, {"valid_until": until}, "LIMITED", request_id, now)


def withdraw(hub: Hub, number: str, name: str, request_id: str = "") -> Mapping[str, object]:
    """No answer relies on it from now on. Again changes nothing. Raises ConsentRefused for a name that is not this holder's."""
    with writing(hub.engine) as connection:
        row = _locked(hub, connection, number, name)
        if row is None:
            raise ConsentRefused("/id", "exists", "no authorisation of that name")
        now = hub.now()
        if row.withdrawn_at is not None:
            return told(row, instant(now))
        return _change(hub, connection, row, {"withdrawn_at": instant(now)}, "WITHDRAWN", request_id, now)


def _of(hub: Hub, number: str) -> sa.ColumnElement[bool]:
    return authorization.c.subject_bi.in_(hub.crypt.probes("subject", holder_form(number)))


def _locked(hub: Hub, connection: sa.Connection, number: str, name: str) -> sa.Row | None:
    return connection.execute(sa.select(authorization).where(authorization.c.id == name, _of(hub, number)).with_for_update()).first()


def _change(
    hub: Hub, connection: sa.Connection, row: sa.Row, values: Mapping[str, object], code: str, request_id: str, now: datetime
) -> Mapping[str, object]:
    one = authorization.c.id == row.id
    case_no = connection.scalar(sa.select(case.c.case_no).where(case.c.case_id == row.case_id)) if row.case_id is not None else None
    connection.execute(sa.update(authorization).where(one).values(**values))
    changed = connection.execute(sa.select(authorization).where(one)).one()
    note(hub, connection, request_id, ACTOR, changed._mapping, code, case_no)
    return told(changed, instant(now))
