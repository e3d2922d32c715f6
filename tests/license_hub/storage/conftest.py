from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from license_hub.storage.engine import open_engine
from license_hub.storage.upgrade import upgrade


@pytest.fixture
def engine(empty_database_url: str) -> Iterator[sa.Engine]:
    """The newest schema on each database."""
    made = open_engine(empty_database_url)
    upgrade(made)
    yield made
    made.dispose()
