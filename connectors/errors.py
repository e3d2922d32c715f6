"""Faults of pulling data. Callers look at the family: the first is retried, the second is not.

    EgovError
    └── SourceError                where: source, file, row, column; hint = what to do
        ├── SourceUnavailable      not now: network, server, a file still growing (retry)
        │   └── NothingNew         there is no delivery that was not landed yet
        ├── ContractBroken         the delivery is not what the catalogue says (do not retry; ask the provider)
        ├── BatchBroken            a landed batch is not what its manifest says (restore it from a copy)
        └── LakeLocked             a file of the lake cannot be opened: its key is not here, or its bytes are not what was written

Texts name places, rules and counts, never a value of a row and never a credential.
"""

from __future__ import annotations

from catalogs.errors import EgovError


class SourceError(EgovError):
    """A fault at a source. `row` is the physical line of a text file, the row number of a sheet, else the ordinal."""

    code = "SOURCE"

    def __init__(
        self,
        what: str,
        *,
        source: str,
        file: str | None = None,
        row: int | None = None,
        column: str | None = None,
        hint: str = "",
    ):
        self.what, self.source, self.file, self.row, self.column, self.hint = what, source, file, row, column, hint
        places = {"source": source, "file": file, "row": row, "column": column}
        where = ", ".join(f"{name} {place}" for name, place in places.items() if place is not None)
        super().__init__(f"{what} ({where})" + (f": {hint}" if hint else ""))


class SourceUnavailable(SourceError):
    code = "SOURCE_UNAVAILABLE"


class NothingNew(SourceUnavailable):
    code = "NOTHING_NEW"


class ContractBroken(SourceError):
    code = "CONTRACT_BROKEN"


class BatchBroken(SourceError):
    code = "BATCH_BROKEN"


class LakeLocked(SourceError):
    code = "LAKE_LOCKED"

    def __init__(self, what: str, *, file: str | None = None, hint: str = ""):
        super().__init__(what, source="lake", file=file, hint=hint)
