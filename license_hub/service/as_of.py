"""Answers for a past moment: what was so at `valid_at`, as it was known at `known_at` (`domain.history`).

- The same requests as `verify`, the same proof of what is answered, the same audit; no cause is given where nothing was known then.
- Asked by an identifier, the version it names is judged: superseded if another stood then, not active if it came later.
- Asked for now, as known now, the answer is that of `verify`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import sqlalchemy as sa

from license_hub.domain.history import Fact, Standing, begins, standing
from license_hub.domain.license import dates
from license_hub.domain.lifecycle import State
from license_hub.domain.verdict import Absent, Code, Found, Proof, Verdict, decide
from license_hub.log.checkpoint import Checkpoint
from license_hub.service import verify as present
from license_hub.service.erasures import is_erased
from license_hub.service.events import check_event, worst
from license_hub.service.hub import Hub
from license_hub.service.proofs import check_version, newest_checkpoint
from license_hub.service.verify import Answer, VerifyRequest
from license_hub.storage import epoch
from license_hub.storage.engine import writing
from license_hub.storage.licenses import CHUNK, chunks
from license_hub.storage.lookup import FOUND
from license_hub.storage.tables import status, version


@dataclass(frozen=True)
class Moment:
    valid_at: datetime
    known_at: datetime


@dataclass(frozen=True)
class _Past:
    """A license's recorded history. `rows`: its versions as `lookup.FOUND` gives them, by entry; `events`: its status rows by entry."""

    rows: Mapping[int, sa.Row]
    events: Mapping[int, sa.Row]

    def facts(self) -> list[Fact]:
        first = min(self.rows)
        made = [
            Fact(entry, _instant(row), None if entry == first else _instant(row), State(row.source_status), True)
            for entry, row in self.rows.items()
        ]
        for entry, row in self.events.items():
            since = begins(date.fromisoformat(row.effective_on)) if row.effective_on else _instant(row)
            made.append(Fact(entry, _instant(row), since, State(row.state), False))
        return made


_Found = tuple[present.Match, _Past, Standing]


def as_of(hub: Hub, requests: Sequence[tuple[VerifyRequest, Moment]]) -> list[Answer]:
    """One answer a request, in order. Raises ValueError for an incomplete request or a moment that is still to come."""
    now = hub.clock()
    for request, moment in requests:
        present.check_form(request)
        if max(moment.valid_at, moment.known_at) > now:
            raise ValueError("valid_at and known_at are past moments")
    asked = [present.asked_for(hub, request) for request, _ in requests]
    with writing(hub.engine) as connection:
        # Of the look-up alone: whether keys count is asked under the epoch of this transaction.
        seen = epoch.current(connection)
        hub.security.seen(connection, seen)
        pasts = _pasts(connection, asked)
        head = newest_checkpoint(hub, connection)
        answers, entries, matches = [], [], []
        for one, (request, moment) in zip(asked, requests, strict=True):
            found = _match(hub, one, pasts, moment)
            answers.append(replace(_answer(hub, connection, head, one, found, moment), epoch=seen))
            matches.append(found[0] if found else None)
            entries.append(present.audited(hub, request, matches[-1], answers[-1])._replace(action="verify_as_of"))
        return present.settled(hub, connection, hub.now(), [request for request, _ in requests], matches, answers, entries)


def _pasts(connection: sa.Connection, asked: Sequence[present.Asked]) -> list[_Past]:
    """Histories of all licenses that one of the requests could mean."""
    wanted = (
        (version.c.identifier, {one.identifier for one in asked if one.identifier}),
        (version.c.number_bi, {index for one in asked for index in one.numbers}),
    )
    licenses: set[int] = set()
    for column, values in wanted:
        for part in chunks(values, CHUNK):
            licenses.update(connection.execute(sa.select(version.c.license_id).where(column.in_(part)).distinct()).scalars())
    rows: dict[int, dict[int, sa.Row]] = {}
    events: dict[int, dict[int, sa.Row]] = {}
    for part in chunks(sorted(licenses), CHUNK):
        for row in connection.execute(FOUND.where(version.c.license_id.in_(part))):
            rows.setdefault(row.license_id, {})[row.entry] = row
        for row in connection.execute(sa.select(status).where(status.c.license_id.in_(part))):
            events.setdefault(row.license_id, {})[row.entry] = row
    return [_Past(found, events.get(license_id, {})) for license_id, found in rows.items()]


