"""The plugin in a real Airflow (API server, its own pages in Chromium) beside a real hub: navigation, tab, link, and who is let in."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe

from catalogs.load import load
from quality.board.words import STATUSES
from tests.browser.test_verify_page import AXE
from tests.dags.conftest import ROOT, World
from tests.license_hub.server import free_ports
from tests.support import processes

pytestmark = pytest.mark.airflow
PATIENCE_S = 180
KEY = "6b" * 32


@dataclass(frozen=True)
class Both:
    airflow: str
    hub: str
    run: str
    environment: dict[str, str]

    def token(self, user: str) -> str:
        """A token of Airflow for a user of its simple auth manager."""
        answer = httpx.post(f"{self.airflow}/auth/token", json={"username": user, "password": self.password(user)})
        return answer.raise_for_status().json()["access_token"]

    def password(self, user: str) -> str:
        """As Airflow made it up."""
        return json.loads(Path(self.environment["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"]).read_text())[user]


@contextmanager
def served(world: World) -> Iterator[Both]:
    """Airflow's API server with our plugin and the hub, over what the DAGs left behind."""
    pages, hub, metrics = free_ports(3)
    (world.home / "frame.key").write_text(KEY)
    airflow, board = f"http://127.0.0.1:{pages}", f"http://127.0.0.1:{hub}"
    environment = {
        **world.environment,
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(pages),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__BASE_URL": airflow,
        "AIRFLOW__API_AUTH__JWT_SECRET": "only-for-this-test-" * 4,
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "staff:viewer",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(world.home / "passwords.json"),
        "HUB_PORT": str(hub),
        "HUB_METRICS_PORT": str(metrics),
        "HUB_FRAME_KEY": str(world.home / "frame.key"),
        "HUB_AIRFLOW_ORIGIN": airflow,
    }
    subprocess.run(["airflow", "dags", "reserialize"], env=environment, cwd=ROOT, check=True, capture_output=True)

    def up(address: str):
        def answers() -> bool:
            try:
                return httpx.get(address, timeout=5).status_code == 200
            except httpx.HTTPError:
                return False

        return answers

    started = [
        processes.running(
            [*command], env=environment, log=world.home / f"{command[0]}.log", ready=up(address), seconds=PATIENCE_S, cwd=ROOT
        )
        for command, address in ((("hub", "serve"), f"{board}/healthz"), (("airflow", "api-server"), f"{airflow}/api/v2/version"))
    ]
    with started[0], started[1]:
        yield Both(airflow, board, world.report["run"], environment)


@pytest.fixture(scope="module")
def both(world) -> Iterator[Both]:
    with served(world) as running:
        yield running


@pytest.fixture(scope="module")
def airflow(both) -> Iterator[httpx.Client]:
    """Airflow's API as a signed-in viewer."""
    with httpx.Client(base_url=both.airflow, headers={"Authorization": f"Bearer {both.token('staff')}"}, timeout=60) as client:
        yield client


def task(both: Both) -> dict[str, str]:
    return {"dag_id": "check_legal_entity", "run_id": both.run, "task_id": "gate", "map_index": "-1"}


def test_plugin_is_registered_without_errors(airflow):
    plugins = {one["name"]: one for one in airflow.get("/api/v2/plugins").raise_for_status().json()["plugins"]}
    assert airflow.get("/api/v2/plugins/importErrors").raise_for_status().json()["total_entries"] == 0
    views = {one["name"]: one for one in plugins["quality_board"]["external_views"]}
    assert (views["质量看板"]["destination"], views["失败规则"]["destination"]) == ("nav", "task_instance")


def test_gate_that_stopped_a_batch_links_to_the_rule_and_no_other_task_does(both, airflow):
    tasks = f"/api/v2/dags/check_legal_entity/dagRuns/{quote(both.run, safe='')}/taskInstances"
    links = airflow.get(f"{tasks}/gate/links").raise_for_status().json()["extra_links"]
    assert links == {"失败规则明细": "http://127.0.0.1:8080/quality/rules/legal_entity.batch.volume"}
    assert airflow.get(f"{tasks}/check/links").raise_for_status().json()["extra_links"] == {}
    passed = (
        airflow.get("/api/v2/dags/check_legal_entity/dagRuns?state=success&limit=1").raise_for_status().json()["dag_runs"][0]["dag_run_id"]
    )
    fine = f"/api/v2/dags/check_legal_entity/dagRuns/{quote(passed, safe='')}/taskInstances/gate/links"
    assert airflow.get(fine).raise_for_status().json()["extra_links"] == {"失败规则明细": None}


