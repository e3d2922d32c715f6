"""What becomes of one material of a case: facts in, outcome out. No look-up, no clock.

A material's ways are tried in their order; the first that holds decides.
- A license or a shared row counts where somebody may look at it. Where the holder's word is missing nothing is said of what there is:
  the outcome is NEEDS_AUTHORIZATION, unless a later license, row or answer settles it without.
- A question to the issuing body, a promise, a deferral need nobody's word, but come second to asking the holder where that is possible:
  they are told as alternatives.
- What no way covers is handed in. The reason is what the ways gave: what was found and does not count before why nothing was found.

Codes are those of `domain.verdict` and of `Reason`; sentences and next steps are in catalogs/messages.yaml.
Source: issue 5 §2; standards.md §6.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from enum import StrEnum

from catalogs.matter import GOVERNMENT, CheckWay, DeferWay, LicenseWay, Material, PromiseWay, ShareWay
from license_hub.domain.policy import GRADES
from license_hub.domain.verdict import Code


class Outcome(StrEnum):
    EXEMPT = "EXEMPT"
    NEEDS_AUTHORIZATION = "NEEDS_AUTHORIZATION"
    DEPARTMENT_CHECK = "DEPARTMENT_CHECK"
    PROMISE = "PROMISE"
    DEFERRED = "DEFERRED"
    CANCELLED = "CANCELLED"
    SUBMIT = "SUBMIT"


class Reason(StrEnum):
    """Besides the verdict codes of licenses that were found or not, and the causes for which a look is refused."""

    SHARED_DATA = "SHARED_DATA"
    DEPARTMENT_CONFIRMED = "DEPARTMENT_CONFIRMED"
    CONSENT_MISSING = "CONSENT_MISSING"
    DEPARTMENT_ASKED = "DEPARTMENT_ASKED"
    CHECK_OVERDUE = "CHECK_OVERDUE"
    PROMISE_OFFERED = "PROMISE_OFFERED"
    DEFERRAL_OFFERED = "DEFERRAL_OFFERED"
    NO_LONGER_ASKED = "NO_LONGER_ASKED"
    DEPARTMENT_DENIED = "DEPARTMENT_DENIED"
    DEPARTMENT_UNSURE = "DEPARTMENT_UNSURE"
    GRADE_TOO_LOW = "GRADE_TOO_LOW"
    DAYS_TOO_FEW = "DAYS_TOO_FEW"
    OTHER_REGION = "OTHER_REGION"
    FACE_INCOMPLETE = "FACE_INCOMPLETE"
    CHANGE_HELD = "CHANGE_HELD"
    UNDER_CORRECTION = "UNDER_CORRECTION"
    DATA_DIFFERS = "DATA_DIFFERS"
    DATA_INCOMPLETE = "DATA_INCOMPLETE"
    DATA_STALE = "DATA_STALE"
    DATA_NOT_FOUND = "DATA_NOT_FOUND"
    PARTY_MISSING = "PARTY_MISSING"
    OWN_MATERIAL = "OWN_MATERIAL"
    NO_WAY = "NO_WAY"


CONFIRMED, DENIED, UNKNOWN = "CONFIRMED", "DENIED", "UNKNOWN"
"""What an issuing body answers."""
ABSENT = (Code.HELD, Code.IN_QUARANTINE, Code.SOURCE_LATE, Code.NOT_COVERED, Code.NOT_FOUND, Code.VERIFY_ONLY, Reason.DATA_NOT_FOUND)
"""Why nothing was found, the most telling first. All other reasons are of something that was found, or of not being let look."""
NO_WORD = "NEEDS_AUTHORIZATION"
"""Why a look is refused where the holder alone can say yes; every other cause is the caller's own to settle."""


@dataclass(frozen=True)
class License:
    """A license of the party, as far as the decision needs it."""

    type_id: str
    identifier: str
    entry: int
    """Of its version in the log."""
    division: str
    """Of the issuing organ."""
    code: Code
    """Its verdict now."""
    grade: str
    valid_to: date | None
    as_of: str
    late: bool
    """Its source is behind its cycle: told, and no reason against what it said."""
    face: frozenset[str]
    """Titles of the face fields that have a value."""
    change_held: bool = False
    under_correction: frozenset[str] = frozenset()
    """Titles of face fields with a value for the time being, `status` for the status."""


