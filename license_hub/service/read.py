"""One license for an authorised client: its fields, masked, with the verdict of the moment. Purpose and case belong to every look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from license_hub.domain import identifier as identifiers
from license_hub.domain.license import holder_numbers
from license_hub.domain.masking import mask, mask_plan
from license_hub.domain.verdict import Verdict, decide
from license_hub.errors import NotAuthorized, PurposeMissing
from license_hub.service.absence import Absences
from license_hub.service.authenticate import Principal
from license_hub.service.content import holder_form, number_form
from license_hub.service.hub import Hub
from license_hub.service.list_audit import Entry, record
from license_hub.service.proofs import newest_checkpoint
from license_hub.service.provisional import Provisional, of_license
from license_hub.service.verify import VerifyRequest, judge, open_row
from license_hub.storage.engine import writing
from license_hub.storage.lookup import find

SCOPE = "license:read"


@dataclass(frozen=True)
class ReadRequest:
    principal: Principal
    identifier: str
    purpose: str
    case_no: str
    request_id: str = ""


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
    """Raises PurposeMissing, NotAuthorized. A license of a type not granted is refused like one that is not there is answered."""
    if SCOPE not in request.principal.scopes:
        raise NotAuthorized(f"scope {SCOPE} is not granted to this client")
    if not request.purpose.strip() or not request.case_no.strip():
        raise PurposeMissing("give a purpose and the number of the open case")
    now, identifier = hub.now(), number_form(request.identifier)
    with writing(hub.engine) as connection:
        found, subject, entry = _read(hub, connection, request, identifier, now)
        verdict = found.verdict
        index = hub.crypt.blind_index("subject", holder_form(subject)) if subject else None
        who = (request.request_id, request.principal.client_id, "read", entry, index)
        record(connection, now, [Entry(*who, verdict.status.value, verdict.code.value, request.purpose, request.case_no)])
    return found


def _read(
    hub: Hub, connection: sa.Connection, request: ReadRequest, identifier: str, now: datetime
) -> tuple[MaskedLicense, str | None, int | None]:
    """(answer, holder number, log entry)."""
    if identifiers.unusable(identifiers.inspect(identifier)):
        return MaskedLicense(identifier, None, {}, decide(None, now=now, as_of=now, malformed=True), None, None), None, None
    _check_type(hub, request.principal, identifier)
    epoch, rows = find(connection, [identifier], [])
    hub.security.seen(connection, epoch)
    if not rows:
        cause, as_of = Absences(hub, connection, now).of(VerifyRequest(identifier=identifier))
        return MaskedLicense(identifier, None, {}, decide(cause, now=now, as_of=as_of or now), None, as_of, epoch=epoch), None, None
    row = rows[0]
    match = open_row(hub, row)
    as_of = datetime.fromisoformat(row.as_of)
    evidence = {"entry": row.entry}
    facts = judge(hub, connection, newest_checkpoint(hub, connection), match)
    verdict = decide(facts, now=now, as_of=as_of, evidence=evidence)
    shown: Mapping[str, str] = {}
    if match.opened and facts.proof is not facts.proof.BAD:
        source = next(one for one in hub.catalog.license_types[row.type_id].sources if one.resource == row.resource)
        shown = mask(match.opened.fields, mask_plan(source, hub.catalog.resources[row.resource]))
    subject = next(iter(holder_numbers(match.opened.fields)), None) if match.opened else None
    pending = of_license(connection, hub.catalog, row.type_id, identifier, now)
    return MaskedLicense(identifier, row.type_id, shown, verdict, row.grade, as_of, pending, epoch), subject, row.entry


def _check_type(hub: Hub, principal: Principal, identifier: str) -> None:
    """By the identifier alone, before any look-up: what exists must not show in the refusal."""
    code = identifier.split(".")[5]
    granted = {kind.type_code for kind in hub.catalog.license_types.values() if kind.id in principal.types}
    if code not in granted:
        raise NotAuthorized("this license type is not granted to this client")
