"""A client's recall notices: what waits for it, what it acknowledged, and which of its own answers a notice is about."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from license_hub.service.authenticate import Principal, still
from license_hub.service.hub import Hub
from license_hub.signing.commitment import instant
from license_hub.storage.engine import reading, writing
from license_hub.storage.tables import audit, version
from license_hub.storage.tables_recall import item, notice, recall, use

MOST = 1000
"""Answers or versions of one page."""


@dataclass(frozen=True)
class Notice:
    notice_id: str
    token: str
    """Signed; type `recall-notice+jwt`."""
    created_at: str
    acknowledged_at: str | None


@dataclass(frozen=True)
class RecalledAnswer:
    """One answer the client got. All of it is the client's own."""

    seq: int
    at: str
    request_id: str
    action: str
    status: str | None
    code: str
    purpose: str | None
    case_no: str | None
    identifier: str


def waiting(hub: Hub, client_id: str, *, principal: Principal | None = None, acknowledged: bool = False, limit: int = 100) -> list[Notice]:
    """Notices the client did not acknowledge yet, oldest first; with `acknowledged` all of them.

    `principal`, here and below: the caller, where he came by a token; raises NotAuthenticated if he may no longer.
    """
    query = sa.select(notice).where(notice.c.client_id == client_id).order_by(notice.c.created_at, notice.c.notice_id).limit(limit)
    if not acknowledged:
        query = query.where(notice.c.acknowledged_at.is_(None))
    with reading(hub.engine) as connection:
        _still(hub, connection, principal)
        return [Notice(row.notice_id, row.token, row.created_at, row.acknowledged_at) for row in connection.execute(query)]


def acknowledge(hub: Hub, client_id: str, notice_id: str, *, principal: Principal | None = None) -> Notice | None:
    """The notice, acknowledged; the first acknowledgement's time stays. None for one that is not the client's."""
    mine = (notice.c.notice_id == notice_id, notice.c.client_id == client_id)
    with writing(hub.engine) as connection:
        _still(hub, connection, principal)
        fresh = sa.update(notice).where(*mine, notice.c.acknowledged_at.is_(None))
        connection.execute(fresh.values(acknowledged_at=instant(hub.now())))
        row = connection.execute(sa.select(notice).where(*mine)).first()
    return Notice(row.notice_id, row.token, row.created_at, row.acknowledged_at) if row else None


def answers(
    hub: Hub, client_id: str, notice_id: str, *, principal: Principal | None = None, after: int = 0, limit: int = MOST
) -> list[RecalledAnswer] | None:
    """The client's answers behind a notice, with `seq` above `after`. None for a notice that is not the client's."""
    with reading(hub.engine) as connection:
        _still(hub, connection, principal)
        mine = sa.select(notice.c.recall_id).where(notice.c.notice_id == notice_id, notice.c.client_id == client_id)
        recall_id = connection.execute(mine).scalar()
        if recall_id is None:
            return None
        names = ("seq", "at", "request_id", "action", "status", "code", "purpose", "case_no")
        query = (
            sa.select(*(audit.c[name] for name in names), version.c.identifier)
            .join_from(use, audit, audit.c.seq == use.c.seq)
            .join(version, version.c.entry == use.c.entry)
            .where(use.c.recall_id == recall_id, use.c.actor == client_id, use.c.seq > after)
            .order_by(use.c.seq)
            .limit(min(limit, MOST))
        )
        return [RecalledAnswer(*row) for row in connection.execute(query)]


def recalled(hub: Hub, recall_id: str, *, after: int = -1, limit: int = MOST) -> list[tuple[int, str]]:
    """(entry, identifier) of the recalled versions, by entry."""
    query = (
        sa.select(item.c.entry, version.c.identifier)
        .join_from(item, version, version.c.entry == item.c.entry)
        .where(item.c.recall_id == recall_id, item.c.entry > after)
        .order_by(item.c.entry)
        .limit(min(limit, MOST))
    )
    with reading(hub.engine) as connection:
        return [(row.entry, row.identifier) for row in connection.execute(query)]


def recalls(hub: Hub) -> list[dict[str, object]]:
    """All recalls, newest first, with how many notices wait and were acknowledged."""
    counted = [sa.func.count(notice.c.notice_id).label("notices"), sa.func.count(notice.c.acknowledged_at).label("acknowledged")]
    query = sa.select(recall, *counted).outerjoin(notice, notice.c.recall_id == recall.c.recall_id)
    query = query.group_by(*recall.columns).order_by(recall.c.created_at.desc(), recall.c.recall_id)
    with reading(hub.engine) as connection:
        return [dict(row._mapping) for row in connection.execute(query)]


def _still(hub: Hub, connection: sa.Connection, principal: Principal | None) -> None:
    if principal is not None:
        still(hub, connection, principal)
