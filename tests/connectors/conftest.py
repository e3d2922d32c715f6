"""A small catalogue entry to pull, a lake to land in, and a MariaDB of the test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalogs.model import Connector, Coverage, Delivery, Field, Limits, Resource, Sharing
from catalogs.quality import Responsible
from connectors.landing import LandedBatch
from connectors.settings import EnvironmentCredentials
from tests.connectors import mariadb

NOW = datetime(2026, 11, 21, 4, 0, 0, tzinfo=UTC)
FIELDS = (
    Field("number", "编号", "编号", "text", required=True),
    Field("name", "名称", "名称", "text", required=True),
    Field("place", "地址", "地址", "address"),
    Field("updated_at", "更新时间", "更新时间", "datetime"),
)


def make_resource(kind: str = "file_drop", mode: str = "snapshot", lag_minutes: int = 10, **options: object) -> Resource:
    given = {"file_drop": {"connection": "drop", "pattern": "*"}, "database": {"connection": "db", "table": "台账"}}
    return Resource(
        id="ledger",
        title="台账",
        summary="测试",
        department="sample",
        format="",
        update_cycle="每日",
        cycle_hours=24,
        sharing=Sharing("unconditional", "file", ""),
        data_class="",
        grade="",
        connector=Connector(kind, {**given.get(kind, {"connection": "api", "path": "/rows"}), **options}),
        key=("number",),
        order_by=None,
        watermark="updated_at" if mode == "increment" else None,
        delivery=Delivery(mode, lag_minutes=lag_minutes),
        limits=Limits(),
        responsible=Responsible(),
        usable_until=None,
        coverage=Coverage(("99",), 2000),
        fields=FIELDS,
        schedule=None,
        owner="",
        source="",
        since="2026-11-21",
    )


def credentials(**addresses: object) -> EnvironmentCredentials:
    return EnvironmentCredentials({f"HUB_CONN_{name.upper()}": str(address) for name, address in addresses.items()})


def rows(batch: LandedBatch) -> list[dict[str, object]]:
    return pq.read_table(batch.rows).to_pylist()


def table(batch: LandedBatch) -> pa.Table:
    return pq.read_table(batch.rows)


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return tmp_path / "lake"


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    folder = tmp_path / "drop"
    folder.mkdir()
    return folder


@pytest.fixture
def no_sleep() -> Callable[[float], None]:
    return lambda seconds: None


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[str]:
    """URL of a private MariaDB, or skip with the reason."""
    if None in mariadb.binaries():
        pytest.skip("mariadb-server is not installed")
    with mariadb.server() as url:
        yield url
