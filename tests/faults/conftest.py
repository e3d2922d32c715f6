"""A world of its own for each test, on one cluster for each module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from license_hub.service.hub import open_hub
from tests.license_hub.service.conftest import Options
from tests.license_hub.service.publishing import Publisher
from tests.support.cluster import Cluster, cluster

from .world import Nursery, World, wall_clock, world


@pytest.fixture
def own_cluster() -> Iterator[Cluster]:
    with cluster() as made:
        yield made


@pytest.fixture
def own_world(own_cluster, tmp_path, catalog) -> Iterator[World]:
    with world(own_cluster, tmp_path, catalog) as made:
        yield made


@pytest.fixture
def nursery(own_world, tmp_path) -> Iterator[Nursery]:
    made = Nursery(own_world.options, tmp_path / "nursery.log")
    yield made
    made.close()


@pytest.fixture
def own_sqlite(tmp_path, catalog):
    options = Options(f"sqlite:///{tmp_path}/lake/hub.db", tmp_path / "lake", tmp_path / "keys", tmp_path / "keys-root")
    hub = open_hub(options, clock=wall_clock, catalog=catalog)
    return options, hub, Publisher(hub)
