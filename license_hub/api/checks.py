"""What a verdict rests on, check by check: content, seal, log, status, each `passed`, `failed` or `unknown`.

`unknown` is said wherever a check was not made, waits, or its outcome would tell more than the verdict does.
"""

from __future__ import annotations

from license_hub.domain.verdict import Code
from license_hub.service.verify import Answer

PASSED, FAILED, UNKNOWN = "passed", "failed", "unknown"
NAMES = ("content", "seal", "log", "status")

_STATES_AGAINST = frozenset(
    {
        Code.REVOKED,
        Code.WITHDRAWN,
        Code.CANCELLED,
        Code.EXPIRED,
        Code.SUPERSEDED,
        Code.NOT_ACTIVE,
        Code.SUSPENDED,
        Code.MOVED_OUT,
        Code.COPY_EXPIRED,
    }
)
_STATE_UNKNOWN = frozenset({Code.STATUS_NOT_PROVIDED, Code.SOURCE_NO_LONGER_PROVIDES, Code.PROOF_PENDING})


def checked(answer: Answer) -> dict[str, str]:
    """NAMES → outcome."""
    code, evidence = answer.verdict.code, answer.verdict.evidence
    if code is Code.PROOF_BAD:
        # The stored record as a whole is not what was sealed and logged; what of its content is right nobody can say.
        return dict(zip(NAMES, (UNKNOWN, FAILED, FAILED, UNKNOWN), strict=True))
    if code is Code.FILE_ALTERED:
        return dict.fromkeys(NAMES, UNKNOWN) | {"content": FAILED}
    if "entry" not in evidence:
        return dict.fromkeys(NAMES, UNKNOWN)
    log = PASSED if int(evidence["entry"]) < int(evidence["log_size"]) else UNKNOWN
    if code is Code.CONTENT_MISMATCH:
        return dict(zip(NAMES, (FAILED, PASSED, log, UNKNOWN), strict=True))
    status = FAILED if code in _STATES_AGAINST else UNKNOWN if code in _STATE_UNKNOWN else PASSED
    # Of a code on paper the hub knows what it stands for, not what is printed beside it.
    content = UNKNOWN if evidence.get("found_by") == "code" else PASSED
    return dict(zip(NAMES, (content, PASSED, log, status), strict=True))
