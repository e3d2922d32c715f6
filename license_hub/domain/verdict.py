"""What we say of a license: a value, never an exception.

`decide` looks at facts in a fixed order; the first that settles the matter gives the code, and the code gives the status.
Sentences and next steps are in catalogs/messages.yaml by code. Source: design.md decisions 1 and 5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from license_hub.domain.lifecycle import State, current


class Status(StrEnum):
    VALID = "VALID"
    INVALID = "INVALID"
    UNDETERMINED = "UNDETERMINED"


class Code(StrEnum):
    IN_FORCE = "IN_FORCE"
    REVOKED = "REVOKED"
    WITHDRAWN = "WITHDRAWN"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    SUPERSEDED = "SUPERSEDED"
    NOT_ACTIVE = "NOT_ACTIVE"
    SUSPENDED = "SUSPENDED"
    MOVED_OUT = "MOVED_OUT"
    CONTENT_MISMATCH = "CONTENT_MISMATCH"
    PROOF_BAD = "PROOF_BAD"
    IDENTIFIER_MALFORMED = "IDENTIFIER_MALFORMED"
    STATUS_NOT_PROVIDED = "STATUS_NOT_PROVIDED"
    SOURCE_NO_LONGER_PROVIDES = "SOURCE_NO_LONGER_PROVIDES"
    HELD = "HELD"
    NOT_FOUND = "NOT_FOUND"
    NOT_COVERED = "NOT_COVERED"
    IN_QUARANTINE = "IN_QUARANTINE"
    SOURCE_LATE = "SOURCE_LATE"
    PROOF_PENDING = "PROOF_PENDING"
    VERIFY_ONLY = "VERIFY_ONLY"
    ERASED = "ERASED"
    FILE_UNKNOWN = "FILE_UNKNOWN"
    FILE_ALTERED = "FILE_ALTERED"
    COPY_EXPIRED = "COPY_EXPIRED"

    @property
    def status(self) -> Status:
        """FILE_… and COPY_… are about what was shown (`service.check_file`), all others about a license."""
        if self is Code.IN_FORCE:
            return Status.VALID
        return Status.UNDETERMINED if self in _UNDETERMINED else Status.INVALID


_UNDETERMINED = frozenset(
    {
        Code.STATUS_NOT_PROVIDED,
        Code.SOURCE_NO_LONGER_PROVIDES,
        Code.HELD,
        Code.NOT_FOUND,
        Code.NOT_COVERED,
        Code.IN_QUARANTINE,
        Code.SOURCE_LATE,
        Code.PROOF_PENDING,
        Code.VERIFY_ONLY,
        Code.ERASED,
        Code.FILE_UNKNOWN,
    }
)


class Proof(StrEnum):
    """What checking the stored license against seal and log gave."""

    GOOD = "GOOD"
    PENDING = "PENDING"
    """Committed with its leaf a moment ago, not yet under a checkpoint: counts online, and the answer says so."""
    OVERDUE = "OVERDUE"
    """The same for longer than a checkpoint may take: nothing can be said until there is one."""
    BAD = "BAD"


@dataclass(frozen=True)
class Verdict:
    status: Status
    code: Code
    as_of: datetime
    """Up to when the source vouches for it."""
    evidence: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """A stored version, checked."""

    state: State
    """Stored state: last status act, else what the source said at issue."""
    newest: bool
    proof: Proof
    valid_from: date | None = None
    valid_to: date | None = None
    mismatched: tuple[str, ...] = ()
    """Names of claimed fields that differ from the license."""
    erased: bool = False
    """Its content was erased, by an entry of the log."""


@dataclass(frozen=True)
class Absent:
    """Why nothing was found, as far as we know. "Nothing found" has causes."""

    held: bool = False
    in_quarantine: bool = False
    covered: bool = True
    """False: this hub does not collect that division or year."""
    source_late: bool = False


def decide(
    found: Found | Absent | None,
    *,
    now: datetime,
    as_of: datetime,
    malformed: bool = False,
    verify_only: bool = False,
    evidence: Mapping[str, object] | None = None,
) -> Verdict:
    """The verdict. `found` None only with `malformed` or `verify_only`, which are settled before any look-up.

    Order: identifier · kind of type · presence · proof · claimed content · state. Proof before content, or a rewritten row could
    answer "content differs" for the true holder; content before state, so that a code never confirms the state of a license the asker
    does not know.
    """
    code = _code(found, now, malformed, verify_only)
    seen = dict(evidence or {})
    if code is Code.CONTENT_MISMATCH:
        seen["mismatched"] = list(found.mismatched)
    return Verdict(code.status, code, as_of, seen)


def _code(found: Found | Absent | None, now: datetime, malformed: bool, verify_only: bool) -> Code:
    if malformed:
        return Code.IDENTIFIER_MALFORMED
    if verify_only:
        return Code.VERIFY_ONLY
    if found is None:
        raise ValueError("neither found nor a cause for its absence")
    if isinstance(found, Absent):
        return _absence(found)
    if found.erased:
        return Code.ERASED
    if found.proof is Proof.BAD:
        return Code.PROOF_BAD
    if found.mismatched:
        return Code.CONTENT_MISMATCH
    state = current(found.state, newest=found.newest, valid_from=found.valid_from, valid_to=found.valid_to, now=now)
    # A certain "no" needs no checkpoint; a "yes" or "unknown" waits for its proof.
    if found.proof is Proof.OVERDUE and Code(state.value).status is not Status.INVALID:
        return Code.PROOF_PENDING
    return Code(state.value)


def _absence(cause: Absent) -> Code:
    if cause.held:
        return Code.HELD
    if cause.in_quarantine:
        return Code.IN_QUARANTINE
    if not cause.covered:
        return Code.NOT_COVERED
    return Code.SOURCE_LATE if cause.source_late else Code.NOT_FOUND
