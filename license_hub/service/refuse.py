"""Refused requests in the audit log: who was turned away, from what, and why. A batch verb like `verify`: one transaction for all.

What cannot be recorded is not answered either: the caller gets 503 instead of the refusal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from license_hub.service.canaries import recorded
from license_hub.service.content import number_form, subject_index
from license_hub.service.hub import Hub
from license_hub.service.list_audit import Entry
from license_hub.service.register_client import find
from license_hub.storage.engine import writing
from license_hub.storage.tables import version

UNKNOWN = "unknown"
"""Actor of a refusal where no registered client is named."""


@dataclass(frozen=True)
class Refusal:
    """`code` is the problem's, or OAuth's own (RFC 6749 §5.2)."""

    request_id: str
    action: str
    """verify | read | token"""
    code: str
    actor: str = ""
    """The client, where its token proved it."""
    claimed: str = ""
    """Client id that an unproven assertion names; recorded as `claimed:<id>` if there is such a client, never as it came."""
    purpose: str = ""
    case_no: str = ""
    identifier: str = ""
    """Of the license that was asked for: whose it is sees the refusal. Looked up like one that is not there, nothing of it opened."""
    subject: str = ""
    """Number of the holder that was asked about."""


def refuse(hub: Hub, refusals: Sequence[Refusal]) -> list[None]:
    """Records them. One None a refusal, so that the API can coalesce calls."""
    with writing(hub.engine) as connection:
        claimed = {one for refusal in refusals if (one := refusal.claimed)}
        known = {one for one in claimed if find(connection, one)[1]}
        entry_of = _entries(connection, refusals)
        entries = [
            Entry(
                request_id=one.request_id,
                actor=one.actor or (f"claimed:{one.claimed}" if one.claimed in known else UNKNOWN),
                action=one.action,
                entry=entry_of.get(number_form(one.identifier)),
                subject_bi=subject_index(hub.crypt, one.subject),
                status="REFUSED",
                code=one.code,
                purpose=one.purpose or None,
                case_no=one.case_no or None,
            )
            for one in refusals
        ]
        recorded(hub, connection, hub.now(), entries)
    return [None] * len(refusals)


def _entries(connection: sa.Connection, refusals: Sequence[Refusal]) -> dict[str, int]:
    """Identifier → log entry of its version, of those there are."""
    named = {number_form(one.identifier) for one in refusals if one.identifier}
    if not named:
        return {}
    query = sa.select(version.c.identifier, version.c.entry).where(version.c.identifier.in_(named))
    return {row.identifier: row.entry for row in connection.execute(query)}
