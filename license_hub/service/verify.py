"""Verifies many requests at once: one look-up, every check, an audit entry each.

1. form        identifier well formed; a number alone finds nothing: its holder's number belongs to it
2. look-up     one query for all; status comes from the rows just read, never from a cache; keys are read again if the
               security epoch it returns has moved
3. proof       content → leaf → organ's seal → log (`proofs`)
4. claims      what the asker claims against what the license says; names of differing fields, never values
5. absence     nothing found has causes (`absence`)
6. verdict     `domain.verdict.decide`
7. audit       the last statement, which commits it all (`engine.answering`): no audit, no answer

Source: design.md decisions 1, 5 and 9.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from license_hub.domain import identifier as identifiers
from license_hub.domain.claims import differing
from license_hub.domain.license import dates, holder_numbers
from license_hub.domain.lifecycle import State
from license_hub.domain.verdict import Code, Found, Proof, Verdict, decide
from license_hub.errors import DecryptionError
from license_hub.log.checkpoint import Checkpoint
from license_hub.service.absence import Absences
from license_hub.service.budgets import Charge, Spending
from license_hub.service.canaries import recorded
from license_hub.service.content import Opened, holder_form, number_form, open_version, subject_index
from license_hub.service.erasures import is_erased
from license_hub.service.events import check_event, worst
from license_hub.service.hub import Hub
from license_hub.service.list_audit import Entry
from license_hub.service.proofs import check_version, relied_on
from license_hub.service.provisional import Provisional
from license_hub.service.sample_data import reaches_found
from license_hub.storage.engine import answering, whole
from license_hub.storage.lookup import LookedUp, find

HOLDER_NUMBER = "CZZTDM"


@dataclass(frozen=True)
class VerifyRequest:
    """By `identifier`, or by `type_id`, `number` and `holder_number`. A collected license's identifier needs the holder number too."""

    identifier: str | None = None
    type_id: str | None = None
    number: str | None = None
    holder_number: str | None = None
    claims: Mapping[str, str] = field(default_factory=dict)
    """What the asker believes: field by short name (CZZT), metadata title (持证主体) or face title (经营场所) → value."""
    actor: str = "public"
    """Client id, or who else asks."""
    payer: str = ""
    """Whose budgets it is charged to: a client's id, `address:…`, '' = nobody's (`service.budgets`)."""
    purpose: str = ""
    case_no: str = ""
    request_id: str = ""


@dataclass(frozen=True)
class Answer:
    verdict: Verdict
    type_id: str | None = None
    mismatched: tuple[str, ...] = ()
    """Claimed fields that differ, as the asker named them."""
    grade: str | None = None
    """Trust grade A–D of what was found."""
    holder_verified: bool | None = None
    as_of: datetime | None = None
    """Up to when the source vouches for it; None: no source said anything of it."""
    log: str | None = None
    """`witnessed`; `unwitnessed`: under a checkpoint that lacks a quorum; `pending`: under none yet."""
    change_held: bool = False
    """A correction of the license waits for its issuing organ's word; until then the license stands as it is."""
    provisional: tuple[Provisional, ...] = ()
    """What its responsible body says for the time being: names of fields, no values."""
    wait: int = 0
    """Seconds until the payer's budget allows it; else 0. If not 0, nothing else of this may be told."""
    epoch: int = 0
    """The security epoch its look-up saw: who was let in under another one is to be checked again before he gets it."""


@dataclass(frozen=True)
class Asked:
    """A request in the form of the stored values. Neither `identifier` nor `numbers`: the identifier is malformed."""

    request: VerifyRequest
    identifier: str | None
    numbers: tuple[bytes, ...] = ()
    """Blind indexes the certificate number may be stored under."""

    @property
    def malformed(self) -> bool:
        return self.identifier is None and not self.numbers


@dataclass(frozen=True)
class Match:
    """A found version whose content could be read (`opened`), or not."""

    row: sa.Row
    opened: Opened | None


def verify(hub: Hub, requests: Sequence[VerifyRequest]) -> list[Answer]:
    """One answer a request, in order. Raises ValueError for a request that is neither by identifier nor by all three of the other way."""
    for one in requests:
        check_form(one)
    now, crypt = hub.now(), hub.crypt
    asked = [asked_for(hub, one) for one in requests]
    with answering(hub.engine) as connection:
        published = hub.tiles.read_checkpoint()
        found = _look_up(hub, connection, asked)
        hub.security.seen(connection, found.epoch)
        if hub.crypt is not crypt:
            # There is a new index key: what was issued under it was not found.
            asked = [asked_for(hub, one) for one in requests]
            found = _look_up(hub, connection, asked)
        head = relied_on(hub, connection, published, found.note)
        matches = _matches(hub, asked, found.rows)
        common = _Common(hub, connection, now, found.epoch, head, found.witnessed, Absences(hub, connection, now))
        answers = [_answer(common, one, match) for one, match in zip(asked, matches, strict=True)]
        entries = [audited(hub, *one) for one in zip(requests, matches, answers, strict=True)]
        return settled(hub, connection, now, requests, matches, answers, entries)