@pytest.mark.parametrize("page", ["summary", "rules"])
def test_t32_endpoint_of_the_plugin_authenticates_itself(both, page):
    """Airflow mounts it without any authentication of its own."""
    asked = f"{both.airflow}/quality-board/{page}"
    for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Cookie": "_token=nonsense"}):
        answer = httpx.get(asked, params=task(both), headers=headers)
        assert answer.status_code in (401, 403) and "seal" not in answer.headers.get("location", "")


def test_t32_sealed_link_opens_its_own_page_alone(both, airflow):
    answer = airflow.get("/quality-board/rules", params=task(both))
    assert answer.status_code == 303 and "no-store" in answer.headers["cache-control"]
    link = urlsplit(answer.headers["location"])
    page = httpx.get(link.geturl())
    assert page.status_code == 200 and "失败规则" in page.text and "本批已被拦截" in page.text
    assert f"frame-ancestors {both.airflow};" in page.headers["content-security-policy"]
    assert "no-store" in page.headers["cache-control"] and "set-cookie" not in page.headers
    for spoiled in (
        link._replace(path="/quality/framed/summary"),
        link._replace(query=link.query.replace("check_legal_entity", "check_population")),
        link._replace(query=link.query + "&dag_id=check_population"),
        link._replace(query=""),
    ):
        refused = httpx.get(spoiled.geturl())
        assert refused.status_code == 403 and "链接已失效" in refused.text
    assert "staff" not in parse_qs(link.query), "no person is named in an address"


def test_chromium_shows_the_board_in_the_navigation_and_the_failed_rules_on_the_task(both, browser, screenshots):
    page = browser.new_page(locale="zh-CN", viewport={"width": 1280, "height": 800})
    page.set_default_timeout(PATIENCE_S * 1000)
    page.goto(both.airflow)
    page.locator("input[name=username]").fill("staff")
    page.locator("input[type=password]").fill(both.password("staff"))
    page.locator("button[type=submit]").click()
    page.get_by_role("link", name="质量看板").click()
    board = page.frame_locator("iframe[title='质量看板']")
    board.get_by_role("heading", name="质量看板").wait_for()
    assert board.get_by_role("rowheader").count() == len(load().resources) and board.get_by_text(STATUSES["stopped"]).count() == 1
    blocked = page.locator("iframe[title='质量看板']").get_attribute("sandbox")
    assert "allow-popups" not in blocked and "allow-modals" not in blocked, "what framed pages must do without"
    page.screenshot(path=screenshots / "airflow-board.png")
    page.goto(f"{both.airflow}/dags/check_legal_entity/runs/{quote(both.run, safe='')}/tasks/gate")
    page.get_by_role("link", name="失败规则").or_(page.get_by_role("tab", name="失败规则")).first.click()
    page.frame_locator("iframe[title='失败规则']").get_by_text("本批已被拦截").wait_for()
    page.screenshot(path=screenshots / "airflow-failed-rules.png")
    page.close()


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", ["summary", "rules"])
def test_framed_page_is_accessible_and_needs_no_popup_script_or_link(both, browser, airflow, screenshots, name, width):
    """The frame blocks new windows and `confirm`."""
    page = browser.new_context(bypass_csp=True, viewport={"width": width, "height": 900}).new_page()
    page.goto(airflow.get(f"/quality-board/{name}", params=task(both)).headers["location"])
    assert not page.locator("script, form, a, [target], [onclick]").count()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = Axe().run(page, options=AXE).response["violations"]
    assert not [(one["id"], [node["html"] for node in one["nodes"]]) for one in found]
    page.screenshot(path=screenshots / f"framed-{name}-{width}.png", full_page=True)
    page.context.close()
