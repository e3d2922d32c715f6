"""A holder's own licenses: the newest version of each, its state, and one with its verdict. Personal fields stay masked on the screen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from license_hub.domain.lifecycle import State
from license_hub.domain.lifecycle import current as state_now
from license_hub.domain.verdict import Proof, Verdict, decide
from license_hub.service.content import holder_form, masked, number_form, subject_index
from license_hub.service.hub import Hub
from license_hub.service.list_audit import Entry, record
from license_hub.service.proofs import newest_checkpoint
from license_hub.service.verify import judge, open_row
from license_hub.storage.engine import reading, writing
from license_hub.storage.lookup import find
from license_hub.storage.tables import current, holder, license, version

MOST = 200


@dataclass(frozen=True)
class Mine:
    identifier: str
    type_id: str
    state: str
    """A state of `domain.lifecycle`, as it counts today."""
    issuer: str
    valid_to: str


@dataclass(frozen=True)
class Shown:
    """One of them. `fields`: by short name, masked; empty where its proof is bad or it was erased."""

    identifier: str
    type_id: str
    issuer: str
    fields: Mapping[str, str]
    verdict: Verdict


def my_licenses(hub: Hub, number: str) -> list[Mine]:
    """The newest issued first."""
    query = (
        sa.select(current, license.c.issuer_code)
        .join(holder, holder.c.entry == current.c.entry)
        .join(license, license.c.license_id == current.c.license_id)
        .where(_mine(hub, number))
        .order_by(current.c.entry.desc())
        .limit(MOST)
    )
    with reading(hub.engine, one_state=True) as connection:
        return [_of(row, hub) for row in connection.execute(query)]


def show(hub: Hub, number: str, identifier: str, request_id: str) -> Shown | None:
    """One license of the holder's own, with its verdict of now; on record as the holder's look. None: it is not this holder's."""
    now, asked = hub.now(), number_form(identifier)
    mine = sa.select(version.c.entry).join(holder, holder.c.entry == version.c.entry)
    with writing(hub.engine) as connection:
        if connection.execute(mine.where(version.c.identifier == asked, _mine(hub, number))).first() is None:
            return None
        found = find(connection, [asked], [])
        hub.security.seen(connection, found.epoch)
        [row] = found.rows
        match = open_row(hub, row)
        facts = judge(hub, connection, newest_checkpoint(hub, connection), match)
        verdict = decide(facts, now=now, as_of=datetime.fromisoformat(row.as_of), evidence={"entry": row.entry})
        fields: Mapping[str, str] = {}
        if match.opened and facts.proof is not Proof.BAD:
            fields = masked(hub.catalog, row, match.opened.fields)
        about = subject_index(hub.crypt, number)
        record(connection, now, [Entry(request_id, "holder", "read", row.entry, about, verdict.status.value, verdict.code.value)])
    return Shown(row.identifier, row.type_id, row.attested_by, fields, verdict)


def _mine(hub: Hub, number: str) -> sa.ColumnElement[bool]:
    return holder.c.number_bi.in_(hub.crypt.probes("holder", holder_form(number)))


def _of(row: sa.Row, hub: Hub) -> Mine:
    days = {name: date.fromisoformat(text) if text else None for name, text in (("valid_from", row.valid_from), ("valid_to", row.valid_to))}
    state = state_now(State(row.state), newest=True, now=hub.now(), **days)
    return Mine(row.identifier, row.type_id, state.value, row.issuer_code, row.valid_to or "")
