"""Fixtures every suite shares: real databases, places for keys, the shipped catalogue, the real data beside the checkout."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.support import postgres, schema
from tests.support.key_places import sign_service, softhsm

__all__ = ["sign_service", "softhsm"]

ROOT = Path(__file__).resolve().parent.parent
REAL_DATA = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[object]:
    with postgres.server() as root:
        yield root


@pytest.fixture
def postgres_url(postgres_server) -> Iterator[str]:
    """SQLAlchemy URL of a fresh PostgreSQL database."""
    with postgres.database(postgres_server) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgres"])
def empty_database_url(request, tmp_path) -> str:
    """The same test on both storages the hub supports, before the first migration."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/hub.db"
    return request.getfixturevalue("postgres_url")


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server) -> Iterator[str]:
    """Name of a database at the newest schema, for copies."""
    with postgres.database(postgres_server) as url:
        schema.migrate(url)
        yield sa.make_url(url).database


@pytest.fixture
def migrated_postgres_url(postgres_server, migrated_postgres) -> Iterator[str]:
    with postgres.database(postgres_server, migrated_postgres) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request, tmp_path) -> str:
    """The same test on both storages the hub supports, at the newest schema."""
    if request.param == "sqlite":
        return schema.sqlite(tmp_path / "hub.db")
    return request.getfixturevalue("migrated_postgres_url")


@pytest.fixture(scope="session")
def catalog():
    from catalogs.load import load

    return load()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real public data, or skip with the reason."""
    if not REAL_DATA.is_dir():
        pytest.skip("real data not beside the checkout: ../shared/data is absent")
    return REAL_DATA
