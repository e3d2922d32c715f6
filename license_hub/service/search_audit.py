"""The audit log as auditors search it, newest first; and what of it says why somebody was turned away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from license_hub.service.hub import Hub
from license_hub.service.list_audit import AuditEntry, shown
from license_hub.storage.engine import reading
from license_hub.storage.tables import BY_HAND, TURNED_AWAY, audit

PAGE = 50


@dataclass(frozen=True)
class Wanted:
    """What entries must have; '' and None ask for nothing. `since`, `until`: instants as text, `until` not included."""

    since: str = ""
    until: str = ""
    actor: str = ""
    action: str = ""
    code: str = ""
    request_id: str = ""
    case_no: str = ""
    before: int | None = None
    """Entries older than that `seq`: the next page."""


def search(hub: Hub, wanted: Wanted, limit: int = PAGE, only: sa.TextClause | None = None) -> list[AuditEntry]:
    """The newest first. `only`: TURNED_AWAY or BY_HAND, found by a small index of their own."""
    query = sa.select(audit).where(*_terms(wanted, only))
    # By time, then number: the order of the index that is bounded by time.
    with reading(hub.engine) as connection:
        return [shown(row) for row in connection.execute(query.order_by(audit.c.at.desc(), audit.c.seq.desc()).limit(limit))]


def one_turned_away(hub: Hub, seq: int) -> AuditEntry | None:
    """None for an entry that is there and says something else, too."""
    with reading(hub.engine) as connection:
        row = connection.execute(sa.select(audit).where(audit.c.seq == seq, *_terms(Wanted(), TURNED_AWAY))).first()
    return None if row is None else shown(row)


def turned_away(hub: Hub, since: str, actor: str = "") -> Counter[str]:
    """Code → how often since then, of one caller or of all."""
    query = sa.select(audit.c.code, sa.func.count()).where(*_terms(Wanted(since, actor=actor), TURNED_AWAY)).group_by(audit.c.code)
    with reading(hub.engine) as connection:
        return Counter(dict(connection.execute(query).all()))


def acts_on(hub: Hub, actions: Collection[str], about: str, limit: int = 20) -> list[AuditEntry]:
    """What administrators did to one client, grant or account, named first in what was written down; the newest first."""
    named = sa.or_(audit.c.purpose == about, *(audit.c.purpose.startswith(about + ends, autoescape=True) for ends in (" ", "\n")))
    query = (
        sa.select(audit)
        .where(*_terms(Wanted(), BY_HAND), audit.c.action.in_(actions), named)
        .order_by(audit.c.at.desc(), audit.c.seq.desc())
    )
    with reading(hub.engine) as connection:
        return [shown(row) for row in connection.execute(query.limit(limit))]


def _terms(wanted: Wanted, only: sa.TextClause | None) -> Sequence[sa.ColumnElement]:
    plain = ("actor", "action", "code", "request_id", "case_no")
    found = [audit.c[name] == value for name in plain if (value := getattr(wanted, name))]
    if wanted.since:
        found.append(audit.c.at >= wanted.since)
    if wanted.until:
        found.append(audit.c.at < wanted.until)
    if wanted.before is not None:
        found.append(audit.c.seq < wanted.before)
    if only is not None:
        # In the index's own words: SQLite looks no further.
        found.append(sa.text(f"({only.text})"))
    return found
