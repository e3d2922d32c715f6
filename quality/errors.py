"""What can go wrong in quality. Messages name resource, batch, rule and what to do; never a value of a row.

EgovError
└── QualityError
    ├── PartitionUndetermined   a partition delivery says nowhere which partition it is
    ├── BatchIncomplete         the landed batch lacks a column or its files
    ├── BalanceBroken           read ≠ trusted + quarantined + superseded + deleted: a fault nobody can approve
    ├── RuleUnsound             a rule of the catalogue cannot be compiled at all (unknown check)
    ├── ApprovalRefused         unknown batch, not stopped, or the operator's own name
    ├── ChangeRefused           a change of the rules that may not be, or is not this person's to decide
    ├── SampleRefused           a sample of no rows, or a verdict that does not fit it
    └── CorrectionRefused       a request for correction that cannot be taken; `part` says which part of it
"""

from __future__ import annotations

from collections.abc import Sequence

from catalogs.errors import EgovError


class QualityError(EgovError):
    """A fault of cleaning, checking or publishing."""

    code = "QUALITY"


class PartitionUndetermined(QualityError):
    code = "PARTITION_UNDETERMINED"


class BatchIncomplete(QualityError):
    code = "BATCH_INCOMPLETE"


class BalanceBroken(QualityError):
    code = "BALANCE_BROKEN"


class RuleUnsound(QualityError):
    code = "RULE_UNSOUND"


class ApprovalRefused(QualityError):
    code = "APPROVAL_REFUSED"


class SampleRefused(QualityError):
    code = "SAMPLE_REFUSED"


class ChangeRefused(QualityError):
    """`faults`: everything that speaks against the edits, each with its place."""

    code = "CHANGE_REFUSED"

    def __init__(self, message: str, faults: Sequence[str] = ()):
        super().__init__(message)
        self.faults = tuple(faults)


class CorrectionRefused(QualityError):
    """`part`: identifier | fields | reason | comment."""

    code = "CORRECTION_REFUSED"

    def __init__(self, part: str, message: str):
        self.part = part
        super().__init__(message)
