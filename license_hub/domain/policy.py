"""Trust grades A–D: how far an answer may be relied on without the original.

| grade | meaning | here |
|---|---|---|
| A | made by the authority, usable directly | organ's seal verified, holder verified |
| B | checked against the original | organ's seal present, not verified |
| C | the original must be checked | no seal, or the holder is not verified (主体未核验) |
| D | the holder's own promise | only by a type's cap |

Source: standards.md §6.3 (108号); design.md decision 1.
"""

from __future__ import annotations

from enum import StrEnum

GRADES = ("A", "B", "C", "D")


class SealState(StrEnum):
    ABSENT = "ABSENT"
    PRESENT = "PRESENT"
    VERIFIED = "VERIFIED"


_SEAL_CAP = {SealState.VERIFIED: "A", SealState.PRESENT: "B", SealState.ABSENT: "C"}
_UNVERIFIED_HOLDER_CAP = "C"


def grade(seal: SealState, holder_verified: bool, type_cap: str) -> str:
    """The worst of the caps: seal, holder, type. Raises ValueError for a cap that is no grade."""
    if type_cap not in GRADES:
        raise ValueError(f"no grade {type_cap!r}")
    return max(_SEAL_CAP[seal], "A" if holder_verified else _UNVERIFIED_HOLDER_CAP, type_cap)
