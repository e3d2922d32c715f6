"""A hub on each database, its clock in the test's hand, and a publisher of trusted rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from license_hub.service.erase import Ground, erase_license
from license_hub.service.fsck import fsck
from license_hub.service.hub import Hub, open_hub
from license_hub.service.intake import apply_pending
from license_hub.service.integrate import attend
from license_hub.service.verify import VerifyRequest, verify

from ..sample_hub import identifier_of
from .publishing import Publisher, credit_code, entity, permit

START = datetime(2026, 11, 21, 8, 0, 0, tzinfo=UTC)


@dataclass
class Clock:
    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **time: float) -> None:
        self.now += timedelta(**time)


@dataclass(frozen=True)
class Options:
    """What `open_hub` asks of the settings."""

    database_url: str
    lake: Path
    keys: Path
    root_keys: Path
    root_key: str = ""
    profile: str = "demo"
    log_origin: str = "log.example/test"
    public_url: str = "http://127.0.0.1:8080"
    workers: int = 0
    witness_policy: Path | None = None
    witness_grace_s: int = 900
    kek: str = ""
    kek_before: str = ""
    lake_encryption: str = "on"
    spill: str = ""
    mass_acts: int = 20
    presentation_s: int = 60
    dpop: str = "optional"
    budget_calls: int = 6_000
    budget_misses: int = 100
    budget_subject: int = 120


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def options(database_url: str, tmp_path: Path) -> Options:
    return Options(database_url, tmp_path / "lake", tmp_path / "keys", tmp_path / "keys-root")


@pytest.fixture
def hub(options: Options, clock: Clock, catalog) -> Iterator[Hub]:
    opened = open_hub(options, clock=clock, catalog=catalog)
    yield opened
    opened.close()


@pytest.fixture
def publisher(hub: Hub) -> Publisher:
    return Publisher(hub)


@pytest.fixture
def filled(hub: Hub, publisher: Publisher) -> Hub:
    """Something in every table of licenses and log."""
    publisher.publish("legal_entity", [entity(i) for i in range(3)])
    publisher.publish("food_permit", [permit(1), permit(9)])
    publisher.publish("legal_entity", [entity(0, status="3"), entity(1, address="新址"), entity(2)])
    apply_pending(hub)
    ground = Ground("test", "样例删〔2026〕1号", credit_code(2, "11"))
    erase_license(hub, identifier_of(hub, str(entity(2)["credit_code"])), ground, "officer")
    code = credit_code(1)
    asked = VerifyRequest(type_id="business_license", number=code, holder_number=code, purpose="核验", request_id="r" * 32)
    for many in (1, 3, 300):
        verify(hub, [asked] * many)
    attend(hub)
    assert fsck(hub).findings == ()
    return hub
