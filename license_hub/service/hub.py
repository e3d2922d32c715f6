"""The hub as one frozen bundle: what every service needs and nothing that a request could change."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa

from catalogs.load import load
from catalogs.model import Catalog
from connectors.lake import Lake
from license_hub.domain.budget import Budgets, of_quotas
from license_hub.errors import SettingsError
from license_hub.log.note import NoteKey, note_key
from license_hub.log.policy import Policy
from license_hub.log.policy import parse as parse_policy
from license_hub.log.tiles import TileStore
from license_hub.service import production
from license_hub.service.at_rest import Vault, open_keys, open_lake
from license_hub.service.audit_log import TILES
from license_hub.service.evidence import EvidenceCache
from license_hub.service.provisional import Remembered
from license_hub.service.security import Security
from license_hub.service.watch import Watch
from license_hub.signing.datakeys import DataKeys
from license_hub.signing.keyring import Keyring
from license_hub.signing.manifest import root_key
from license_hub.signing.suites import Signer
from license_hub.storage.crypt import Crypt
from license_hub.storage.engine import open_engine
from license_hub.storage.outage import PATIENCE_S, through_outages
from license_hub.storage.upgrade import upgrade
from quality.store.upgrade import upgrade as upgrade_quality


class HubOptions(Protocol):
    """What `open_hub` takes of the settings (`license_hub.settings.Settings` has it)."""

    database_url: str
    lake: Path
    keys: Path
    root_keys: Path | None
    root_key: str
    profile: str
    log_origin: str
    public_url: str
    workers: int
    witness_policy: Path | None
    witness_grace_s: int
    kek: str
    kek_before: str
    lake_encryption: str
    spill: str
    mass_acts: int
    presentation_s: int
    dpop: str
    budget_calls: int
    budget_misses: int
    budget_subject: int


@dataclass(frozen=True)
class Hub:
    engine: sa.Engine
    lake: Lake
    catalog: Catalog
    keyring: Keyring
    security: Security
    """What this process remembers of keys' states."""
    data_keys: DataKeys
    vault: Vault
    tiles: TileStore
    audit_tiles: TileStore
    clock: Callable[[], datetime]
    """Aware UTC now. Services never read the clock themselves."""
    profile: str
    origin: str
    """Origin line of the log's checkpoints."""
    public_url: str
    workers: int
    policy: Policy = Policy()
    """Which witnesses its checkpoints need."""
    witness_grace_s: int = 900
    roots: tuple[NoteKey, ...] = ()
    """Pinned: who may sign key manifests."""
    root: Signer | None = None
    """The root's own key, where it is at hand: for development alone."""
    dpop: bool = False
    """Whether every access token must be bound to a key (RFC 9449)."""
    budgets: Budgets = Budgets()
    mass_acts: int = 20
    """Status acts of one organ in 24 hours that need no second person."""
    presentation_s: int = 60
    """Seconds a code that a holder shows lives."""
    entropy: Callable[[int], bytes] = os.urandom
    """Secrets, leaf ids, serials, nonces. Anything but os.urandom keeps intake in this process (golden tests)."""
    evidence: EvidenceCache = field(default_factory=EvidenceCache, compare=False)
    provisional: Remembered = field(default_factory=Remembered, compare=False)
    watch: Watch = field(default_factory=Watch, compare=False)
    contradictions: dict[tuple[str, str], str] = field(default_factory=dict, compare=False)
    """(Log's origin, witness's address) → what it holds against this log, said to this process and not taken back since."""

    def now(self) -> datetime:
        """The clock's instant, whole seconds, UTC: what a leaf can carry."""
        return self.clock().astimezone(UTC).replace(microsecond=0)

    @property
    def crypt(self) -> Crypt:
        """Today's cipher, as far as the epoch is known. Who uses one for several steps that belong together takes it once."""
        return self.vault.at(self.security.epoch)

    def close(self) -> None:
        """Gives back the database connections."""
        self.engine.dispose()


def open_hub(
    settings: HubOptions,
    *,
    clock: Callable[[], datetime],
    catalog: Catalog | None = None,
    entropy: Callable[[int], bytes] = os.urandom,
    patience_s: float = PATIENCE_S,
) -> Hub:
    """A ready hub: schema upgraded, missing keys made and registered (development signers warn), log folder present.

    The production profile makes no signing keys and opens only what is whole. Raises SettingsError with everything it misses.
    A database that is away is waited for, at most `patience_s` seconds.
    """
    if settings.profile == production.PROFILE:
        production.check(settings)
    data_keys = open_keys(settings)
    lake = open_lake(settings, data_keys)
    audit_tiles = TileStore(lake / "audit-log")
    engine = open_engine(settings.database_url).execution_options(**{TILES: audit_tiles})
    through_outages(engine, lambda: upgrade(engine), patience_s)
    # Its publications are read in the hub's own transactions, also before the first check ran.
    through_outages(engine, lambda: upgrade_quality(engine), patience_s)
    root = Keyring(settings.root_keys).signer("root") if settings.root_keys else None
    security, keyring = _signing(settings, clock, root)
    hub = Hub(
        engine=engine,
        lake=lake,
        catalog=catalog or load(),
        keyring=keyring,
        security=security,
        data_keys=data_keys,
        vault=Vault(data_keys),
        tiles=TileStore(lake / "log"),
        audit_tiles=audit_tiles,
        clock=clock,
        profile=settings.profile,
        origin=settings.log_origin,
        public_url=settings.public_url,
        workers=settings.workers,
        policy=read_policy(settings.witness_policy),
        witness_grace_s=settings.witness_grace_s,
        roots=_roots(settings, root),
        root=root,
        mass_acts=settings.mass_acts,
        presentation_s=settings.presentation_s,
        dpop=settings.dpop == "required",
        budgets=of_quotas(settings.budget_calls, settings.budget_misses, settings.budget_subject),
        entropy=entropy,
    )
    _register(hub, patience_s)
    return hub


def _register(hub: Hub, patience_s: float) -> None:
    """Its keys, and the manifest it keeps of them; both read what is there before they write."""
    # They work on hubs, so they import this module.
    from license_hub.service.kept_manifest import keep
    from license_hub.service.register_keys import open_register

    try:
        through_outages(hub.engine, lambda: open_register(hub), patience_s)
        through_outages(hub.engine, lambda: keep(hub), patience_s)
    except BaseException:
        hub.close()
        raise


def _roots(settings: HubOptions, root: Signer | None) -> tuple[NoteKey, ...]:
    """Pinned keys; without any, that of the root at hand."""
    return tuple(note_key(one) for one in settings.root_key.split()) or ((root_key(settings.log_origin, root),) if root else ())


def _signing(settings: HubOptions, clock: Callable[[], datetime], root: Signer | None) -> tuple[Security, Keyring]:
    """Keys and what is known of their states: each asks the other."""
    security = Security(clock, roots_at_hand=root is not None)
    security.keyring = Keyring(Path(settings.keys), may_sign=security.may_sign, make=settings.profile != production.PROFILE)
    return security, security.keyring


def read_policy(path: Path | None) -> Policy:
    """The policy of that file; without one no witness is asked for. Raises SettingsError, PolicyMalformed."""
    if path is None:
        return Policy()
    try:
        policy = parse_policy(Path(path).read_bytes())
        policy.text.encode()
    except OSError as fault:
        raise SettingsError([f"HUB_WITNESS_POLICY: {path} cannot be read: {fault.strerror}"]) from None
    except UnicodeEncodeError:
        raise SettingsError([f"HUB_WITNESS_POLICY: {path}: names are UTF-8 here, the key manifest carries them"]) from None
    return policy
