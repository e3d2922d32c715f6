"""A hub on each database, its clock in the test's hand, and a publisher of trusted rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from license_hub.service.hub import Hub, open_hub

from .publishing import Publisher

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
