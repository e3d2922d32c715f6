"""What a well signed-in caller asks that cannot be: notices, doubts, cases, pushed rows."""

from __future__ import annotations

from license_hub.errors.base import HubError


class NoticeRefused(HubError):
    """`pointer` names the part of the notice (JSON pointer), `rule` what it breaks."""

    code = "NOTICE_REFUSED"

    def __init__(self, pointer: str, rule: str, message: str):
        self.pointer, self.rule = pointer, rule
        super().__init__(message)


class NoSuchLicense(NoticeRefused):
    code = "NO_SUCH_LICENSE"


class DoubtRefused(NoticeRefused):
    code = "DOUBT_REFUSED"


class CaseRefused(NoticeRefused):
    """What was told of a case cannot stand: pointer and rule, never a value."""

    code = "CASE_REFUSED"


class CaseTaken(HubError):
    """The client has a case of that number already."""

    code = "CASE_TAKEN"


class NoSuchCase(HubError):
    code = "NO_SUCH_CASE"


class CaseNotOpen(HubError):
    """No open case of that number is this client's."""

    code = "CASE_NOT_OPEN"


class NotProvable(HubError):
    """Not all of it is under a checkpoint yet."""

    code = "NOT_PROVABLE"


class ApprovalNeeded(HubError):
    code = "APPROVAL_NEEDED"


class NoSuchSource(HubError):
    code = "NO_SUCH_SOURCE"


class LintRefused(HubError):
    """`errors`: (JSON pointer, rule), never a value."""

    code = "LINT_REFUSED"

    def __init__(self, errors: list[tuple[str, str]]):
        self.errors = errors
        super().__init__(f"{len(errors)} part(s) of the row cannot stand: " + ", ".join(f"{pointer} {rule}" for pointer, rule in errors))


class InProgress(HubError):
    code = "IN_PROGRESS"


class RecallRefused(HubError):
    code = "RECALL_REFUSED"
