"""Faults of settings, keys, log, storage and intake."""

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
