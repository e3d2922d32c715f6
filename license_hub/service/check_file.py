"""A file somebody shows: is it one the hub made or was sent, unchanged, and what does its license say now?

1. whole file  its SHA-256 is in the hub's record: a copy 加注件, or a department's own file. What a viewer would show plays no part, so
               nothing that hides behind a viewer's view does either (T16)
2. altered     it begins with such a file and goes on, or carries the number of a copy and is another file: refused
3. bundle      JSON of a license: every step of its own proof, then the record of the same leaf
4. code        a picture with the code of a copy, or with an identifier: what it stands for; what is printed beside it is not compared
5. verdict     the license's, from the rows of this transaction (T5); a copy past its own end is no longer any

No PDF is parsed here. Anything else is unknown to the hub, which is never a "yes". Source: threats.md T5, T15, T16.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa

from license_hub.domain import identifier as identifiers
from license_hub.domain.license import holder_numbers
from license_hub.domain.verdict import Code, Status, Verdict, decide
from license_hub.errors import BundleMalformed, ManifestMalformed, SignatureBad
from license_hub.log.policy import Policy
from license_hub.paper import read_image
from license_hub.service import copies
from license_hub.service.budgets import Charge, over_budget
from license_hub.service.canaries import recorded
from license_hub.service.content import number_form, subject_index
from license_hub.service.hub import Hub
from license_hub.service.list_audit import Entry
from license_hub.service.print_copy import CODE, number_in
from license_hub.service.proofs import newest_checkpoint
from license_hub.service.sample_data import reaches_found
from license_hub.service.verify import Answer, Match, VerifyRequest, judge, of_identifier, open_row
from license_hub.signing import bundle as bundles
from license_hub.signing import manifest as manifests
from license_hub.storage import keys
from license_hub.storage.engine import reading, writing
from license_hub.storage.lookup import FOUND, find
from license_hub.storage.tables import version

MOST_BYTES = 2 * 1024 * 1024
MOST_ENDS = 64
"""Ends of file (%%EOF) looked at in one PDF."""
_NUMBER = re.compile(CODE.encode() + rb"([0-9a-f]{32})")
_END = re.compile(rb"%%EOF(\r\n|\n|\r)?")
_BUNDLE = re.compile(rb'"kind"\s*:\s*"license-bundle"')


@dataclass(frozen=True)
class FileRequest:
    data: bytes
    actor: str
    holder_number: str | None = None
    """For a picture with the identifier of a collected license."""
    purpose: str = ""
    case_no: str = ""
    request_id: str = ""
    payer: str = ""
    """Whose budgets it is charged to, as in `VerifyRequest`."""


@dataclass(frozen=True)
class FileAnswer:
    answer: Answer
    document: str | None = None
    """copy, collected, bundle or license (a code with its identifier); None: unknown."""
    valid_to: datetime | None = None
    """A copy's own end."""


@dataclass(frozen=True)
class Recognised:
    """What a file is, before its license is looked at."""

    document: str
    found_by: str
    """file, bundle or code."""
    match: Match | None = None
    valid_to: datetime | None = None
    altered: bool = False


@dataclass(frozen=True)
class Shown:
    """A bundle by itself: what it says, None = it cannot be read; and whether its own proof holds."""

    bundle: bundles.Bundle | None
    good: bool


def check_file(hub: Hub, request: FileRequest) -> FileAnswer:
    """The verdict on the file; `answer.wait` where the payer's budget allows none. Every look is audited in the transaction that answers.

    What the file alone says is worked out before: nobody else waits for it.
    """
    now = hub.now()
    hashes = _hashes(request.data)
    texts = read_image.codes(request.data)
    shown = _shown(hub, request.data)
    with writing(hub.engine) as connection:
        hub.security.refresh(connection)
        found = _within_reach(request.actor, _recognised(hub, connection, request, hashes, texts, shown))
        answer = _answer(hub, connection, found, now)
        entry = _audited(hub, request, found, answer)
        # A file that is of no license here is a guess that failed, like a number that finds nothing.
        [wait] = over_budget(hub, connection, [Charge(request.payer, entry.subject_bi, found is None or found.match is None)])
        recorded(hub, connection, now, [entry._replace(status="REFUSED", code="RATE_LIMITED") if wait else entry])
    if wait:
        return FileAnswer(replace(answer, wait=wait))
    return FileAnswer(answer, found.document if found else None, found.valid_to if found else None)


def _within_reach(actor: str, found: Recognised | None) -> Recognised | None:
    """To a test client every file is unknown whose license is none to test with."""
    match = found.match if found is not None else None
    if match is None or reaches_found(actor, match.row.identifier, match.opened and match.opened.fields):
        return found
    return None


def _hashes(data: bytes) -> list[str]:
    """Of the whole file, then of everything before each of its ends: what an update was added to."""
    found = [hashlib.sha256(data).hexdigest()]
    running, done = hashlib.sha256(), 0
    for end in list(_END.finditer(data))[:MOST_ENDS]:
        for stop in (end.start() + 5, end.end()):
            running.update(data[done:stop])
            done = stop
            found.append(running.hexdigest())
    return found


