"""The facts of all materials of all cases at once: what may be looked at, what there is, why there is nothing, what was asked.

1. basis      for each license type and resource a party's materials name: `authorize.examine`; nothing is looked at without one
2. licenses   one look-up by the blind indexes of all those parties' numbers, then every version by its entry
3. verdicts   the same as everywhere: `verify.judge`, `domain.verdict.decide`
4. rows       trusted rows by number (`shared_rows`)
5. absence    why a type or resource gave nothing (`absence`)
6. questions  what issuing bodies were asked, and said
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from catalogs.matter import DUTY, CheckWay, LicenseWay, Matter, ShareWay
from license_hub.domain.exemption import Facts, License, Question, SharedRow
from license_hub.domain.license import FACE, dates
from license_hub.domain.verdict import Absent, Code, decide
from license_hub.service.absence import Absences
from license_hub.service.authorize import Basis, Denied, Held, examine, grants_of
from license_hub.service.hub import Hub
from license_hub.service.proofs import newest_checkpoint
from license_hub.service.shared_rows import SharedRows
from license_hub.service.verify import Match, judge, open_row
from license_hub.storage.cases import Case
from license_hub.storage.licenses import CHUNK, chunks
from license_hub.storage.lookup import find_held
from license_hub.storage.tables_cases import task

OF_THE_GRANT = (Denied.NO_GRANT, Denied.GRANT_SUSPENDED, Denied.GRANT_EXPIRED)
"""Refusals that have nothing to do with whose license it is."""


@dataclass(frozen=True)
class Seen:
    """A license that was looked at, with what it says."""

    license: License
    match: Match


@dataclass(frozen=True)
class Wanted:
    """What a case's materials, or its form, may look at: (party, license type), (party, resource, field of the number)."""

    types: frozenset[tuple[str, str]]
    shares: frozenset[tuple[str, str, str]]
    answers: bool = False
    """Whether issuing bodies' answers are looked at too."""


@dataclass
class Known:
    """What is known for one case. `bases`: (party, license type or resource) → on what it was looked at, or why not."""

    case: Case
    matter: Matter
    wanted: Wanted
    bases: dict[tuple[str, str], Basis | Denied] = field(default_factory=dict)
    licenses: dict[tuple[str, str], list[Seen]] = field(default_factory=dict)
    """(party, license type) → what was found."""
    rows: dict[tuple[str, str, str], tuple[SharedRow, ...]] = field(default_factory=dict)
    """(party, resource, field of the number)."""
    absent: dict[tuple[str, str], Code] = field(default_factory=dict)
    """(party, license type)."""
    no_row: dict[tuple[str, str], Code] = field(default_factory=dict)
    """(party, resource)."""
    questions: dict[str, sa.Row] = field(default_factory=dict)
    """Material → its row of hub_check_task."""

    def facts(self, material_code: str) -> Facts:
        material = self.matter.material(material_code)
        who = material.party
        if who not in self.case.parties:
            return Facts(party_known=False)
        asked = self.questions.get(material_code)
        shares = [way for way in material.ways if isinstance(way, ShareWay)]
        return Facts(
            refused={of: said.value for (party, of), said in self.bases.items() if party == who and isinstance(said, Denied)},
            licenses={kind: tuple(one.license for one in found) for (party, kind), found in self.licenses.items() if party == who},
            rows={way.resource: self.rows.get((who, way.resource, way.number_field), ()) for way in shares},
            absent={kind: code for (party, kind), code in self.absent.items() if party == who},
            no_row={of: code for (party, of), code in self.no_row.items() if party == who},
            question=Question(asked.task_id, date.fromisoformat(asked.due_on), asked.answer) if asked else None,
        )

    def seen(self, party: str, identifier: str) -> Seen:
        """Raises StopIteration."""
        listed = (one for (who, _), found in self.licenses.items() if who == party for one in found)
        return next(one for one in listed if one.license.identifier == identifier)

    def may(self, party: str, of: str) -> bool:
        return isinstance(self.bases.get((party, of)), Basis)


def wanted_by_materials(matter: Matter) -> Wanted:
    ways = [(one.party, way) for one in matter.materials for way in one.ways]
    types = {(party, kind) for party, way in ways if isinstance(way, LicenseWay) for kind in way.types}
    shares = frozenset((party, way.resource, way.number_field) for party, way in ways if isinstance(way, ShareWay))
    return Wanted(frozenset(types), shares, any(isinstance(way, CheckWay) for _, way in ways))


def wanted_by_form(matter: Matter) -> Wanted:
    sources = [one for asked in matter.form for one in asked.prefill]
    types = {(one.party, one.of) for one in sources if one.kind == "license"}
    return Wanted(frozenset(types), frozenset((one.party, one.of, one.number_field) for one in sources if one.kind == "share"))


def gather(hub: Hub, connection: sa.Connection, asked: Sequence[tuple[Case, Matter, Wanted]], operators: Sequence[str]) -> list[Known]:
    """For each case, in order: all open, their callers' own, and locked. `operators`: who asks. `connection` is the transaction that
    records the answers.
    """
    now = hub.now()
    found = [Known(*one) for one in asked]
    _bases(hub, connection, found, operators)
    _licenses(hub, connection, found, now)
    absences, shared = Absences(hub, connection, now), SharedRows(hub, connection, now)
    for known in found:
        _rows(known, shared, absences)
        _nothing(hub, known, absences)
    _questions(connection, found)
    return found


