"""/quality/changes as staff meet it: on a screen and on a phone, by keyboard, without script, and under axe, care mode too."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe

from license_hub.web.care import COOKIE
from tests.browser.test_verify_page import AXE, PHONE, SCREEN
from tests.license_hub.web.staff_visit import PASSWORD, add_staff

pytestmark = pytest.mark.browser

FORM = "/quality/changes/new?resource=legal_entity&target="
LENGTH = "legal_entity.name.length"


@pytest.fixture(scope="module")
def house(hub, server):
    add_staff(hub)
    return server


@pytest.fixture(scope="module", params=[SCREEN, PHONE], ids=["screen", "phone"])
def visit(browser, house, request):
    """Somebody signed in, on the phone with large text; axe comes from outside the page's policy."""
    contexts = []

    def opened(account: str):
        context = browser.new_context(viewport=request.param, locale="zh-CN", bypass_csp=True)
        contexts.append(context)
        if request.param is PHONE:
            context.add_cookies([{"name": COOKIE, "value": "1", "url": house.url}])
        page = context.new_page()
        page.set_default_timeout(120_000)
        page.goto(f"{house.url}/quality/changes")
        page.get_by_label("账号").fill(account)
        page.get_by_label("密码").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/quality/changes")
        return page

    yield opened, "phone" if request.param is PHONE else "screen"
    for context in contexts:
        context.close()


def looked_at(page, screenshots, name: str) -> None:
    """Nothing hangs over the side, and axe finds nothing."""
    hanging = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    assert not hanging, f"{name}: sideways scrolling"
    found = Axe().run(page, options=AXE).response["violations"]
    assert [f"{one['id']}: {one['nodes'][0]['html']}" for one in found] == [], name
    page.screenshot(path=screenshots / f"changes-{name}.png", full_page=True)


def test_a_change_goes_through_by_keyboard_and_every_page_is_accessible(visit, house, screenshots):
    enter, size = visit
    quality, chief = enter("quality"), enter("supervisor")
    quality.goto(house.url + "/quality/changes/new")
    looked_at(quality, screenshots, f"choose-{size}")
    quality.goto(house.url + FORM + "weights")
    looked_at(quality, screenshots, f"weights-{size}")
    quality.goto(house.url + FORM + "legal_entity.credit_code.length")
    looked_at(quality, screenshots, f"locked-{size}")
    quality.goto(house.url + FORM + LENGTH)
    quality.get_by_label("处置").select_option("reject")
    quality.get_by_label("下限").fill("40")
    quality.get_by_role("button", name="试运行").focus()
    quality.keyboard.press("Enter")
    quality.wait_for_selector("#trial")
    looked_at(quality, screenshots, f"tried-{size}")
    quality.get_by_role("button", name="提出", exact=True).focus()
    quality.keyboard.press("Enter")
    quality.wait_for_selector(".errors")
    looked_at(quality, screenshots, f"refused-{size}")
    quality.get_by_label("理由").fill("试行：名称过短多为误录")
    quality.get_by_role("button", name="提出", exact=True).focus()
    quality.keyboard.press("Enter")
    quality.wait_for_url("**/quality/changes/*")
    looked_at(quality, screenshots, f"own-{size}")
    chief.goto(quality.url)
    looked_at(chief, screenshots, f"waiting-{size}")
    chief.get_by_label("办理意见").fill("同意试行")
    chief.get_by_role("button", name="不批准").focus()
    chief.keyboard.press("Enter")
    chief.wait_for_selector("text=未批准")
    chief.goto(house.url + "/quality/changes")
    looked_at(chief, screenshots, f"list-{size}")
