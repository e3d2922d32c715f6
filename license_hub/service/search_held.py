"""A holder's licenses of one type, as catalogue rows 目录信息: masked, with the verdict of the moment, on an open case, on a basis.

Who is no party of the case is not looked up at all: a foreign holder and one that never was are the same to the caller, in answer and
time (T10). What is found and what is not is on record and charged like every look. Source: standards.md §1.5, §1.6 (a).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from license_hub.domain.license import FIELD_TITLES
from license_hub.domain.verdict import Code, Status, Verdict, decide
from license_hub.errors import NotAuthorized, OverBudget
from license_hub.service.authenticate import Principal, still
from license_hub.service.budgets import Charge, over_budget
from license_hub.service.canaries import recorded
from license_hub.service.content import holder_form, masked, number_form
from license_hub.service.hub import Hub
from license_hub.service.list_audit import Entry
from license_hub.service.on_case import Grounds, grounds, on_case
from license_hub.service.proofs import newest_checkpoint
from license_hub.service.sample_data import reaches_found
from license_hub.service.verify import Match, judge, open_row
from license_hub.storage.cases import Case
from license_hub.storage.engine import reading, writing
from license_hub.storage.lookup import find_held

SCOPE = "license:read"
ACTION = "search"


@dataclass(frozen=True)
class Search:
    principal: Principal
    holder_number: str
    code_type: str
    """What kind of number it is, of CODE_TYPES."""
    type_id: str
    purpose: str
    case_no: str
    number: str = ""
    """Of the certificate, where one alone is wanted."""
    request_id: str = ""


@dataclass(frozen=True)
class Row:
    """One license."""

    identifier: str
    fields: Mapping[str, str]
    """Metadata by short name, masked."""
    verdict: Verdict


def named_case(hub: Hub, principal: Principal, case_no: str) -> Case:
    """The caller's open case of that number, before anything is done on it. Raises CaseNotOpen, NotAuthenticated."""
    with reading(hub.engine) as connection:
        still(hub, connection, principal)
        return on_case(connection, hub, principal.client_id, case_no)


def search(hub: Hub, asked: Search) -> list[Row]:
    """Newest first. Raises NotAuthorized (NotAllowed: no grant or nobody's word), CaseNotOpen, OverBudget, NotAuthenticated."""
    if SCOPE not in asked.principal.scopes or asked.type_id not in asked.principal.types:
        raise NotAuthorized("neither scope nor type is granted to this client")
    now, holder = hub.now(), holder_form(asked.holder_number)
    with writing(hub.engine) as connection:
        hub.security.refresh(connection)
        still(hub, connection, asked.principal)
        may = grounds(connection, hub, asked.principal.client_id, asked.case_no, asked.type_id)
        party = holder in may.bases
        found = _found(hub, connection, asked, holder, may, now) if party else []
        entries = _audited(hub, asked, holder, found, party)
        [wait] = over_budget(hub, connection, [Charge(asked.principal.client_id, entries[0].subject_bi, not found)])
        if wait:
            entries = [one._replace(status="REFUSED", code="RATE_LIMITED") for one in entries]
        recorded(hub, connection, now, entries)
    if wait:
        raise OverBudget(wait)
    return [_told(hub, *one) for one in found]


def _found(hub: Hub, connection: sa.Connection, asked: Search, holder: str, may: Grounds, now: datetime) -> list[tuple[Match, Verdict]]:
    _epoch, _held, rows = find_held(connection, hub.crypt.probes("holder", holder), [asked.type_id])
    head, found = newest_checkpoint(hub, connection), []
    for row in sorted(rows, key=lambda one: one.entry, reverse=True):
        match = open_row(hub, row)
        if match.opened is None or not _fits(asked, holder, match.opened.fields):
            continue
        if may.of(row.license_id, [holder]) is None or not reaches_found(asked.principal.client_id, row.identifier, match.opened.fields):
            continue
        facts = judge(hub, connection, head, match)
        found.append((match, decide(facts, now=now, as_of=datetime.fromisoformat(row.as_of), evidence={"entry": row.entry})))
    return found


def _fits(asked: Search, holder: str, fields: Mapping[str, str]) -> bool:
    """Whether that holder has it by a number of that kind, and it is the wanted certificate."""
    kinds = fields.get("CZZTDMLXDM", "").split(";")
    numbers = [holder_form(one) for one in fields.get("CZZTDM", "").split(";")]
    held = any(number == holder and kind == asked.code_type for number, kind in zip(numbers, kinds, strict=False))
    return held and (not asked.number or number_form(asked.number) == number_form(fields.get("ZZBH", "")))


def _told(hub: Hub, match: Match, verdict: Verdict) -> Row:
    row = match.row
    if verdict.code is Code.PROOF_BAD:
        return Row(row.identifier, {}, verdict)
    shown = masked(hub.catalog, row, match.opened.fields)
    return Row(row.identifier, {name: value for name, value in shown.items() if name in FIELD_TITLES}, verdict)


def _audited(hub: Hub, asked: Search, holder: str, found: list[tuple[Match, Verdict]], party: bool) -> list[Entry]:
    """One for each license, else one for the look that found nothing."""
    who = (asked.request_id, asked.principal.client_id, ACTION)
    why = (asked.purpose, asked.case_no)
    subject = hub.crypt.blind_index("subject", holder)
    if found:
        said = [(match.row.entry, subject, verdict.status.value, verdict.code.value) for match, verdict in found]
        return [Entry(*who, *one, *why) for one in said]
    said = (Status.UNDETERMINED.value, Code.NOT_FOUND.value) if party else ("REFUSED", "FORBIDDEN")
    return [Entry(*who, None, subject, *said, *why)]
