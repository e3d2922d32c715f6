"""校核申请: who relies on a license and finds it wrong asks the body that registered its row to look. Named by identifier, or by the
verification answer that raised the doubt.

The request becomes a ticket of that body (`quality.corrections`); its number, state and answer can be read by the asker alone. Nothing
about the license changes: not its status, not its grade, not its content.

Source: D809 art. 26 (校核: 10 个工作日).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from catalogs.license_type import LicenseSource
from license_hub.domain.license import fields_behind
from license_hub.errors import BundleErased, DecryptionError, DoubtRefused, NoSuchLicense
from license_hub.service.authenticate import Principal, still
from license_hub.service.content import number_form, open_version
from license_hub.service.hub import Hub
from license_hub.service.list_audit import Entry, record
from license_hub.signing.commitment import instant
from license_hub.storage.crypt import NONCE_BYTES
from license_hub.storage.engine import reading, writing
from license_hub.storage.idempotency import Call, complete, intend, read_back
from license_hub.storage.lookup import find
from license_hub.storage.tables import audit, version
from quality import corrections
from quality.errors import CorrectionRefused

STATUS = "status"
"""What a doubt about the license's status is called; all other names are those of its fields."""
NEAR = timedelta(minutes=2)
"""How far the asker's clock may be off when he says when an answer came."""
DONE = 201


@dataclass(frozen=True)
class Asked:
    """`identifier`, or the answer of an own verification: its request id and about when it came. `fields` by their short names."""

    fields: tuple[str, ...]
    reason: str
    comment: str
    identifier: str | None = None
    answer_id: str | None = None
    answered_at: datetime | None = None


def raise_correction(
    hub: Hub, asked: Asked, *, asked_by: str, request_id: str, principal: Principal | None = None, once: Call | None = None
) -> tuple[Mapping[str, object], bool]:
    """(what was raised, whether it is the answer of an earlier call). `principal` and `once` are those of a calling system; a citizen has
    none. Raises NoSuchLicense, BundleErased, DoubtRefused, KeyReused, NotAuthenticated.
    """
    with reading(hub.engine) as connection:
        if principal is not None:
            still(hub, connection, principal)
        known = read_back(connection, hub.crypt, once, hub.now()) if once else None
        if known is not None and known.answer is not None:
            return known.answer, True
        row = _version(hub, connection, asked, asked_by, principal)
    prepared = _prepared(hub, asked, row, asked_by)
    with writing(hub.engine) as connection:
        if principal is not None:
            still(hub, connection, principal)
        known = intend(connection, hub.crypt, once, hub.now()) if once else None
        if known is not None and known.answer is not None:
            return known.answer, True
        try:
            name = corrections.enter(connection, hub.catalog, prepared, hub.now())
        except CorrectionRefused as refused:
            raise _refused(refused) from None
        told = _told(corrections.read(connection, name, asked_by))
        if once:
            complete(connection, hub.crypt, once, DONE, told, hub.entropy(NONCE_BYTES))
        record(connection, hub.now(), [Entry(request_id, asked_by, "correct", row.entry, None, None, "RAISED", asked.reason)])
    return told, False


def read_correction(hub: Hub, name: str, *, asked_by: str, principal: Principal | None = None) -> Mapping[str, object] | None:
    """How the asker's own request stands; None for any other."""
    with reading(hub.engine) as connection:
        if principal is not None:
            still(hub, connection, principal)
        try:
            return _told(corrections.read(connection, name, asked_by))
        except KeyError:
            return None


def _version(hub: Hub, connection: sa.Connection, asked: Asked, asked_by: str, principal: Principal | None) -> sa.Row:
    identifier = number_form(asked.identifier) if asked.identifier else _answered(connection, asked, asked_by)
    found = find(connection, [identifier] if identifier else [], [])
    rows = found.rows
    hub.security.seen(connection, found.epoch)
    if not rows or (principal is not None and rows[0].type_id not in principal.types):
        raise NoSuchLicense("/identifier" if asked.identifier else "/answer", "exists", "no license of that name for this client")
    return rows[0]


def _answered(connection: sa.Connection, asked: Asked, asked_by: str) -> str | None:
    """The identifier an own answer was about. By its time: the log of looks is long, and nobody else needs it by request."""
    if not asked.answer_id or asked.answered_at is None:
        raise DoubtRefused("/answer", "required", "give the identifier, or an answer's request id and time")
    within = audit.c.at.between(instant(asked.answered_at - NEAR), instant(asked.answered_at + NEAR))
    mine = (audit.c.request_id == asked.answer_id, audit.c.actor == asked_by, audit.c.entry.is_not(None), audit.c.action == "verify")
    query = sa.select(version.c.identifier).join(audit, audit.c.entry == version.c.entry).where(within, *mine)
    return connection.scalar(query.order_by(audit.c.seq.desc()).limit(1))


def _prepared(hub: Hub, asked: Asked, row: sa.Row, asked_by: str) -> corrections.Prepared:
    source = next(one for one in hub.catalog.license_types[row.type_id].sources if one.resource == row.resource)
    try:
        content = open_version(hub.crypt, row).fields
    except (DecryptionError, ValueError):
        raise BundleErased("the license's content was erased, or cannot be read: there is nothing to correct") from None
    crypt, key = hub.crypt, bytes(row.key_bi)
    doubt = corrections.Doubt(
        row.identifier, row.resource, source.number_field, content["ZZBH"], lambda found: key in crypt.probes("key", found),
        _behind(source, asked.fields), asked.fields, asked.reason, asked.comment, asked_by,
    )  # fmt: skip
    try:
        return corrections.prepare(hub.catalog, doubt, lake=hub.lake, database=hub.engine)
    except CorrectionRefused as refused:
        raise _refused(refused) from None


def _behind(source: LicenseSource, named: tuple[str, ...]) -> tuple[str, ...]:
    """The resource's fields. Raises DoubtRefused for a name no field of the license has."""
    behind = fields_behind(source) | ({STATUS: source.status_field} if source.status_field else {})
    if strange := [at for at, name in enumerate(named) if name not in behind]:
        raise DoubtRefused(f"/fields/{strange[0]}", "known_field", "the license is made of other fields")
    return tuple(dict.fromkeys(behind[name] for name in named))


def _refused(refused: CorrectionRefused) -> DoubtRefused:
    rule = {"identifier": "source_row", "fields": "required", "reason": "known_code", "comment": "required"}[refused.part]
    return DoubtRefused(f"/{refused.part}", rule, str(refused))


def _told(found: corrections.Correction) -> Mapping[str, object]:
    answer = found.answer and {
        "act": found.answer.act, "reason": found.answer.reason, "comment": found.answer.comment, "at": instant(found.answer.at),
    }  # fmt: skip
    return {
        "id": found.correction,
        "ticket": found.number,
        "identifier": found.identifier,
        "fields": list(found.named),
        "reason": found.reason,
        "raised_at": instant(found.asked_at),
        "state": found.state.value,
        "due_on": found.due_on,
        "outcome": found.outcome.value if found.outcome else None,
        "answer": answer,
    }
