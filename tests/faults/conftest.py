"""A world of its own for each test, on one cluster for each module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.cluster import Cluster, cluster

from .world import Nursery, World, world


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