def _recognised(
    hub: Hub, connection: sa.Connection, request: FileRequest, hashes: list[str], texts: list[str], shown: Shown | None
) -> Recognised | None:
    known = copies.by_hashes(hub, connection, hashes)
    whole = known.get(hashes[0])
    if whole is not None:
        document = "collected" if whole.copy_id is None else "copy"
        return Recognised(document, "file", _version(hub, connection, whole.entry), whole.valid_to)
    if known or copies.by_number(hub, connection, _numbers(request.data)):
        return Recognised("copy", "file", altered=True)
    if shown is not None:
        return _bundle(hub, connection, shown)
    return next((one for text in texts if (one := _of_code(hub, connection, request, text)) is not None), None)


def _numbers(data: bytes) -> list[str]:
    return sorted({one.decode() for one in _NUMBER.findall(data)})[:MOST_ENDS]


def _version(hub: Hub, connection: sa.Connection, entry: int) -> Match:
    return open_row(hub, connection.execute(FOUND.where(version.c.entry == entry)).one())


def _shown(hub: Hub, data: bytes) -> Shown | None:
    """None for what is no bundle, or cannot be checked for want of a manifest."""
    if data.lstrip()[:1] != b"{":
        return None
    try:
        shown = bundles.read(data)
    except BundleMalformed:
        return Shown(None, False) if _BUNDLE.search(data) else None
    with reading(hub.engine) as connection:
        note = keys.newest_manifest(connection)
    try:
        manifest = manifests.verify(note or "", hub.origin, hub.roots, hub.now())
    except (SignatureBad, ManifestMalformed):
        return None
    # Whether witnesses saw the checkpoint it was made under is asked of the record below, which knows newer ones.
    trust = replace(bundles.trust_of(manifest), policy=Policy())
    return Shown(shown, bundles.verify_bundle(shown, trust, hub.now()).good)


def _bundle(hub: Hub, connection: sa.Connection, shown: Shown) -> Recognised | None:
    if shown.bundle is None:
        return Recognised("bundle", "bundle", altered=True)
    row = next(iter(find(connection, [shown.bundle.identifier], []).rows), None)
    match = open_row(hub, row) if row is not None else None
    same = match is not None and match.opened is not None and match.opened.leaf == shown.bundle.leaf
    if row is None or match is None or match.opened is None:
        # Erased, or never here: its own proof alone says nothing of today.
        return Recognised("bundle", "bundle", match) if shown.good and match is not None else None
    return Recognised("bundle", "bundle", match, altered=not (shown.good and same))


def _of_code(hub: Hub, connection: sa.Connection, request: FileRequest, text: str) -> Recognised | None:
    number = number_in(text)
    if number is not None:
        known = next(iter(copies.by_number(hub, connection, [number])), None)
        return Recognised("copy", "code", _version(hub, connection, known.entry), known.valid_to) if known else None
    named = number_form(text)
    if len(named) > 200 or identifiers.unusable(identifiers.inspect(named)):
        return None
    asked = VerifyRequest(identifier=named, holder_number=request.holder_number)
    match = of_identifier(hub, asked, next(iter(find(connection, [named], []).rows), None))
    return Recognised("license", "code", match) if match is not None else None


def _answer(hub: Hub, connection: sa.Connection, found: Recognised | None, now: datetime) -> Answer:
    if found is None:
        return Answer(_said(Code.FILE_UNKNOWN, now))
    if found.altered or found.match is None:
        return Answer(_said(Code.FILE_ALTERED, now))
    row, head = found.match.row, newest_checkpoint(hub, connection)
    evidence = {"entry": row.entry, "sealed_by": row.attested_by, "log_size": head.size if head else 0, "found_by": found.found_by}
    verdict = decide(judge(hub, connection, head, found.match), now=now, as_of=datetime.fromisoformat(row.as_of), evidence=evidence)
    if found.valid_to is not None and found.valid_to <= now and verdict.status is Status.VALID:
        verdict = _said(Code.COPY_EXPIRED, now, evidence)
    return Answer(verdict, row.type_id, grade=row.grade, holder_verified=row.holder_verified, as_of=verdict.as_of)


def _said(code: Code, now: datetime, evidence: Mapping[str, object] | None = None) -> Verdict:
    return Verdict(code.status, code, now, dict(evidence or {}))


def _audited(hub: Hub, request: FileRequest, found: Recognised | None, answer: Answer) -> Entry:
    match = found.match if found else None
    subject = next(iter(holder_numbers(match.opened.fields)), None) if match and match.opened else None
    index = subject_index(hub.crypt, subject)
    who = (request.request_id, request.actor, "check-file", match.row.entry if match else None, index)
    return Entry(*who, answer.verdict.status.value, answer.verdict.code.value, request.purpose or None, request.case_no or None)
