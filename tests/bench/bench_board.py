"""`board_overview`: the overview over 300 rules and a year of daily scores, everything cold, one worker.

- Each turn starts PostgreSQL anew with its files out of the page cache and the server anew; the browser's profile is empty but for the
  session's cookie. Only signing in has touched the server before.
- `value` (ready): from the beginning of the navigation until page and figure are drawn (the script's mark), in headless Chromium.
- `kilobytes`: what came over the wire for page, sheet, scripts and icon, compressed. `query_ms`: in a fresh process against the same
  cold database, all queries of the page with what is made of them, imports that happen on the way included; `query_cpu_ms` of that.
- The page asked for is the widest: all resources, 365 days.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx

from catalogs.load import load
from license_hub.service import keep_accounts
from license_hub.service.hub import open_hub
from tests.bench.board_year import RULES, fill
from tests.license_hub.sample_hub import options, wall_clock
from tests.license_hub.server import running
from tests.license_hub.web.staff_visit import PASSWORD, token_of
from tests.support.cluster import Cluster

TURNS = 3
PAGE = "/quality?days=365"
READY = "performance.getEntriesByName('board-ready').length > 0 && performance.getEntriesByType('navigation')[0].loadEventEnd > 0"
TIME = "Math.max(performance.getEntriesByName('board-ready')[0].startTime, performance.getEntriesByType('navigation')[0].loadEventEnd)"


def run() -> dict:
    """Raises RuntimeError if the page lacks its figure or its year."""
    home = Path(tempfile.mkdtemp(prefix="mzt-board-"))
    home.chmod(0o755)
    cluster, now = Cluster(home / "pg"), datetime.now(UTC)
    try:
        (home / "pg").mkdir()
        cluster.make({"shared_buffers": "128MB"})
        cluster.start()
        settings = options(home, cluster.create("board"))
        hub = open_hub(settings, clock=wall_clock, catalog=load())
        keep_accounts.add(hub, "quality", "样例质量", ["quality"], None, PASSWORD, operator="bench")
        made = fill(hub.engine, hub.catalog, now)
        hub.close()
        turns = [_turn(cluster, settings, home, now) for _ in range(TURNS)]
    finally:
        cluster.stop("immediate")
        shutil.rmtree(home, ignore_errors=True)
    worst = {name: max(one[name] for one in turns) for name in ("ready_ms", "kilobytes", "query_ms")}
    figures = {
        name: round(statistics.median(one[name] for one in turns), 1) for name in ("query_ms", "query_warm_ms", "query_cpu_ms", "kilobytes")
    }
    ready = statistics.median(one["ready_ms"] for one in turns)
    return {"bench": "board_overview", "value": round(ready / 1000, 3), "unit": "s", **figures, "worst": worst, "rules": RULES, **made}


def _turn(cluster: Cluster, settings, home: Path, now: datetime) -> dict:
    with _cold(cluster):
        command = [sys.executable, "-m", "tests.bench.board_turn", settings.database_url, now.isoformat()]
        asked = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()[-1])
    with _cold(cluster), running(settings, home) as server:
        return asked | _drawn(server.url, _signed_in(server.url))


@contextmanager
def _cold(cluster: Cluster) -> Iterator[None]:
    """PostgreSQL stopped, its files out of the page cache, started again."""
    cluster.stop()
    os.sync()
    for path in cluster.data.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    cluster.start()
    yield


def _signed_in(url: str) -> list[dict]:
    """The session's cookie, as Playwright takes it."""
    with httpx.Client(base_url=url) as client:
        token = token_of(client.get("/sign-in").text)
        answer = client.post("/sign-in", data={"csrf": token, "account": "quality", "password": PASSWORD})
        if answer.status_code != 303:
            raise RuntimeError(f"signing in was answered {answer.status_code}")
        return [{"name": one.name, "value": one.value, "url": url} for one in client.cookies.jar]


def _drawn(url: str, cookies: list[dict]) -> dict:
    from playwright.sync_api import sync_playwright

    received: list[float] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="zh-CN")
        context.add_cookies(cookies)
        page = context.new_page()
        session = context.new_cdp_session(page)
        session.send("Network.enable")
        session.on("Network.loadingFinished", lambda told: received.append(told["encodedDataLength"]))
        page.goto(f"{url}{PAGE}", wait_until="load")
        page.wait_for_function(READY)
        ready = page.evaluate(TIME)
        drawn = page.locator(".chart canvas").count(), page.locator("#chart-trend tbody tr").count()
        page.wait_for_timeout(200)
        browser.close()
    if drawn[0] != 1 or drawn[1] < 365:
        raise RuntimeError(f"the page has {drawn[0]} figures and {drawn[1]} days")
    return {"ready_ms": ready, "kilobytes": sum(received) / 1000}
