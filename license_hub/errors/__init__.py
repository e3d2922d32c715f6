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
        │   ├── NoDesk            a body whose staff nobody set up to work on cases
        │   └── NotAllowed        no use grant, no open case or no authorisation; `why` says which (service.authorize.Denied)
        ├── CodeRefused       a code that a holder shows is not ours, over, or taken already; `problem` says which
        ├── ConsentRefused    an authorisation cannot be asked for, given or withdrawn so; `pointer` and `rule` say where
        ├── OverBudget        a client asked more than its budget allows; `seconds` until it may again
        ├── AccountRefused    an account cannot be so: name, roles, body or password
        ├── SignInRefused     name and password do not open a session; never says which of the two
        ├── ProviderRefused   the identity provider, or what the browser brought from it, is not what it must be
        ├── SignInThrottled   too many failed sign-ins lately; `seconds` to wait
        └── PurposeMissing    purpose or case number not given
"""

from __future__ import annotations

from .access import (
    AccessError,
    AccountRefused,
    CodeRefused,
    ConsentRefused,
    NoDesk,
    NotAllowed,
    NotAuthenticated,
    NotAuthorized,
    OverBudget,
    ProviderRefused,
    PurposeMissing,
    SignInRefused,
    SignInThrottled,
    TokenRefused,
)
from .base import (
    BackupFault,
    BundleDamaged,
    BundleErased,
    BundleMalformed,
    BundleUnavailable,
    CopyFault,
    CopyRefused,
    CrewFault,
    DecryptionError,
    DownloadGone,
    HubError,
    IntakeError,
    JoseRefused,
    KeyFault,
    KeyRefused,
    KeyReused,
    LeaseLost,
    LogDiverged,
    LogError,
    ManifestMalformed,
    NotCanonical,
    NoteMalformed,
    PaperFault,
    PolicyMalformed,
    SettingsError,
    SignatureBad,
    SignerUnavailable,
    SigningError,
    StorageError,
    TileCorrupt,
    TileMissing,
    TokenMalformed,
    Unwitnessed,
    WitnessFault,
)
from .calls import (
    ApprovalNeeded,
    CaseNotOpen,
    CaseRefused,
    CaseTaken,
    DoubtRefused,
    InProgress,
    LintRefused,
    NoSuchCase,
    NoSuchLicense,
    NoSuchSource,
    NoticeRefused,
    NotProvable,
    RecallRefused,
)

__all__ = [
    "AccessError",
    "AccountRefused",
    "ApprovalNeeded",
    "BackupFault",
    "BundleDamaged",
    "BundleErased",
    "BundleMalformed",
    "BundleUnavailable",
    "CaseNotOpen",
    "CaseRefused",
    "CaseTaken",
    "CodeRefused",
    "ConsentRefused",
    "CopyFault",
    "CopyRefused",
    "CrewFault",
    "DecryptionError",
    "DoubtRefused",
    "DownloadGone",
    "HubError",
    "InProgress",
    "IntakeError",
    "JoseRefused",
    "KeyFault",
    "KeyRefused",
    "KeyReused",
    "LeaseLost",
    "LintRefused",
    "LogDiverged",
    "LogError",
    "ManifestMalformed",
    "NoDesk",
    "NoSuchCase",
    "NoSuchLicense",
    "NoSuchSource",
    "NotAllowed",
    "NotAuthenticated",
    "NotAuthorized",
    "NotCanonical",
    "NotProvable",
    "NoteMalformed",
    "NoticeRefused",
    "OverBudget",
    "PaperFault",
    "PolicyMalformed",
    "ProviderRefused",
    "PurposeMissing",
    "RecallRefused",
    "SettingsError",
    "SignInRefused",
    "SignInThrottled",
    "SignatureBad",
    "SignerUnavailable",
    "SigningError",
    "StorageError",
    "TileCorrupt",
    "TileMissing",
    "TokenMalformed",
    "TokenRefused",
    "Unwitnessed",
    "WitnessFault",
]
