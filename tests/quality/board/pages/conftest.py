"""The pages as the hub serves them, for people of each role, and the same behind a real server for a browser.

Each module has a small world of its own: the browser opens a ticket in it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from license_hub.app import faced
from license_hub.service.hub import open_hub
from tests.browser.conftest import browser, screenshots
from tests.license_hub.sample_hub import Clock, options
from tests.license_hub.server import free_ports
from tests.license_hub.web.staff_visit import Browser, add_staff
from tests.quality.board.pages.world import NOW, World, made

__all__ = ["browser", "screenshots"]


@pytest.fixture(scope="module")
def world(tmp_path_factory, catalog) -> Iterator[World]:
    hub = open_hub(options(tmp_path_factory.mktemp("board")), clock=Clock(NOW), catalog=catalog)
    add_staff(hub)
    yield made(hub)
    hub.close()


@pytest.fixture(scope="module")
def app(world):
    return faced(world.hub)


@pytest.fixture(scope="module")
def signed_in(app) -> Callable[[str], Browser]:
    """Role → somebody of that role, signed in."""
    known: dict[str, Browser] = {}

    def visitor(role: str) -> Browser:
        if role not in known:
            known[role] = Browser(app)
            known[role].sign_in(role)
        return known[role]

    return visitor


@pytest.fixture(scope="module")
def served(app) -> Iterator[str]:
    """The application on a port, its clock the world's."""
    import uvicorn

    (port,) = free_ports(1)
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()
