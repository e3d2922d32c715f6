"""A lake with one small resource, on both databases where one matters, and a DuckDB session with the macros."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
import sqlalchemy as sa

from catalogs.model import Catalog, Resource
from catalogs.quality import Responsible
from quality.session import SETTINGS, prepare
from quality.store import upgrade
from tests.quality import deliveries
from tests.quality.deliveries import RULES, Bench
from tests.quality.ticket_desk import FIELDS, LOOSE, Desk
from tests.quality.ticket_desk import RULES as TICKET_RULES


@pytest.fixture
def engine(database_url) -> Iterator[sa.Engine]:
    made = sa.create_engine(database_url)
    upgrade(made)
    yield made
    made.dispose()


@pytest.fixture
def sqlite(tmp_path) -> Iterator[sa.Engine]:
    made = sa.create_engine(f"sqlite:///{tmp_path}/quality.db")
    upgrade(made)
    yield made
    made.dispose()


@pytest.fixture(scope="session")
def small(catalog) -> Catalog:
    """The shipped code tables, no division, one resource `thing` with few rules."""
    made = deliveries.resource()
    return replace(catalog, resources={made.id: made}, rules={made.id: RULES}, divisions={})


@pytest.fixture
def lake(tmp_path) -> Path:
    folder = tmp_path / "lake"
    folder.mkdir()
    return folder


@pytest.fixture
def bench(lake, sqlite, small) -> Callable[..., Bench]:
    """A bench on SQLite for a resource with some attributes changed."""
    return lambda mode="snapshot", rules=RULES, **changed: _bench(lake, sqlite, small, deliveries.resource(mode, **changed), rules)


@pytest.fixture
def bench_on(lake, engine, small) -> Callable[..., Bench]:
    """The same on both databases."""
    return lambda mode="snapshot", rules=RULES, **changed: _bench(lake, engine, small, deliveries.resource(mode, **changed), rules)


def _bench(lake: Path, database: sa.Engine, small: Catalog, resource: Resource, rules) -> Bench:
    return Bench(lake, database, replace(small, resources={resource.id: resource}, rules={resource.id: rules}), resource)


@pytest.fixture(scope="session")
def duck(catalog) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the macros and the shipped tables."""
    with duckdb.connect(":memory:") as connection:
        for name in ("TimeZone", "disabled_optimizers"):
            connection.execute(f"SET {name} = '{SETTINGS[name]}'")
        prepare(connection, catalog)
        yield connection


@pytest.fixture
def organs(catalog) -> tuple[str, str]:
    return tuple(catalog.organs[one][0] for one in ("9990101", "9990102"))


@pytest.fixture
def desk(bench_on, catalog) -> Desk:
    bench = bench_on(rules=TICKET_RULES, limits=LOOSE, fields=FIELDS, order_by=None, responsible=Responsible(organ="organ"))
    bench.catalog = replace(bench.catalog, divisions=catalog.divisions)
    return Desk(bench)
