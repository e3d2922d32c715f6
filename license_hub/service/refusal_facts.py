"""Why a caller was turned away: its audit entry beside what the register, the grants, the cases and the budgets say of it.

- Everything but the entry is as it stands now, which is what an administrator can change; who changed it since is in the audit log.
- Whom the call was about is not part of it: neither number nor index leaves this module (PIPL art. 6; `subject` counts looks alone).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from license_hub.service.authorize import Denied
from license_hub.service.hub import Hub
from license_hub.service.keep_grants import UseGrant
from license_hub.service.list_audit import AuditEntry
from license_hub.service.register_client import Client, find
from license_hub.signing.commitment import instant
from license_hub.storage.budgets import LOOKS
from license_hub.storage.engine import reading
from license_hub.storage.tables import audit, version
from license_hub.storage.tables_cases import case
from license_hub.storage.tables_grants import use_grant

CLAIMED = "claimed:"
CALLS, MISSES, SUBJECT = "calls", "misses", "subject"


@dataclass(frozen=True)
class CaseFound:
    """What the caller has under the number it gave: no case of another caller is told of."""

    matter: str
    state: str
    closed_at: str | None


@dataclass(frozen=True)
class Facts:
    entry: AuditEntry
    """Without its subject."""
    client_id: str
    """Proven or claimed; '' = nobody known."""
    client: Client | None
    claimed: bool
    """The id was named by an assertion that did not prove it."""
    type_id: str
    """Of the license that was asked for, where one was found."""
    case: CaseFound | None
    grants: Sequence[UseGrant]
    """Of this caller, for the case's matter where there is one."""
    budget: str
    """Which one was used up: calls, misses, subject; '' = none."""


def facts(hub: Hub, entry: AuditEntry) -> Facts:
    """All of one moment."""
    claimed = entry.actor.startswith(CLAIMED)
    client_id = entry.actor.removeprefix(CLAIMED)
    with reading(hub.engine, one_state=True) as connection:
        client = find(connection, client_id)[1]
        type_query = sa.select(version.c.type_id).where(version.c.entry == entry.entry)
        type_id = connection.scalar(type_query) if entry.entry is not None else None
        found = _case(connection, client_id, entry.case_no)
        held = _grants(connection, client_id, found.matter if found else "")
        budget = _budget(hub, connection, entry)
    known = client_id if client is not None else ""
    return Facts(replace(entry, subject=None), known, client, claimed, type_id or "", found, held, budget)


def missing_grants(told: Facts) -> bool:
    """Whether the entry is about a use grant."""
    return told.entry.code in (Denied.NO_GRANT, Denied.GRANT_SUSPENDED, Denied.GRANT_EXPIRED)


def _case(connection: sa.Connection, client_id: str, case_no: str | None) -> CaseFound | None:
    if not case_no:
        return None
    mine = (case.c.client_id == client_id, case.c.case_no == case_no)
    row = connection.execute(sa.select(case.c.matter, case.c.state, case.c.closed_at).where(*mine)).first()
    return None if row is None else CaseFound(*row)


def _grants(connection: sa.Connection, client_id: str, matter: str) -> list[UseGrant]:
    query = sa.select(use_grant).where(use_grant.c.client_id == client_id).order_by(use_grant.c.grant_id)
    if matter:
        query = query.where(use_grant.c.purpose == matter)
    return [UseGrant(**row._mapping) for row in connection.execute(query)]


def _budget(hub: Hub, connection: sa.Connection, entry: AuditEntry) -> str:
    """Looks at one holder are on record; calls are refused under an action of their own; what is left are misses."""
    if entry.code != "RATE_LIMITED":
        return ""
    if entry.action == "call":
        return CALLS
    if entry.action == "case":
        # On an open case nothing else is counted.
        return SUBJECT
    if entry.subject is None:
        return MISSES
    policy = hub.budgets.subject
    since = instant(datetime.fromisoformat(entry.at) - timedelta(seconds=policy.seconds))
    same = (audit.c.subject_bi == bytes.fromhex(entry.subject), audit.c.actor == entry.actor, audit.c.status.is_distinct_from("REFUSED"))
    looked = sa.select(sa.func.count()).where(*same, audit.c.action.in_(LOOKS), audit.c.at >= since, audit.c.seq < entry.seq)
    return SUBJECT if (connection.scalar(looked) or 0) >= policy.quota else MISSES
