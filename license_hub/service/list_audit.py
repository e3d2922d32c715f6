"""The audit log: who asked what about whom, for which purpose, with which outcome. Holders only as blind indexes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from license_hub.service.audit_log import append
from license_hub.service.content import holder_form
from license_hub.service.hub import Hub
from license_hub.signing.commitment import instant
from license_hub.storage.engine import reading
from license_hub.storage.tables import audit

MOST = 1000
"""Entries of one answer."""


class Entry(NamedTuple):
    """One act to record, its fields in the order of the table's columns after `at`. `entry` is the log entry it was about."""

    request_id: str
    actor: str
    action: str
    entry: int | None
    subject_bi: bytes | None
    status: str | None
    code: str
    purpose: str | None = None
    case_no: str | None = None


@dataclass(frozen=True)
class AuditEntry:
    """A recorded act. `subject` is the holder's blind index, hex."""

    seq: int
    at: str
    request_id: str
    actor: str
    action: str
    entry: int | None
    subject: str | None
    status: str | None
    code: str
    purpose: str | None
    case_no: str | None


def record(connection: sa.Connection, now: datetime, entries: Sequence[Entry]) -> None:
    """Within the caller's transaction, so that what is not recorded is not answered; its last statement (see `audit_log`)."""
    if entries:
        at = instant(now)
        append(connection, at, [(at, *one) for one in entries])


def list_audit(
    hub: Hub, *, after: int = 0, limit: int = 100, action: str | None = None, holder_number: str | None = None
) -> list[AuditEntry]:
    """Entries with `seq` above `after`, oldest first; with `holder_number` only those about that holder."""
    query = sa.select(audit).where(audit.c.seq > after).order_by(audit.c.seq).limit(min(limit, MOST))
    if action:
        query = query.where(audit.c.action == action)
    if holder_number:
        query = query.where(audit.c.subject_bi.in_(hub.crypt.probes("subject", holder_form(holder_number))))
    with reading(hub.engine) as connection:
        return [shown(row) for row in connection.execute(query)]


def shown(row: sa.Row) -> AuditEntry:
    """A row of hub_audit."""
    subject = bytes(row.subject_bi).hex() if row.subject_bi is not None else None
    head = (row.seq, row.at, row.request_id, row.actor, row.action, row.entry)
    return AuditEntry(*head, subject, row.status, row.code, row.purpose, row.case_no)
