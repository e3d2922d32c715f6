"""Faults of the hub. A verdict is a value (`domain.verdict`), never one of these.

EgovError                     catalogs.errors
└── HubError
    ├── SettingsError         the environment is wrong; every problem at once
    ├── SigningError          a key or signature cannot be made or used
    │   ├── NotCanonical      a value has no canonical JSON form here, or text is not in it
    │   ├── KeyFault          a key file is missing, damaged or readable by others
    │   ├── SignatureBad      a signature, or what it should cover, is not what was expected
    │   ├── SignerUnavailable a token or sign service does not answer now
    │   ├── JoseRefused       a token breaks a rule, or its signature does; never says a value of it
    │   ├── BundleMalformed   a license bundle is not of its format
    │   ├── ManifestMalformed a key manifest is not of its format
    │   └── TokenMalformed    a status list, reference or notice is well signed but not of its form
    ├── LogError              the log refuses: tiles, checkpoint or leaf rows do not agree
    │   ├── TileMissing       a tile or entry bundle that the tree needs is not there
    │   ├── TileCorrupt       stored bytes are not what they must be; nothing is signed over them
    │   ├── LogDiverged       leaf rows and published history disagree; never sign, call for a person
    │   ├── NoteMalformed     text is not a signed note, checkpoint or proof of its format
    │   ├── PolicyMalformed   a witness policy is not of its format; the line is named
    │   ├── LeaseLost         another integrator holds the lease, or took it meanwhile
    │   ├── WitnessFault      a witness's state, keys or log list cannot be used
    │   └── Unwitnessed       no quorum of witnesses for longer than the grace: nothing is issued until there is one
    ├── StorageError          the database refuses or holds what it must not
    │   ├── BackupFault       a backup cannot be made, or is not one
    │   ├── DecryptionError   a stored value does not decrypt under its key and place
    │   └── KeyReused         an Idempotency-Key came with another body
    ├── KeyRefused            an act on a key is not allowed as things stand
    ├── IntakeError           a publication cannot be applied
    │   └── CrewFault         a worker process died at its job
    ├── BundleUnavailable     a license cannot be handed out as a bundle: unknown, or not logged yet
    │   ├── BundleErased      its content was erased, and the log says so
    │   ├── BundleDamaged     what is stored is not what was sealed and logged
    │   ├── DownloadGone      fetched already, or its minutes are over
    │   └── CopyFault         no copy can be made of it, or no key signs copies
    │       ├── CopyRefused   the license is not in force; `verdict` says why
    │       └── PaperFault    the page cannot be set: no Chinese font, or a character that none has
    ├── RecallRefused         what should be recalled is not there, or not told precisely enough
    ├── NoticeRefused         a notice of an act is incomplete or wrong; `pointer` and `rule` say where
    │   ├── NoSuchLicense     no license of that identifier
    │   └── DoubtRefused      a request for correction that cannot be taken
    ├── ApprovalNeeded        more acts than one name may do
    ├── NoSuchSource          no license of the type is made of rows of that resource
    ├── LintRefused           a pushed row cannot become a license; `errors` says where and by which rule
    ├── InProgress            a call with this key is still at work
    └── AccessError           the caller may not
        ├── TokenRefused      OAuth error, `error` is its code (RFC 6749 §5.2)
        ├── NotAuthenticated  no valid access token
        ├── NotAuthorized     scope or license type not granted
        ├── CodeRefused       a code that a holder shows is not ours, over, or taken already; `problem` says which
        │   └── NotAllowed        no use grant, no open case or no authorisation; `why` says which (service.authorize.Denied)
        ├── ConsentRefused    an authorisation cannot be asked for, given or withdrawn so; `pointer` and `rule` say where
        ├── OverBudget        a client asked more than its budget allows; `seconds` until it may again
        ├── AccountRefused    an account cannot be so: name, roles, body or password
        ├── SignInRefused     name and password do not open a session; never says which of the two
        ├── ProviderRefused   the identity provider, or what the browser brought from it, is not what it must be
        ├── SignInThrottled   too many failed sign-ins lately; `seconds` to wait
        └── PurposeMissing    purpose or case number not given
"""

from __future__ import annotations

from catalogs.errors import EgovError


class HubError(EgovError):
    code = "HUB"


class SettingsError(HubError):
    """`problems` lists every wrong setting: variable, value's defect, what to do."""

    code = "SETTINGS"

    def __init__(self, problems: list[str]):
        self.problems = list(problems)
        super().__init__(f"{len(self.problems)} wrong setting(s):\n" + "\n".join(f"  {problem}" for problem in self.problems))


class SigningError(HubError):
    code = "SIGNING"