@dataclass(frozen=True)
class SharedRow:
    """A trusted row about the party."""

    resource: str
    row: str
    """Its place: publication and line, no key."""
    values: Mapping[str, str]
    as_of: str
    late: bool
    stale: bool


@dataclass(frozen=True)
class Question:
    """What the issuing body was asked about this material."""

    task_id: str
    due_on: date
    answer: str | None


@dataclass(frozen=True)
class Facts:
    """All that is known for one material's party. `refused`: license type or resource → why nobody may look at it."""

    refused: Mapping[str, str] = field(default_factory=dict)
    licenses: Mapping[str, tuple[License, ...]] = field(default_factory=dict)
    """By type."""
    rows: Mapping[str, tuple[SharedRow, ...]] = field(default_factory=dict)
    """By resource."""
    absent: Mapping[str, Code] = field(default_factory=dict)
    """License type → why nothing was found."""
    no_row: Mapping[str, Code] = field(default_factory=dict)
    """The same by resource."""
    question: Question | None = None
    party_known: bool = True


@dataclass(frozen=True)
class Tried:
    """One thing that was looked at: a license, a row, a kind that has none, an answer."""

    kind: str
    of: str
    reason: str
    identifier: str = ""


@dataclass(frozen=True)
class Decided:
    outcome: Outcome
    reason: str
    way: int | None = None
    """Place of the way that decided, among the material's."""
    license: License | None = None
    row: SharedRow | None = None
    fields: tuple[str, ...] = ()
    """What is relied on: face titles, or fields of the resource."""
    due_on: date | None = None
    """Until when an answer, or what was promised, is due."""
    tried: tuple[Tried, ...] = ()
    """What did not count, in order."""
    others: tuple[str, ...] = ()
    """Candidates that would have done too, the next best first: identifiers of licenses."""
    alternatives: tuple[str, ...] = ()
    """Kinds of later ways that would do instead."""


def decide(material: Material, facts: Facts, today: date) -> Decided:
    """`today` is the day in Shanghai."""
    tried: list[Tried] = []
    pending: int | None = None
    for at, way in enumerate(material.ways):
        if way.kind == "cancel":
            return Decided(Outcome.CANCELLED, Reason.NO_LONGER_ASKED, at, tried=tuple(tried))
        if not facts.party_known:
            continue
        if isinstance(way, LicenseWay | ShareWay):
            found, waits = (_by_license if isinstance(way, LicenseWay) else _by_row)(way, facts, today, tried)
            pending = at if waits and pending is None else pending
        elif isinstance(way, CheckWay) and facts.question is not None and facts.question.answer is not None:
            found = _answered(way, facts.question, tried)
        else:
            found = _second(way, facts, today) if pending is None else None
        if found is not None:
            return replace(found, way=at, tried=tuple(tried))
    if pending is not None:
        # What a later question, promise or deferral would do instead is for the applicant to choose.
        later = tuple(one.kind for one in material.ways[pending + 1 :] if not isinstance(one, LicenseWay | ShareWay))
        return Decided(Outcome.NEEDS_AUTHORIZATION, Reason.CONSENT_MISSING, pending, tried=tuple(tried), alternatives=later)
    return Decided(Outcome.SUBMIT, _why(material, facts, tried), tried=tuple(tried))


def fault(way: LicenseWay, found: License, today: date) -> str | None:
    """Why that license does not stand for the material; None: it does."""
    if found.code is not Code.IN_FORCE:
        return found.code.value
    if GRADES.index(found.grade) > GRADES.index(way.grade):
        return Reason.GRADE_TOO_LOW
    if way.days_left and found.valid_to is not None and found.valid_to < today + timedelta(days=way.days_left):
        return Reason.DAYS_TOO_FEW
    if way.regions and not found.division.startswith(way.regions):
        return Reason.OTHER_REGION
    if not set(way.face) <= found.face:
        return Reason.FACE_INCOMPLETE
    if found.change_held:
        return Reason.CHANGE_HELD
    return Reason.UNDER_CORRECTION if found.under_correction & {*way.face, "status"} else None


def rank(found: License) -> tuple:
    """The better candidate is smaller: grade, then how long it is valid, then how fresh its source is."""
    lasts = found.valid_to or date.max
    return (GRADES.index(found.grade), -lasts.toordinal(), found.late, _falling(found.as_of), found.identifier)


