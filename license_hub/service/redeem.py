"""A code that a holder shows is scanned: it belongs to the first scanner, once, and answers with the license's verdict of that moment.

1. code      ours, well signed by a key that counts, not over: refused before anything is looked up
2. taking    one update that finds it free; of any number of scans at once one takes it
3. license   its type granted to the scanner, on a case by a use grant too, else nothing is taken
4. verdict   of the version shown, from the rows of this transaction: revoked a moment ago is revoked (T5)
5. fields    masked, for a purpose on an open case that its holder is a party of; else the verdict is all
6. audit     in the same transaction

What was taken on a case is a basis for using that license on that case for a while (`authorize.SHOWN`). Source: design.md decision 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from license_hub.domain.license import holder_numbers
from license_hub.domain.verdict import Verdict, decide
from license_hub.errors import CodeRefused, NotAllowed, NotAuthorized, TokenMalformed
from license_hub.service.authenticate import Principal, still
from license_hub.service.authorize import Denied
from license_hub.service.canaries import recorded
from license_hub.service.content import masked, subject_index
from license_hub.service.hub import Hub
from license_hub.service.list_audit import Entry
from license_hub.service.on_case import grounds, on_case
from license_hub.service.proofs import newest_checkpoint
from license_hub.service.provisional import Provisional, of_license
from license_hub.service.sample_data import reaches_found
from license_hub.service.verify import Match, judge, open_row
from license_hub.signing import presentation as codes
from license_hub.signing.commitment import instant
from license_hub.storage.engine import writing
from license_hub.storage.lookup import FOUND
from license_hub.storage.tables import version
from license_hub.storage.tables_presentations import presentation

SCOPE = "license:scan"


@dataclass(frozen=True)
class Scan:
    principal: Principal
    text: str
    purpose: str = ""
    case_no: str = ""
    request_id: str = ""


@dataclass(frozen=True)
class Scanned:
    presentation_id: str
    identifier: str
    type_id: str
    verdict: Verdict
    grade: str | None
    fields: Mapping[str, str]
    """By short name, masked; empty without a case of its holder's, and where the license's proof is bad."""
    provisional: tuple[Provisional, ...] = ()


def redeem(hub: Hub, scan: Scan) -> Scanned:
    """Raises CodeRefused, CaseNotOpen, NotAuthorized (NotAllowed: no use grant for it), NotAuthenticated."""
    if SCOPE not in scan.principal.scopes:
        raise NotAuthorized(f"scope {SCOPE} is not granted to this client")
    now = hub.now()
    code = _read(scan.text, now)
    with writing(hub.engine) as connection:
        hub.security.refresh(connection)
        still(hub, connection, scan.principal)
        _check_signature(hub, code)
        if scan.case_no:
            on_case(connection, hub, scan.principal.client_id, scan.case_no)
        entry = _take(connection, code.id, scan, now)
        match = open_row(hub, connection.execute(FOUND.where(version.c.entry == entry)).one())
        if match.row.type_id not in scan.principal.types:
            raise NotAuthorized("this license type is not granted to this client")
        if not reaches_found(scan.principal.client_id, match.row.identifier, match.opened and match.opened.fields):
            raise NotAuthorized("a test client takes codes of sample licenses alone")
        scanned = _scanned(hub, connection, code.id, scan, match, now)
        recorded(hub, connection, now, [_audited(hub, scan, match, scanned)])
    return scanned


def _read(text: str, now: datetime) -> codes.Presentation:
    try:
        code = codes.read(text.strip())
    except TokenMalformed:
        raise CodeRefused("CODE_NOT_OURS", "not a code of this hub") from None
    if code.expires_at <= now.timestamp():
        raise CodeRefused("CODE_EXPIRED", "the code is over: ask the holder for a fresh one")
    return code


def _check_signature(hub: Hub, code: codes.Presentation) -> None:
    """By the key of that name in the register, and no other: a code brings no key (T4)."""
    key = hub.security.key(code.kid)
    if key is None or key.role != "presentation" or key.compromised or not key.verify(code.signed, code.signature):
        raise CodeRefused("CODE_NOT_OURS", "not a code of this hub")


def _take(connection: sa.Connection, presentation_id: str, scan: Scan, now: datetime) -> int:
    """The version it shows. Its own end is looked at again: what was signed may have been cut short, never prolonged."""
    mine = (presentation.c.presentation_id == presentation_id, presentation.c.scanner.is_(None))
    taking = sa.update(presentation).where(*mine, presentation.c.expires_at > instant(now))
    values = {"scanner": scan.principal.client_id, "case_no": scan.case_no, "scanned_at": instant(now)}
    entry = connection.execute(taking.values(values).returning(presentation.c.entry)).scalar()
    if entry is None:
        raise CodeRefused("CODE_USED", "the code was taken already, or is over")
    return entry


def _scanned(hub: Hub, connection: sa.Connection, presentation_id: str, scan: Scan, match: Match, now: datetime) -> Scanned:
    row = match.row
    facts = judge(hub, connection, newest_checkpoint(hub, connection), match)
    verdict = decide(facts, now=now, as_of=datetime.fromisoformat(row.as_of), evidence={"entry": row.entry})
    shown: Mapping[str, str] = {}
    if _may_see(hub, connection, scan, match) and facts.proof is not facts.proof.BAD:
        shown = masked(hub.catalog, row, match.opened.fields)
    pending = of_license(connection, hub.catalog, row.type_id, row.identifier, now)
    return Scanned(presentation_id, row.identifier, row.type_id, verdict, row.grade, shown, pending)


def _may_see(hub: Hub, connection: sa.Connection, scan: Scan, match: Match) -> bool:
    """Whether the holder who showed it is a party of the case. Raises CaseNotOpen, NotAllowed without a use grant: the code stays free."""
    if not scan.case_no:
        return False
    try:
        found = grounds(connection, hub, scan.principal.client_id, scan.case_no, match.row.type_id)
    except NotAllowed as refused:
        if refused.why != Denied.NEEDS_AUTHORIZATION:
            raise
        return False
    holders = holder_numbers(match.opened.fields) if match.opened else ()
    return bool(scan.purpose) and found.of(match.row.license_id, holders) is not None


def _audited(hub: Hub, scan: Scan, match: Match, scanned: Scanned) -> Entry:
    subject = next(iter(holder_numbers(match.opened.fields)), None) if match.opened else None
    index = subject_index(hub.crypt, subject)
    said = (scanned.verdict.status.value, scanned.verdict.code.value, scan.purpose or None, scan.case_no or None)
    return Entry(scan.request_id, scan.principal.client_id, "scan", match.row.entry, index, *said)