class NotCanonical(SigningError):
    code = "NOT_CANONICAL"


class KeyFault(SigningError):
    code = "KEY_FAULT"


class SignatureBad(SigningError):
    code = "SIGNATURE_BAD"


class SignerUnavailable(SigningError):
    code = "SIGNER_UNAVAILABLE"


class JoseRefused(SigningError):
    code = "JOSE_REFUSED"


class BundleMalformed(SigningError):
    code = "BUNDLE_MALFORMED"


class ManifestMalformed(SigningError):
    code = "MANIFEST_MALFORMED"


class TokenMalformed(SigningError):
    code = "TOKEN_MALFORMED"


class LogError(HubError):
    code = "LOG"


class TileMissing(LogError):
    code = "TILE_MISSING"


class TileCorrupt(LogError):
    code = "TILE_CORRUPT"


class LogDiverged(LogError):
    code = "LOG_DIVERGED"


class NoteMalformed(LogError):
    code = "NOTE_MALFORMED"


class PolicyMalformed(LogError):
    code = "POLICY_MALFORMED"


class LeaseLost(LogError):
    code = "LEASE_LOST"


class WitnessFault(LogError):
    code = "WITNESS_FAULT"


class Unwitnessed(LogError):
    code = "UNWITNESSED"


class StorageError(HubError):
    code = "STORAGE"


class BackupFault(StorageError):
    code = "BACKUP"


class DecryptionError(StorageError):
    code = "DECRYPTION"


class KeyRefused(HubError):
    code = "KEY_REFUSED"


class KeyReused(StorageError):
    code = "KEY_REUSED"


class IntakeError(HubError):
    code = "INTAKE"


class CrewFault(IntakeError):
    code = "CREW_FAULT"


class BundleUnavailable(HubError):
    code = "BUNDLE_UNAVAILABLE"


class BundleErased(BundleUnavailable):
    code = "BUNDLE_ERASED"


class BundleDamaged(BundleUnavailable):
    code = "BUNDLE_DAMAGED"


class CopyFault(BundleUnavailable):
    code = "COPY"


class CopyRefused(CopyFault):
    """`verdict` is the code of the verdict that stands against a copy."""

    code = "COPY_REFUSED"

    def __init__(self, verdict: str, message: str):
        self.verdict = verdict
        super().__init__(message)


class DownloadGone(BundleUnavailable):
    code = "DOWNLOAD_GONE"


class PaperFault(CopyFault):
    code = "PAPER"


class RecallRefused(HubError):
    code = "RECALL_REFUSED"


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


class AccessError(HubError):
    code = "ACCESS"


class TokenRefused(AccessError):
    """The token endpoint refuses. `error` is the OAuth error code; the message says what to change."""

    code = "TOKEN_REFUSED"

    def __init__(self, error: str, message: str):
        self.error = error
        super().__init__(message)


class NotAuthenticated(AccessError):
    code = "NOT_AUTHENTICATED"


class NotAuthorized(AccessError):
    code = "NOT_AUTHORIZED"


class NotAllowed(NotAuthorized):
    """`why`: a value of `service.authorize.Denied`, for the caller's own administrators."""

    code = "NOT_ALLOWED"

    def __init__(self, why: str):
        self.why = why
        super().__init__(f"not allowed: {why}")


class ConsentRefused(AccessError):
    """`pointer`: where in the call; `rule`: which rule it breaks."""

    code = "CONSENT_REFUSED"

    def __init__(self, pointer: str, rule: str, text: str):
        self.pointer, self.rule = pointer, rule
        super().__init__(f"{pointer}: {text}")


class OverBudget(AccessError):
    """`seconds`: until the window ends."""

    code = "OVER_BUDGET"

    def __init__(self, seconds: int):
        self.seconds = seconds
        super().__init__(f"budget used up: try again in {seconds} seconds")


class PurposeMissing(AccessError):
    code = "PURPOSE_MISSING"


class CodeRefused(AccessError):
    """A code that a holder shows is not taken. `problem` is the code of the catalogue's message."""

    code = "CODE_REFUSED"

    def __init__(self, problem: str, message: str):
        self.problem = problem
        super().__init__(message)


class AccountRefused(AccessError):
    code = "ACCOUNT_REFUSED"


class SignInRefused(AccessError):
    code = "SIGN_IN_REFUSED"


class SignInThrottled(SignInRefused):
    """`seconds`: after which another attempt is looked at."""

    code = "SIGN_IN_THROTTLED"

    def __init__(self, seconds: int):
        self.seconds = seconds
        super().__init__(f"too many failed sign-ins; try again in {seconds} seconds")


class ProviderRefused(SignInRefused):
    code = "PROVIDER_REFUSED"