def _falling(text: str) -> tuple[int, ...]:
    return tuple(-ord(one) for one in text)


def _by_license(way: LicenseWay, facts: Facts, today: date, tried: list[Tried]) -> tuple[Decided | None, bool]:
    """(what settles it, whether the holder's word is missing)."""
    good: list[License] = []
    waits = False
    for kind in way.types:
        cause = facts.refused.get(kind)
        if cause is not None:
            waits |= cause == NO_WORD
            tried.append(Tried("license", kind, Reason.CONSENT_MISSING if cause == NO_WORD else cause))
            continue
        # The best first, so that of several that do not count the nearest miss is the reason.
        for one in sorted(facts.licenses.get(kind, ()), key=rank):
            wrong = fault(way, one, today)
            if wrong is None:
                good.append(one)
            else:
                tried.append(Tried("license", kind, wrong, one.identifier))
        if not facts.licenses.get(kind):
            tried.append(Tried("license", kind, facts.absent.get(kind, Code.NOT_FOUND).value))
    if not good:
        return None, waits
    best, *rest = sorted(good, key=rank)
    others = tuple(one.identifier for one in rest)
    return Decided(Outcome.EXEMPT, Code.IN_FORCE.value, license=best, fields=way.face, others=others), False


def _by_row(way: ShareWay, facts: Facts, _today: date, tried: list[Tried]) -> tuple[Decided | None, bool]:
    cause = facts.refused.get(way.resource)
    if cause is not None:
        tried.append(Tried("share", way.resource, Reason.CONSENT_MISSING if cause == NO_WORD else cause))
        return None, cause == NO_WORD
    rows = facts.rows.get(way.resource, ())
    for one in rows:
        if one.stale:
            tried.append(Tried("share", way.resource, Reason.DATA_STALE))
        elif any(one.values.get(name, "") not in values for name, values in way.where.items()):
            tried.append(Tried("share", way.resource, Reason.DATA_DIFFERS))
        elif not all(one.values.get(name) for name in way.fields):
            tried.append(Tried("share", way.resource, Reason.DATA_INCOMPLETE))
        else:
            return Decided(Outcome.EXEMPT, Reason.SHARED_DATA, row=one, fields=way.fields), False
    if not rows:
        absent = facts.no_row.get(way.resource, Code.NOT_FOUND)
        tried.append(Tried("share", way.resource, Reason.DATA_NOT_FOUND if absent is Code.NOT_FOUND else absent.value))
    return None, False


def _answered(way: CheckWay, question: Question, tried: list[Tried]) -> Decided | None:
    if question.answer == CONFIRMED:
        return Decided(Outcome.EXEMPT, Reason.DEPARTMENT_CONFIRMED)
    tried.append(Tried("check", way.department, Reason.DEPARTMENT_DENIED if question.answer == DENIED else Reason.DEPARTMENT_UNSURE))
    return None


def _second(way: CheckWay | PromiseWay | DeferWay, facts: Facts, today: date) -> Decided:
    """A question, a promise or a deferral: each holds by itself."""
    if isinstance(way, CheckWay):
        asked = facts.question
        overdue = asked is not None and asked.due_on < today
        reason = Reason.CHECK_OVERDUE if overdue else Reason.DEPARTMENT_ASKED
        return Decided(Outcome.DEPARTMENT_CHECK, reason, due_on=asked.due_on if asked else None)
    due = today + timedelta(days=way.due_days)
    if isinstance(way, PromiseWay):
        return Decided(Outcome.PROMISE, Reason.PROMISE_OFFERED, due_on=due)
    return Decided(Outcome.DEFERRED, Reason.DEFERRAL_OFFERED, due_on=due)


def _why(material: Material, facts: Facts, tried: list[Tried]) -> str:
    """Why it has to be handed in."""
    if not facts.party_known:
        return Reason.PARTY_MISSING
    said = [one.reason for one in tried]
    telling = [one for one in said if one not in ABSENT]
    if telling:
        return telling[0]
    if said:
        return min(said, key=ABSENT.index)
    return Reason.NO_WAY if material.channel == GOVERNMENT else Reason.OWN_MATERIAL
