"""A real Chromium against a real server process over a populated hub."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.license_hub.sample_hub import options, sample_hub
from tests.license_hub.server import Server, running

CHROMIUM = shutil.which("chromium")
SCREENSHOTS = Path(__file__).resolve().parents[2] / "var" / "screenshots"


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    if CHROMIUM is None:
        pytest.skip("no Chromium: as root, apt-get install chromium fonts-noto-cjk")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # --no-sandbox: Chromium refuses its sandbox to root, and tests may run as root in a container.
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def hub(tmp_path_factory, catalog):
    made = sample_hub(tmp_path_factory.mktemp("browser"), catalog)
    yield made
    made.close()


@pytest.fixture(scope="session")
def server(hub, tmp_path_factory) -> Iterator[Server]:
    with running(options(hub.lake.root.parent), tmp_path_factory.mktemp("server")) as started:
        yield started


@pytest.fixture(scope="session")
def screenshots() -> Path:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    return SCREENSHOTS
