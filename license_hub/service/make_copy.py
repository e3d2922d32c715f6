"""加注件: a license's face as a signed PDF for one purpose, or the department's own file as it came; each by one download.

1. look     a basis on the open case, license in force, content as sealed and logged
2. make     page (`paper.sheet`), signature (PAdES, ES256), SM2 over the same file beside it; no lock is held meanwhile
3. record   in one transaction: caller, basis and license looked at again, the copy by the SHA-256 of its file, the download, the audit
            entry

A copy is no original and says so; what it is worth later is asked with the file itself (`check_file`). Source: design.md decision 4.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from license_hub.domain.license import holder_numbers
from license_hub.domain.verdict import Status, Verdict, decide
from license_hub.errors import BundleUnavailable, CopyFault, CopyRefused, KeyFault, NotAuthorized, PurposeMissing, SigningError
from license_hub.service import copies, print_copy
from license_hub.service.authenticate import Principal, still
from license_hub.service.content import Opened, number_form, subject_index
from license_hub.service.export_bundle import usable
from license_hub.service.hub import Hub
from license_hub.service.list_audit import Entry, record
from license_hub.service.proofs import newest_checkpoint
from license_hub.service.provisional import of_license
from license_hub.service.register_client import find as find_client
from license_hub.service.verify import Match, judge
from license_hub.storage.engine import writing

SCOPE = "license:copy"
MOST_DAYS = 365


@dataclass(frozen=True)
class CopyRequest:
    principal: Principal
    identifier: str
    purpose: str
    case_no: str
    days: int = 30
    """How long the copy counts, 1 to MOST_DAYS."""
    collected: bool = False
    """The department's own file instead, untouched."""
    request_id: str = ""
    operator: str = ""
    """Who asks; the case's own without one."""


@dataclass(frozen=True)
class Signature:
    """Over the file's bytes, beside it."""

    alg: str
    kid: str
    value: str
    """Base64 of r ‖ s."""


@dataclass(frozen=True)
class Made:
    secret: str
    """The secret part of the download's address."""
    expires_at: datetime
    """Until when it can be downloaded."""
    sha256: str
    media_type: str
    copy_id: str | None
    """None: the department's own file."""
    valid_to: datetime | None
    signature: Signature | None


@dataclass(frozen=True)
class Looked:
    """A license that may be copied now."""

    row: sa.Row
    opened: Opened
    verdict: Verdict
    maker: str
    """Name of the client."""
    pending: Sequence[str]
    """Fields that are being corrected."""


def make_copy(hub: Hub, request: CopyRequest) -> Made:
    """Raises NotAuthorized (NotAllowed: no grant or word for its type), PurposeMissing, CaseNotOpen, BundleUnavailable, CopyRefused (not in
    force), CopyFault, NotAuthenticated.
    """
    if SCOPE not in request.principal.scopes:
        raise NotAuthorized(f"scope {SCOPE} is not granted to this client")
    if not request.purpose.strip() or not request.case_no.strip():
        raise PurposeMissing("give a purpose and the number of the open case")
    if not 1 <= request.days <= MOST_DAYS:
        raise ValueError(f"days: 1 to {MOST_DAYS}")
    now = hub.now()
    with writing(hub.engine) as connection:
        looked = _look(hub, connection, request, now)
        file = _collected(hub, connection, looked) if request.collected else None
    if file is None:
        file = _annotated(hub, request, looked, now)
    signature = _sm2(hub, file)
    with writing(hub.engine) as connection:
        still(hub, connection, request.principal)
        again = _look(hub, connection, request, now)
        if again.row.entry != looked.row.entry:
            raise CopyRefused(again.verdict.code.value, "the license changed while it was copied: ask again")
        copies.remember(hub, connection, file, again.row.entry, request.principal.client_id, request.purpose)
        secret = copies.offer(hub, connection, file, again.row.entry, request.principal.client_id, request.case_no)
        record(connection, now, [_audited(hub, request, again)])
    return Made(secret, now + copies.LIFE, file.sha256, file.media_type, file.copy_id, file.valid_to, signature)


def _look(hub: Hub, connection: sa.Connection, request: CopyRequest, now: datetime) -> Looked:
    found = usable(hub, connection, request.principal, number_form(request.identifier), request.case_no, request.operator)
    row = found.row
    facts = judge(hub, connection, newest_checkpoint(hub, connection), Match(row, found.opened))
    verdict = decide(facts, now=now, as_of=datetime.fromisoformat(row.as_of), evidence={"entry": row.entry})
    if verdict.status is not Status.VALID:
        raise CopyRefused(verdict.code.value, "no copy is made of a license that is not in force")
    client = find_client(connection, request.principal.client_id)[1]
    pending = [one.field for one in of_license(connection, hub.catalog, row.type_id, row.identifier, now)]
    return Looked(row, found.opened, verdict, client.name if client else "", pending)


def _collected(hub: Hub, connection: sa.Connection, looked: Looked) -> copies.File:
    file = copies.collected(hub, connection, looked.row.entry)
    if file is None:
        raise BundleUnavailable("no file of its own came with this license: ask for an annotated copy")
    return file


def _annotated(hub: Hub, request: CopyRequest, looked: Looked, now: datetime) -> copies.File:
    wanted = print_copy.Wanted(
        copy_id=hub.entropy(16).hex(), purpose=request.purpose.strip(), maker=looked.maker, made_at=now,
        valid_to=now + timedelta(days=request.days), pending=looked.pending,
    )  # fmt: skip
    data = print_copy.print_copy(hub, looked.opened.fields, wanted)
    return copies.File(data, "application/pdf", hashlib.sha256(data).hexdigest(), wanted.copy_id, wanted.valid_to, made_at=now)


def _sm2(hub: Hub, file: copies.File) -> Signature | None:
    """Of copies alone. A hub without an SM2 key (never in production) gives none."""
    if file.copy_id is None:
        return None
    try:
        signer = hub.keyring.signer("copy-sm2")
        return Signature(signer.alg, signer.kid, base64.b64encode(signer.sign(file.data)).decode())
    except KeyFault:
        return None
    except SigningError as fault:
        raise CopyFault(f"no SM2 signature: {fault}") from None


def _audited(hub: Hub, request: CopyRequest, looked: Looked) -> Entry:
    subject = next(iter(holder_numbers(looked.opened.fields)), None)
    index = subject_index(hub.crypt, subject)
    who = (request.request_id, request.principal.client_id, "copy", looked.row.entry, index)
    return Entry(*who, looked.verdict.status.value, "COLLECTED" if request.collected else "COPIED", request.purpose, request.case_no)
