"""Refused requests in the audit log: who was turned away, from what, and why. A batch verb like `verify`: one transaction for all.

What cannot be recorded is not answered either: the caller gets 503 instead of the refusal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from license_hub.service.hub import Hub
from license_hub.service.list_audit import Entry, record
from license_hub.service.register_client import find
from license_hub.storage.engine import writing

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


def refuse(hub: Hub, refusals: Sequence[Refusal]) -> list[None]:
    """Records them. One None a refusal, so that the API can coalesce calls."""
    with writing(hub.engine) as connection:
        claimed = {one for refusal in refusals if (one := refusal.claimed)}
        known = {one for one in claimed if find(connection, one)[1]}
        entries = [
            Entry(
                request_id=one.request_id,
                actor=one.actor or (f"claimed:{one.claimed}" if one.claimed in known else UNKNOWN),
                action=one.action,
                entry=None,
                subject_bi=None,
                status="REFUSED",
                code=one.code,
                purpose=one.purpose or None,
                case_no=one.case_no or None,
            )
            for one in refusals
        ]
        record(connection, hub.now(), entries)
    return [None] * len(refusals)