def settled(
    hub: Hub, connection: sa.Connection, now: datetime, requests: Sequence[VerifyRequest], matches: Sequence[Match | None],
    answers: Sequence[Answer], entries: Sequence[Entry],
) -> list[Answer]:  # fmt: skip
    """The answers that their payers' budgets allow, on record, as the last step. What contradicts a claim is a miss, like
    what finds nothing: either is a guess that failed.
    """
    missed = [match is None or bool(answer.mismatched) for match, answer in zip(matches, answers, strict=True)]
    charges = [Charge(one.payer, entry.subject_bi, miss) for one, entry, miss in zip(requests, entries, missed, strict=True)]
    spending = Spending(hub, connection, charges)
    with whole(connection) if spending.raised else nullcontext():
        spending.keep(connection)
        waits = spending.waits
        told = [one._replace(status="REFUSED", code="RATE_LIMITED") if wait else one for one, wait in zip(entries, waits, strict=True)]
        recorded(hub, connection, now, told)
    return [replace(one, wait=wait) if wait else one for one, wait in zip(answers, waits, strict=True)]


def check_form(request: VerifyRequest) -> None:
    """Raises ValueError."""
    if not request.identifier and not (request.type_id and request.number and request.holder_number):
        raise ValueError("give the identifier, or license type, certificate number and holder number")


def open_row(hub: Hub, row: sa.Row) -> Match:
    """The row with its content, if that can be read."""
    try:
        return Match(row, open_version(hub.crypt, row))
    except (DecryptionError, ValueError):
        return Match(row, None)


def judge(hub: Hub, connection: sa.Connection, head: Checkpoint | None, match: Match, differing: tuple[str, ...] = ()) -> Found:
    """The facts of a found version."""
    row, opened = match.row, match.opened
    state, newest = State(row.event_state or row.newest_status), row.newest_entry == row.entry
    if opened is None:
        return Found(state, newest, Proof.BAD, erased=is_erased(hub, connection, head, row))
    proof = check_version(hub, connection, head, row, opened)
    if proof is not Proof.BAD and row.event_entry is not None and row.event_of_entry == row.entry:
        event = _Event({name.removeprefix("event_"): value for name, value in row._mapping.items() if name.startswith("event_")})
        proof = worst(proof, check_event(hub, connection, head, event, row.leaf_id, opened.secret))
    start, end = dates(opened.fields)
    return Found(state, newest, proof, start, end, differing)


class _Event:
    """A status event by attribute, as `status_leaf` reads it."""

    def __init__(self, columns: Mapping[str, object]):
        self.__dict__.update(columns)


def _look_up(hub: Hub, connection: sa.Connection, asked: Sequence[Asked]) -> LookedUp:
    numbers = {index for one in asked for index in one.numbers}
    named = {one.identifier for one in asked if one.identifier}
    return find(connection, named, numbers, hub.evidence.instead, witnessed=hub.policy.demands)


def _matches(hub: Hub, asked: Sequence[Asked], rows: Sequence[sa.Row]) -> list[Match | None]:
    """What each request is about."""
    hub.evidence.decoy = next(iter(rows), hub.evidence.decoy)
    by_identifier = {row.identifier: row for row in rows}
    by_number: dict[tuple[str, bytes], list[sa.Row]] = {}
    for row in rows:
        if row.entry == row.newest_entry:
            by_number.setdefault((row.type_id, bytes(row.number_bi)), []).append(row)
    found = []
    for one in asked:
        if one.numbers:
            same = [row for index in one.numbers for row in by_number.get((one.request.type_id or "", index), [])]
            found.append(_by_number(hub, one.request, same))
            if not same and (decoy := hub.evidence.decoy) is not None:
                # T10: a number nobody has takes as long as one that somebody else has.
                holds(open_row(hub, decoy), one.request.holder_number)
        else:
            found.append(of_identifier(hub, one.request, by_identifier.get(one.identifier or "")))
    return found


def asked_for(hub: Hub, request: VerifyRequest) -> Asked:
    if not request.identifier:
        return Asked(request, None, hub.crypt.probes("number", number_form(request.number or "")))
    text = number_form(request.identifier)
    return Asked(request, None if identifiers.unusable(identifiers.inspect(text)) else text)


