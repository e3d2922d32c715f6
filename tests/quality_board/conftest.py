"""The pages over a small world: an app made of their routers, with the person in a header and templates in a plain frame."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.quality_board.pages import app_over
from tests.quality_board.world import World, made


@pytest.fixture(scope="session")
def world(tmp_path_factory, catalog) -> Iterator[World]:
    one = made(tmp_path_factory.mktemp("board"), catalog)
    yield one
    one.database.dispose()


@pytest.fixture(scope="session")
def client(world):
    from starlette.testclient import TestClient

    with TestClient(app_over(world)) as opened:
        yield opened
