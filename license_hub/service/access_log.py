"""谁看过我的证照: every look at a holder, allowed or refused, as the audit log has it, each with a proof that the log has it so.

- A look is about a holder by the subject it was recorded with, or by the log entry of a license of theirs: a refusal is recorded without
  opening anything, and a license of several holders was looked at for all of them.
- Read from the rows themselves: a look is here when its answer is. Its proof follows with the audit log's next checkpoint, in a second.
- The proof opens one leaf: secret and row give the digest at `place` of the leaf, which is in the log under the checkpoint.

Source: PIPL art. 44-45; issue 5 §3.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from license_hub.log import checkpoint as checkpoints
from license_hub.log.bundle import Proof
from license_hub.log.proof import inclusion_proof
from license_hub.service.audit_log import text_of
from license_hub.service.content import holder_form
from license_hub.service.hub import Hub
from license_hub.service.inspect_audit_columns import logged_subject
from license_hub.service.logs import audit as audit_log
from license_hub.service.witnessing import served
from license_hub.storage.audit_entries import COLUMNS
from license_hub.storage.engine import reading
from license_hub.storage.tables import audit, client, holder, version
from license_hub.storage.tables_audit_log import audit_leaf, audit_subject

MOST = 50
"""Looks of one page."""
REFUSED = "REFUSED"


@dataclass(frozen=True)
class Look:
    seq: int
    at: str
    who: str
    """Name of the calling system, or the audit log's actor: `staff:…`, `page:/verify`, `holder`."""
    organ: str
    """Credit code of the organ the system acts for, or ''."""
    action: str
    allowed: bool
    code: str
    purpose: str
    case_no: str
    type_id: str
    """Of the license, where one was found; or ''."""
    request_id: str
    logged: bool
    """Whether a checkpoint covers it already."""


def looks(hub: Hub, number: str, *, before: int | None = None, limit: int = MOST) -> list[Look]:
    """The newest first; `before` a `seq`."""
    query = (
        sa.select(audit, client.c.name, client.c.organ, version.c.type_id)
        .outerjoin(client, client.c.client_id == audit.c.actor)
        .outerjoin(version, version.c.entry == audit.c.entry)
        .where(audit.c.seq.in_(_mine(hub, number, before, limit)))
        .order_by(audit.c.seq.desc())
        .limit(limit)
    )
    size = _size(served(hub, audit_log(hub))[0])
    with reading(hub.engine) as connection:
        return [_look(row, size) for row in connection.execute(query)]


def prove_look(hub: Hub, number: str, seq: int) -> Mapping[str, object] | None:
    """What shows anybody that the log has the look: row, secret, leaf, place and `.tlog-proof`. None: not this holder's, or not yet."""
    return _proved(hub, audit.c.seq == seq, audit.c.seq.in_(_mine(hub, number, seq + 1, 1, exactly=seq)))


def prove_entry(hub: Hub, seq: int) -> Mapping[str, object] | None:
    """The same of any entry of the audit log, for auditors."""
    return _proved(hub, audit.c.seq == seq)


def _proved(hub: Hub, *which: sa.ColumnElement) -> Mapping[str, object] | None:
    query = (
        sa.select(audit, audit_leaf.c.leaf, audit_leaf.c.secret, audit_subject.c.logged)
        .join(audit_leaf, audit_leaf.c.entry == audit.c.log_entry)
        .outerjoin(audit_subject, audit_subject.c.seq == audit.c.seq)
        .where(*which)
    )
    note = served(hub, audit_log(hub))[0]
    with reading(hub.engine) as connection:
        row = connection.execute(query).first()
    if row is None or note is None or row.log_entry >= _size(note) or not row.secret:
        return None
    subject = logged_subject(hub, row.seq, row.subject_bi, row.logged)
    content = [subject if name == "subject_bi" else getattr(row, name) for name in COLUMNS]
    path = inclusion_proof(hub.audit_tiles, row.log_entry, _size(note))
    return {
        "v": 1,
        "kind": "access-proof",
        "row": json.loads(text_of(tuple(content))),
        "secret": base64.b64encode(bytes(row.secret)).decode(),
        "leaf": base64.b64encode(bytes(row.leaf)).decode(),
        "place": row.place,
        "proof": Proof(row.log_entry, tuple(path), note).text,
    }


def _mine(hub: Hub, number: str, before: int | None, limit: int, exactly: int | None = None) -> sa.Select:
    """`seq` of the holder's newest looks: by subject and by license, each found by its own index."""
    form = holder_form(number)
    licenses = sa.select(holder.c.entry).where(holder.c.number_bi.in_(hub.crypt.probes("holder", form)))
    found = []
    for about in (audit.c.subject_bi.in_(hub.crypt.probes("subject", form)), audit.c.entry.in_(licenses)):
        one = sa.select(audit.c.seq).where(about).order_by(audit.c.seq.desc()).limit(limit)
        one = one.where(audit.c.seq < before) if before is not None else one
        one = one.where(audit.c.seq == exactly) if exactly is not None else one
        found.append(sa.select(one.subquery().c.seq))
    return sa.union(*found)


def _size(note: str | None) -> int:
    return checkpoints.parse(note).size if note else 0


def _look(row: sa.Row, size: int) -> Look:
    told: Sequence[str] = (row.code, row.purpose or "", row.case_no or "", row.type_id or "", row.request_id)
    logged = row.log_entry is not None and row.log_entry < size
    return Look(row.seq, row.at, row.name or row.actor, row.organ or "", row.action, row.status != REFUSED, *told, logged)
