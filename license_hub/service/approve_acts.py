"""Lists of acts beyond what one name may do: proposed by one person, approved by two others, then applied all or none.

- An approval names the digest of the list it saw: a list that was changed afterwards has no approval.
- Names are compared without case, width and spaces; the proposer is never an approver of the own list.
- Approvals are append-only; the list is applied once, by whoever asks after the second approval.

Source: design.md decision 7; issue 3 §2.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from license_hub.domain.lifecycle import Act, Reason
from license_hub.errors import ApprovalNeeded, HubError, NoticeRefused
from license_hub.service.change_status import Changed, Notice, change_within, check_notice
from license_hub.service.content import number_form
from license_hub.service.hub import Hub
from license_hub.signing.canonical import jcs
from license_hub.signing.commitment import instant
from license_hub.storage.engine import reading, writing
from license_hub.storage.tables_lifecycle import act_approval, act_batch

APPROVERS = 2
NAME_CHARS = 100


@dataclass(frozen=True)
class ActBatch:
    batch_id: str
    organ: str
    size: int
    proposed_by: str
    proposed_at: str
    applied_at: str | None
    approvers: tuple[str, ...]
    digest: str


def propose(hub: Hub, notices: Sequence[Notice], *, name: str, organ: str) -> ActBatch:
    """Files a list. Every notice is checked as far as it can be without its license. Raises NoticeRefused, ActRefused, NotAuthorized."""
    if not notices:
        raise NoticeRefused("/acts", "empty", "the list names no act")
    named = _name(name)
    now = hub.now()
    for notice in notices:
        check_notice(notice, now)
        if notice.organ != organ:
            raise NoticeRefused("/acts/organ", "one_organ", "a list is of one organ")
    acts = jcs([_said(one) for one in notices])
    row = {
        "batch_id": hub.entropy(8).hex(),
        "organ": organ,
        "acts": acts.decode(),
        "digest": hashlib.sha256(acts).hexdigest(),
        "size": len(notices),
        "proposed_by": named,
        "proposed_at": instant(now),
        "applied_at": None,
    }
    with writing(hub.engine) as connection:
        connection.execute(sa.insert(act_batch), [row])
        return _batch(connection, row["batch_id"])


def approve(hub: Hub, batch_id: str, *, name: str, reason: str) -> ActBatch:
    """One more name behind the list. Raises ApprovalNeeded for the proposer and for a name that approved already."""
    named = _name(name)
    if not reason.strip():
        raise NoticeRefused("/reason", "required", "an approval says why")
    with writing(hub.engine) as connection:
        batch = _batch(connection, batch_id)
        if batch.applied_at:
            raise NoticeRefused("/batch", "applied", f"list {batch_id} was applied already")
        if _same(named, batch.proposed_by):
            raise ApprovalNeeded(f"list {batch_id} was proposed under this name: two others have to approve it")
        if any(_same(named, one) for one in batch.approvers):
            raise ApprovalNeeded(f"list {batch_id} has an approval under this name: a second person has to approve it")
        row = {"batch_id": batch_id, "name": named, "digest": batch.digest, "reason": reason.strip(), "approved_at": instant(hub.now())}
        connection.execute(sa.insert(act_approval), [row])
        return _batch(connection, batch_id)


def apply(hub: Hub, batch_id: str, *, actor: str, request_id: str = "") -> list[Changed]:
    """The approved list, one transaction; nothing of one that was applied already.

    Raises ApprovalNeeded below two approvals, and what `change_within` raises.
    """
    with writing(hub.engine) as connection:
        # Whoever comes second waits for this row and finds the list applied.
        connection.execute(sa.update(act_batch).where(act_batch.c.batch_id == batch_id).values(applied_at=act_batch.c.applied_at))
        batch = _batch(connection, batch_id)
        if batch.applied_at:
            return []
        if len(batch.approvers) < APPROVERS:
            raise ApprovalNeeded(f"list {batch_id} has {len(batch.approvers)} of {APPROVERS} approvals: see `hub status approve`")
        text = connection.execute(sa.select(act_batch.c.acts).where(act_batch.c.batch_id == batch_id)).scalar_one()
        notices = [_notice(one) for one in json.loads(text)]
        done = sa.update(act_batch).where(act_batch.c.batch_id == batch_id).values(applied_at=instant(hub.now()))

        def mark_applied(_changed: list[Changed]) -> None:
            connection.execute(done)

        who = {"actor": actor, "request_id": request_id or batch_id}
        return change_within(hub, connection, notices, **who, approved=True, also=mark_applied)


def batches(hub: Hub, *, waiting: bool = False) -> list[ActBatch]:
    """All lists, newest first; `waiting`: those not applied."""
    query = sa.select(act_batch.c.batch_id).order_by(act_batch.c.proposed_at.desc(), act_batch.c.batch_id)
    if waiting:
        query = query.where(act_batch.c.applied_at.is_(None))
    with reading(hub.engine) as connection:
        return [_batch(connection, one) for one in list(connection.execute(query).scalars())]


def _batch(connection: sa.Connection, batch_id: str) -> ActBatch:
    """With the approvals that name the list as it is now. Raises HubError."""
    row = connection.execute(sa.select(act_batch).where(act_batch.c.batch_id == batch_id)).one_or_none()
    if row is None:
        raise NoticeRefused("/batch", "unknown", "no list of that id: see `hub status list`")
    digest = hashlib.sha256(row.acts.encode()).hexdigest()
    if digest != row.digest:
        raise HubError(f"list {batch_id}: its acts are not those it was filed with; propose it anew and find out who changed it")
    names = sa.select(act_approval.c.name).where(act_approval.c.batch_id == batch_id, act_approval.c.digest == digest)
    approvers = tuple(connection.execute(names.order_by(act_approval.c.approved_at, act_approval.c.name)).scalars())
    return ActBatch(batch_id, row.organ, row.size, row.proposed_by, row.proposed_at, row.applied_at, approvers, digest)


def _name(text: str) -> str:
    name = unicodedata.normalize("NFKC", text).strip()
    if not name or len(name) > NAME_CHARS or not name.isprintable():
        raise NoticeRefused("/name", "required", "give the name of the person who acts")
    return name


def _same(one: str, other: str) -> bool:
    return _bare(one) == _bare(other)


def _bare(name: str) -> str:
    """A name without what a second spelling of it could differ in."""
    return "".join(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()).split())


def _said(notice: Notice) -> dict[str, str]:
    return {
        "identifier": notice.identifier,
        "act": notice.act.value,
        "document_no": notice.document_no,
        "on": notice.on.isoformat(),
        "organ": notice.organ,
        "reason": notice.reason.value,
    }


def _notice(said: dict[str, str]) -> Notice:
    on = date.fromisoformat(said["on"])
    return Notice(number_form(said["identifier"]), Act(said["act"]), said["document_no"], on, said["organ"], Reason(said["reason"]))
