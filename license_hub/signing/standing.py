"""Whether a license is in force, told without the hub: from its status list. A list that is stale, damaged or missing says nothing.

Source: design.md decision 1 (a bundle is license + attestation + proof + checkpoint + status); draft-ietf-oauth-status-list-21 §8.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from license_hub.domain.lifecycle import State
from license_hub.domain.verdict import Status
from license_hub.errors import SigningError
from license_hub.signing import statuslist
from license_hub.signing.reference import Reference
from license_hub.signing.statuslist import Listed
from license_hub.signing.suites import PublicKey

LEEWAY_S = 60
"""How far a list's time may lie ahead of the verifier's clock."""


class Because(StrEnum):
    LISTED = "LISTED"
    """The list says so."""
    DATES = "DATES"
    """The face's own dates: not yet valid, or expired."""
    PROOF_BAD = "PROOF_BAD"
    NO_REFERENCE = "NO_REFERENCE"
    """The bundle names no status list: ask the hub."""
    NO_LIST = "NO_LIST"
    """No list was given: fetch the one the reference names."""
    LIST_BAD = "LIST_BAD"
    """Not signed by a status key, malformed, of another address, or from the future."""
    LIST_STALE = "LIST_STALE"


_STATUS = {
    Listed.VALID: Status.VALID,
    Listed.INVALID: Status.INVALID,
    Listed.SUSPENDED: Status.INVALID,
    Listed.UNDETERMINED: Status.UNDETERMINED,
}


@dataclass(frozen=True)
class Standing:
    status: Status
    because: Because
    listed: Listed | None = None
    """What the list says, also where it is too old to count."""
    age_s: int | None = None
    """Seconds since the list was signed."""
    fault: str = ""


def stand(
    good: bool,
    by_dates: State | None,
    place: Reference | None,
    token: str | None,
    keys: Sequence[PublicKey],
    now: datetime,
    max_age_s: int | None,
) -> Standing:
    """`good`: every step of the proof is; `by_dates`: what the face's dates say against it, if anything."""
    if not good:
        return Standing(Status.INVALID, Because.PROOF_BAD)
    if by_dates is not None:
        return Standing(Status.INVALID, Because.DATES)
    if place is None:
        return Standing(Status.UNDETERMINED, Because.NO_REFERENCE)
    if token is None:
        return Standing(Status.UNDETERMINED, Because.NO_LIST)
    try:
        read = statuslist.read(token, keys)
        listed, age = read.listed(place.index), read.age_s(now)
    except SigningError as fault:
        return Standing(Status.UNDETERMINED, Because.LIST_BAD, fault=str(fault))
    if read.uri != place.uri:
        return Standing(Status.UNDETERMINED, Because.LIST_BAD, fault="the list is not the one the license names")
    if age < -LEEWAY_S:
        return Standing(Status.UNDETERMINED, Because.LIST_BAD, listed, age, "the list is from the future: check the clock")
    if now >= read.expires_at or (max_age_s is not None and age > max_age_s):
        return Standing(Status.UNDETERMINED, Because.LIST_STALE, listed, age)
    return Standing(_STATUS[listed], Because.LISTED, listed, age)