def _bases(hub: Hub, connection: sa.Connection, found: Sequence[Known], operators: Sequence[str]) -> None:
    """What is the same for every holder (the grant, the organ's duty) is asked once a client, matter and type or resource."""
    same: dict[tuple[str, str, str, str, bool], Basis | Denied] = {}
    grants = {one: grants_of(connection, *one) for one in sorted({(known.case.client_id, known.matter.id) for known in found})}
    for known, operator in zip(found, operators, strict=True):
        case, wanted = known.case, known.wanted
        for party, of in sorted(wanted.types | {(party, resource) for party, resource, _ in wanted.shares}):
            if party not in case.parties:
                continue
            place = (case.client_id, known.matter.id, known.matter.version, of, bool(operator))
            said = same.get(place)
            if said is None:
                who = {"client_id": case.client_id, "case_id": case.case_id, "operator": operator, "purpose": known.matter.id}
                held = Held(case, grants[case.client_id, known.matter.id])
                said = examine(connection, hub, type_id=of, subject=case.parties[party].number, held=held, **who)
                if said.kind == DUTY if isinstance(said, Basis) else said in OF_THE_GRANT:
                    same[place] = said
            known.bases[party, of] = said


def _licenses(hub: Hub, connection: sa.Connection, found: Sequence[Known], now: datetime) -> None:
    """Licenses of all parties that may be looked at, by party and type."""
    crypt, places = hub.crypt, _places(hub, found)
    if not places:
        return
    types = sorted({kind for known in found for party, kind in known.wanted.types if known.may(party, kind)})
    epoch, holders, rows = find_held(connection, list(places), types)
    hub.security.seen(connection, epoch)
    if hub.crypt is not crypt:
        # There is a new index key: what was issued under it was not found.
        places = _places(hub, found)
        _, holders, rows = find_held(connection, list(places), types)
    head = newest_checkpoint(hub, connection)
    matches = {row.entry: _seen(hub, connection, head, row, now) for row in rows}
    for index, entry in holders:
        for known, party in places[index]:
            one = matches[entry]
            if (party, one.license.type_id) in known.wanted.types and known.may(party, one.license.type_id):
                known.licenses.setdefault((party, one.license.type_id), []).append(one)
    for known in found:
        _for_codes(known)


def _for_codes(known: Known) -> None:
    """What a code was made for, of what was found; nothing of it is as if nobody had given his word."""
    for place, basis in known.bases.items():
        if isinstance(basis, Basis) and basis.licenses is not None:
            meant = [one for one in known.licenses.pop(place, ()) if one.match.row.license_id in basis.licenses]
            if meant:
                known.licenses[place] = meant
            else:
                known.bases[place] = Denied.NEEDS_AUTHORIZATION


def _places(hub: Hub, found: Sequence[Known]) -> dict[bytes, list[tuple[Known, str]]]:
    """Blind index of a number → whose it is, of parties of whom some license may be looked at."""
    places: dict[bytes, list[tuple[Known, str]]] = {}
    for known in found:
        for party in {party for party, kind in known.wanted.types if known.may(party, kind)}:
            for index in hub.crypt.probes("holder", known.case.parties[party].number):
                places.setdefault(index, []).append((known, party))
    return places


def _seen(hub: Hub, connection: sa.Connection, head, row: sa.Row, now: datetime) -> Seen:
    match = open_row(hub, row)
    as_of = datetime.fromisoformat(row.as_of)
    verdict = decide(judge(hub, connection, head, match), now=now, as_of=as_of)
    opened = match.opened
    pending = hub.provisional.of(connection, hub.catalog, row.type_id, row.identifier, now)
    made = License(
        type_id=row.type_id,
        identifier=row.identifier,
        entry=row.entry,
        division=row.attested_by[2:8],
        code=verdict.code,
        grade=row.grade,
        valid_to=dates(opened.fields)[1] if opened else None,
        as_of=row.as_of,
        late=now - as_of > timedelta(hours=hub.catalog.resources[row.resource].cycle_hours),
        face=frozenset(name.removeprefix(FACE) for name in opened.fields if name.startswith(FACE)) if opened else frozenset(),
        change_held=bool(row.change_held),
        under_correction=frozenset(one.field.removeprefix(FACE) for one in pending),
    )
    return Seen(made, match)


def _rows(known: Known, shared: SharedRows, absences: Absences) -> None:
    for party, resource, number_field in known.wanted.shares:
        if known.may(party, resource):
            number = known.case.parties[party].number
            found = known.rows[party, resource, number_field] = shared.of(resource, number_field, number)
            if not found:
                known.no_row[party, resource] = _cause(absences.of_row(resource, number_field, number))


def _nothing(hub: Hub, known: Known, absences: Absences) -> None:
    """Why a type that may be looked at gave nothing."""
    for party, kind in known.wanted.types:
        if known.may(party, kind) and not known.licenses.get((party, kind)):
            verify_only = hub.catalog.license_types[kind].origin == "verify_only"
            number = known.case.parties[party].number
            known.absent[party, kind] = Code.VERIFY_ONLY if verify_only else _cause(absences.of_holder(kind, number))


def _cause(absent: Absent) -> Code:
    at = datetime.min
    return decide(absent, now=at, as_of=at).code


def _questions(connection: sa.Connection, found: Sequence[Known]) -> None:
    by_case: dict[int, list[Known]] = {}
    for known in (one for one in found if one.wanted.answers):
        by_case.setdefault(known.case.case_id, []).append(known)
    for part in chunks(sorted(by_case), CHUNK):
        for row in connection.execute(sa.select(task).where(task.c.case_id.in_(part))):
            for known in by_case[row.case_id]:
                known.questions[row.material] = row
