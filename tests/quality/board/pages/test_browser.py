"""The pages as people meet them: on a screen and on a phone, without script, on paper, under axe; from a red cell to a ticket."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.license_hub.web.staff_visit import PASSWORD
from tests.quality.board.pages.world import ID_RULE, NAME_RULE, organ

pytestmark = pytest.mark.browser

AXE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
SCREEN, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
FIGURES = {"overview": 1, "resource": 2, "rule": 1}


@pytest.fixture(scope="module")
def cookies(browser, served):
    """Of somebody who signed in through the form."""
    context = browser.new_context(locale="zh-CN")
    page = context.new_page()
    page.goto(f"{served}/sign-in")
    page.locator("input[name=account]").fill("quality")
    page.locator("input[name=password]").fill(PASSWORD)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    yield context.storage_state()
    context.close()


@pytest.fixture
def opened(browser, served, cookies):
    """Opens pages in contexts of their own; a page that complains on its console, or asks elsewhere, fails the test."""
    contexts, complaints = [], []

    def go(path: str, **how):
        context = browser.new_context(**{"viewport": SCREEN, "locale": "zh-CN", "storage_state": cookies} | how)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda told: complaints.append(told.text) if told.type in ("error", "warning") else None)
        page.on("pageerror", lambda fault: complaints.append(str(fault)))
        page.on("request", lambda asked: complaints.append(asked.url) if not asked.url.startswith(served) else None)
        page.goto(f"{served}{path}")
        return page

    yield go
    for context in contexts:
        context.close()
    assert complaints == []


def pages(world) -> dict[str, str]:
    return {
        "overview": "/quality", "resource": "/quality/resources/legal_entity", "rule": f"/quality/rules/{ID_RULE}",
        "body": f"/quality/resources/legal_entity?body={organ(world.catalog, '990101')[0]}&indicator=0302",
        "batch": f"/quality/batches/{world.reports[-1].batch}", "bulletin": "/quality/bulletin",
    }  # fmt: skip


@pytest.mark.parametrize("size", [SCREEN, PHONE], ids=["screen", "phone"])
def test_pages_are_accessible_drawn_and_never_wider_than_the_screen(opened, world, screenshots, size):
    for name, path in pages(world).items():
        page = opened(path, viewport=size)
        page.wait_for_load_state()
        assert page.locator(".chart canvas").count() == FIGURES.get(name, 2 if name == "body" else 0)
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        page.screenshot(path=screenshots / f"board-{name}-{'phone' if size is PHONE else 'screen'}.png", full_page=True)
        assert wide <= 0, f"{name} scrolls sideways"
        checked = opened(path, viewport=size, bypass_csp=True)
        found = Axe().run(checked, options=AXE).response["violations"]
        assert [f"{name} {one['id']}: {one['nodes'][0]['html']}" for one in found] == []


def test_red_cell_leads_to_rows_and_a_ticket_in_three_clicks(opened, world):
    name = organ(world.catalog, "990301")[1]
    page = opened("/quality")
    page.get_by_role("link", name=re.compile(f"^{re.escape(name)} 脏数据出现率")).click()
    page.wait_for_url(re.compile("/quality/resources/legal_entity"))
    page.get_by_role("link", name=f"{NAME_RULE} 的问题行").click()
    page.wait_for_url(re.compile("/quality/quarantine"))
    with page.expect_navigation():
        page.locator(f"form[action='/quality/quarantine/tickets']:has(input[value='{NAME_RULE}']) button").click()
    with world.database.connect() as connection:
        rows = connection.exec_driver_sql("SELECT number, rows_open FROM quality_ticket WHERE rule = ?", (NAME_RULE,)).all()
    assert rows == [(3, 2)]
    assert page.locator("a[href*='/quality/tickets/3']").count() or page.url.endswith("/quality/tickets/3")


def test_pages_say_everything_without_script(opened, world):
    page = opened("/quality", java_script_enabled=False)
    assert page.locator(".chart").first.is_hidden()
    page.get_by_text("数据表（3 天）").click()
    assert page.locator("#chart-trend tbody tr").count() == 3
    page.get_by_label("数据资源").select_option("legal_entity")
    page.get_by_role("button", name="筛选").click()
    assert "resource=legal_entity" in page.url and page.locator("#now tbody tr").count() == 1


def test_figure_is_told_in_words_and_its_table_is_reached_by_keyboard(opened):
    page = opened("/quality")
    assert "法人和其他组织登记信息由" in page.locator(".chart").get_attribute("aria-label")
    page.locator("#heat .scroll").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#heat .scroll")).not_to_have_js_property("scrollLeft", 0)


def test_bulletin_on_paper_has_tables_and_definitions_and_no_controls(opened, screenshots):
    page = opened("/quality/bulletin", viewport={"width": 1000, "height": 1300})
    page.emulate_media(media="print")
    assert not page.locator("form.filters").is_visible() and not page.locator(".exports").first.is_visible()
    assert page.get_by_text("口径说明").is_visible() and page.locator("#bodies table").is_visible()
    page.screenshot(path=screenshots / "board-bulletin-print.png", full_page=True)
