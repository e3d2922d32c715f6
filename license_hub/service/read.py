"""One license for an authorised client: its fields, masked, with the verdict of the moment.

Every look is for a purpose, on an open case, on a basis (`on_case.grounds`). A license of somebody who is no party of the case, or whose
word is missing, is answered like one that is not there (T10).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from license_hub.domain import identifier as identifiers
from license_hub.domain.verdict import Verdict, decide
from license_hub.errors import NotAuthorized, PurposeMissing
from license_hub.service.absence import Absences
from license_hub.service.authenticate import Principal
from license_hub.service.canaries import recorded
from license_hub.service.content import masked, number_form, subject_index
from license_hub.service.hub import Hub
from license_hub.service.list_audit import Entry
from license_hub.service.on_case import look_up
from license_hub.service.proofs import newest_checkpoint
from license_hub.service.provisional import Provisional, of_license
from license_hub.service.verify import VerifyRequest, judge
from license_hub.storage.engine import writing

SCOPE = "license:read"
FOREIGN = ("REFUSED", "FORBIDDEN")
"""What the record says of a look at a license that is nobody's of the case."""


@dataclass(frozen=True)
class ReadRequest:
    principal: Principal
    identifier: str
    purpose: str
    case_no: str
    request_id: str = ""
    operator: str = ""
    """Who asks; the case's own without one."""


@dataclass(frozen=True)
class MaskedLicense:
    identifier: str
    type_id: str | None
    fields: Mapping[str, str]
    """By short name, masked; empty unless the verdict is about a license whose proof is good."""
    verdict: Verdict
    grade: str | None
    as_of: datetime | None
    provisional: tuple[Provisional, ...] = ()
    """What its responsible body says for the time being: names of fields, no values."""
    epoch: int = 0
    """The security epoch its look-up saw; 0: nothing was looked up."""


def read(hub: Hub, request: ReadRequest) -> MaskedLicense:
    """Raises PurposeMissing, NotAuthorized (NotAllowed: no grant or nobody's word for that type on the case), CaseNotOpen."""
    if SCOPE not in request.principal.scopes:
        raise NotAuthorized(f"scope {SCOPE} is not granted to this client")
    if not request.purpose.strip() or not request.case_no.strip():
        raise PurposeMissing("give a purpose and the number of the open case")
    now, identifier = hub.now(), number_form(request.identifier)
    with writing(hub.engine) as connection:
        found, subject, entry, told = _read(hub, connection, request, identifier, now)
        index = subject_index(hub.crypt, subject)
        who = (request.request_id, request.principal.client_id, "read", entry, index)
        recorded(hub, connection, now, [Entry(*who, *told, request.purpose, request.case_no)])
    return found


def _read(
    hub: Hub, connection: sa.Connection, request: ReadRequest, identifier: str, now: datetime
) -> tuple[MaskedLicense, str | None, int | None, tuple[str, str]]:
    """(answer, holder number, log entry, status and code for the record)."""
    if identifiers.unusable(identifiers.inspect(identifier)):
        malformed = MaskedLicense(identifier, None, {}, decide(None, now=now, as_of=now, malformed=True), None, None)
        return malformed, None, None, _said(malformed)
    type_id = _granted_type(hub, request.principal, identifier)
    match, holders, may_use, epoch = look_up(connection, hub, request.principal, identifier, type_id, request.case_no, request.operator)
    if match is None or (match.opened and not may_use):
        cause, as_of = Absences(hub, connection, now).of(VerifyRequest(identifier=identifier))
        absent = MaskedLicense(identifier, None, {}, decide(cause, now=now, as_of=as_of or now), None, as_of, epoch=epoch)
        return (absent, None, None, _said(absent)) if match is None else (absent, next(iter(holders), None), match.row.entry, FOREIGN)
    row = match.row
    as_of = datetime.fromisoformat(row.as_of)
    facts = judge(hub, connection, newest_checkpoint(hub, connection), match)
    verdict = decide(facts, now=now, as_of=as_of, evidence={"entry": row.entry})
    shown: Mapping[str, str] = {}
    if match.opened and facts.proof is not facts.proof.BAD:
        shown = masked(hub.catalog, row, match.opened.fields)
    pending = of_license(connection, hub.catalog, row.type_id, identifier, now)
    found = MaskedLicense(identifier, row.type_id, shown, verdict, row.grade, as_of, pending, epoch)
    return found, next(iter(holders), None), row.entry, _said(found)


def _said(found: MaskedLicense) -> tuple[str, str]:
    return found.verdict.status.value, found.verdict.code.value


def _granted_type(hub: Hub, principal: Principal, identifier: str) -> str:
    """By the identifier alone, before any look-up: what exists must not show in the refusal."""
    kind = hub.catalog.type_named(identifier)
    if kind is None or kind.id not in principal.types:
        raise NotAuthorized("this license type is not granted to this client")
    return kind.id