def _match(hub: Hub, asked: present.Asked, pasts: Sequence[_Past], moment: Moment) -> _Found | None:
    """The version that is judged, its license's history, and what stood."""
    if asked.malformed:
        return None
    candidates: list[_Found] = []
    for past in pasts:
        named = next((row for row in past.rows.values() if asked.identifier and row.identifier == asked.identifier), None)
        of_number = any(bytes(row.number_bi) in asked.numbers for row in past.rows.values())
        stood = standing(past.facts(), moment.valid_at, moment.known_at) if named is not None or of_number else None
        if stood is None:
            continue
        if named is not None:
            match = present.of_identifier(hub, asked.request, named) if _instant(named) <= moment.known_at else None
            return (match, past, stood) if match else None
        row = past.rows[stood.version]
        if bytes(row.number_bi) in asked.numbers and row.type_id == asked.request.type_id:
            match = present.open_row(hub, row)
            if match.opened is None or present.holds(match, asked.request.holder_number):
                candidates.append((match, past, stood))
    return max(candidates, key=lambda one: (one[2].state is not State.STATUS_NOT_PROVIDED, one[0].row.as_of), default=None)


def _answer(
    hub: Hub, connection: sa.Connection, head: Checkpoint | None, asked: present.Asked, found: _Found | None, moment: Moment
) -> Answer:
    at, request = moment.valid_at, asked.request
    kind = hub.catalog.license_types.get(request.type_id or "")
    if asked.malformed:
        return Answer(decide(None, now=at, as_of=at, malformed=True))
    if asked.numbers and kind is not None and kind.origin == "verify_only":
        return Answer(decide(None, now=at, as_of=at, verify_only=True), kind.id)
    if found is None:
        return Answer(decide(Absent(), now=at, as_of=moment.known_at), kind.id if kind else None)
    match, past, stood = found
    row = match.row
    differing = tuple(present.differing_claims(request, match))
    erased = match.opened is None and is_erased(hub, connection, head, row)
    proof = _proof(hub, connection, head, match, past, stood)
    start, end = dates(match.opened.fields) if match.opened else (None, None)
    evidence = {"entry": row.entry, "decided_by": stood.decisive, "log_size": head.size if head else 0}
    facts = Found(stood.state, row.entry >= stood.version, proof, start, end, differing, erased)
    verdict = decide(facts, now=at, as_of=datetime.fromisoformat(row.as_of), evidence=evidence)
    if row.entry > stood.version and verdict.code.value in _STATES:
        # The version named came after the moment asked about.
        verdict = Verdict(Code.NOT_ACTIVE.status, Code.NOT_ACTIVE, verdict.as_of, verdict.evidence)
    shown = differing if proof is not Proof.BAD else ()
    return Answer(verdict, row.type_id, shown, row.grade, row.holder_verified, verdict.as_of)


_STATES = frozenset(State)


def _proof(hub: Hub, connection: sa.Connection, head: Checkpoint | None, match: present.Match, past: _Past, stood: Standing) -> Proof:
    """Of the version that is answered for, of the version that stood and of the act that decided, the worst."""
    if match.opened is None:
        return Proof.BAD
    proofs = [check_version(hub, connection, head, match.row, match.opened)]
    if stood.version != match.row.entry:
        other = present.open_row(hub, past.rows[stood.version])
        proofs.append(check_version(hub, connection, head, other.row, other.opened) if other.opened else Proof.BAD)
    if stood.decisive in past.events:
        event = past.events[stood.decisive]
        about = present.open_row(hub, past.rows[event.of_entry]) if event.of_entry in past.rows else None
        if about is None or about.opened is None:
            return Proof.BAD
        proofs.append(check_event(hub, connection, head, event, about.row.leaf_id, about.opened.secret))
    return worst(*proofs)


def _instant(row: sa.Row) -> datetime:
    return datetime.fromisoformat(row.recorded_at)