def of_identifier(hub: Hub, request: VerifyRequest, row: sa.Row | None) -> Match | None:
    """Who has the identifier of a collected license may have it from a copy: the holder's number must come with it."""
    if row is None:
        return None
    match = open_row(hub, row)
    if not reaches_found(request.actor, row.identifier, match.opened and match.opened.fields):
        return None
    if match.opened is None and not row.payload:
        # Nobody can say any more whose it was.
        return match
    kind = hub.catalog.license_types.get(row.type_id)
    return None if kind is not None and kind.origin == "collected" and not holds(match, request.holder_number) else match


def _by_number(hub: Hub, request: VerifyRequest, rows: Sequence[sa.Row]) -> Match | None:
    """Of several (one resource each) the one whose source gives a status, then the freshest."""
    matches = [match for match in (open_row(hub, row) for row in rows) if match.opened is None or holds(match, request.holder_number)]
    matches = [one for one in matches if reaches_found(request.actor, one.row.identifier, one.opened and one.opened.fields)]
    return max(matches, key=lambda one: (_state(one.row) is not State.STATUS_NOT_PROVIDED, one.row.as_of), default=None)


def holds(match: Match, number: str | None) -> bool:
    return bool(number and match.opened and holder_form(number) in {holder_form(one) for one in holder_numbers(match.opened.fields)})


def _state(row: sa.Row) -> State:
    return State(row.event_state or row.newest_status)


class _Common(NamedTuple):
    """What the answers of one transaction share."""

    hub: Hub
    connection: sa.Connection
    now: datetime
    epoch: int
    head: Checkpoint | None
    witnessed: int | None
    absences: Absences


def _answer(common: _Common, asked: Asked, match: Match | None) -> Answer:
    hub, connection, now, epoch, head, witnessed, absences = common
    request, kind = asked.request, hub.catalog.license_types.get(asked.request.type_id or "")
    if asked.malformed:
        return Answer(decide(None, now=now, as_of=now, malformed=True), epoch=epoch)
    if asked.numbers and kind is not None and kind.origin == "verify_only":
        return Answer(decide(None, now=now, as_of=now, verify_only=True), kind.id, epoch=epoch)
    if match is None:
        cause, as_of = absences.of(request)
        return Answer(decide(cause, now=now, as_of=as_of or now), kind.id if kind else None, as_of=as_of, epoch=epoch)
    row, wrong = match.row, tuple(differing_claims(request, match))
    found = judge(hub, connection, head, match, wrong)
    evidence = {"entry": row.entry, "sealed_by": row.attested_by, "log_size": head.size if head else 0}
    if match.opened:
        evidence["leaf_hash"] = match.opened.leaf_hash.hex()
    verdict = decide(found, now=now, as_of=datetime.fromisoformat(row.as_of), evidence=evidence)
    shown = wrong if found.proof is not Proof.BAD else ()
    pending = hub.provisional.of(connection, hub.catalog, row.type_id, row.identifier, now)
    log = _standing(head, witnessed, row) if verdict.code is not Code.PROOF_BAD else None
    # Said of the newest version alone: what an older one says no longer counts anyway.
    held = bool(row.change_held) and row.entry == row.newest_entry
    known = (row.type_id, shown, row.grade, row.holder_verified, verdict.as_of)
    return Answer(verdict, *known, log=log, change_held=held, provisional=pending, epoch=epoch)


def _standing(head: Checkpoint | None, witnessed: int | None, row: sa.Row) -> str:
    """How far the log vouches for a version and its newest act."""
    newest = max(row.entry, row.event_entry or 0)
    if witnessed is not None and newest < witnessed:
        return "witnessed"
    return "unwitnessed" if head is not None and newest < head.size else "pending"


def differing_claims(request: VerifyRequest, match: Match) -> list[str]:
    """Claims that differ, by the asker's own names for the fields."""
    if match.opened is None:
        return []
    found = differing(match.opened.fields, request.claims)
    if request.holder_number and not holds(match, request.holder_number):
        found.append(HOLDER_NUMBER)
    return sorted(set(found))


def audited(hub: Hub, request: VerifyRequest, match: Match | None, answer: Answer) -> Entry:
    subject = request.holder_number
    if not subject and match and match.opened:
        subject = next(iter(holder_numbers(match.opened.fields)), None)
    return Entry(
        request_id=request.request_id,
        actor=request.actor,
        action="verify",
        entry=match.row.entry if match else None,
        subject_bi=subject_index(hub.crypt, subject),
        status=answer.verdict.status.value,
        code=answer.verdict.code.value,
        purpose=request.purpose or None,
        case_no=request.case_no or None,
    )
