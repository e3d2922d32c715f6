"""/verify as a person meets it: on a screen and on a phone, by keyboard, without script, on paper, and under axe."""

from __future__ import annotations

import re
from urllib.parse import urljoin

import pytest
from axe_playwright_python.sync_playwright import Axe

from license_hub.domain.identifier import mint
from tests.license_hub.sample_hub import credit_code, identifier_of, identifiers

pytestmark = pytest.mark.browser

AXE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
SCREEN, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(params=[SCREEN, PHONE], ids=["screen", "phone"])
def page(browser, server, request):
    """A page that fails the test for anything it reports on the console, a request elsewhere, or sideways scrolling."""
    context = browser.new_context(viewport=request.param, locale="zh-CN", bypass_csp=False)
    opened = context.new_page()
    complaints: list[str] = []
    opened.on(
        "console", lambda message: complaints.append(f"{message.type}: {message.text}") if message.type in ("error", "warning") else None
    )
    opened.on("pageerror", lambda fault: complaints.append(str(fault)))
    opened.on("request", lambda asked: complaints.append(asked.url) if not asked.url.startswith(server.url) else None)
    opened.goto(f"{server.url}/verify")
    yield opened
    assert not opened.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"), "sideways scrolling"
    context.close()
    # A form that lacks something answers 422, which Chromium reports on the console; everything else is a fault.
    assert not [one for one in complaints if "422" not in one]


def ask(page, identifier: str, holder: str = "") -> None:
    page.get_by_label("证照标识").fill(identifier)
    if holder:
        page.get_by_label(re.compile("持证人证件号码")).fill(holder)
    send(page)


def send(page) -> None:
    with page.expect_navigation():
        page.get_by_role("button", name="核验", exact=True).click()


def focused(page) -> str:
    """id, else class, of what has the focus; the browser moves it when it first draws the page."""
    page.locator(":focus").wait_for(state="attached")
    return page.evaluate("document.activeElement.id || document.activeElement.className")


def axe_violations(browser, page) -> list[str]:
    """Run on a copy of the page in a context without CSP: axe is injected as a script, which the page itself would refuse."""
    context = browser.new_context(viewport=page.viewport_size, locale="zh-CN", bypass_csp=True)
    copy = context.new_page()
    copy.goto(urljoin(page.url, "/verify"))
    copy.set_content(page.content())
    found = Axe().run(copy, options=AXE).response["violations"]
    context.close()
    return [f"{one['id']}: {one['nodes'][0]['html']}" for one in found]


def shoot(page, screenshots, name: str) -> None:
    size = "phone" if page.viewport_size["width"] < 600 else "screen"
    page.screenshot(path=screenshots / f"verify-{name}-{size}.png", full_page=True)


VERDICTS = {
    "valid": ("有效", lambda hub: identifier_of(hub, credit_code(2000))),
    "invalid": ("无效", lambda hub: identifier_of(hub, credit_code(1002))),
    "undetermined": ("无法判定", lambda hub: mint(*identifiers(hub)[0].split(".")[5:7], "0" * 25, 1)),
}


@pytest.mark.parametrize("kind", VERDICTS)
def test_verdict_is_shown_focused_and_accessible(browser, page, hub, screenshots, kind):
    heading, identifier = VERDICTS[kind]
    ask(page, identifier(hub))
    assert page.get_by_role("heading", level=1).inner_text().endswith(heading)
    assert focused(page) == "result"
    assert page.title().startswith(heading)
    assert page.url.endswith("/verify"), "no number may get into the address"
    colour = page.locator(".verdict").evaluate("one => getComputedStyle(one).color")
    assert colour == {"valid": "rgb(20, 102, 58)", "invalid": "rgb(163, 22, 33)", "undetermined": "rgb(122, 75, 0)"}[kind]
    assert page.locator(".verdict svg").bounding_box()["width"] > 40
    shoot(page, screenshots, kind)
    assert axe_violations(browser, page) == []


def test_form_is_accessible_and_easy_to_hit(browser, page, screenshots):
    shoot(page, screenshots, "form")
    assert axe_violations(browser, page) == []
    for control in page.locator("textarea, input, button").all():
        assert control.bounding_box()["height"] >= 44
    assert page.locator("form[action='/verify']").get_attribute("autocomplete") == "off"


def test_form_sent_empty_names_what_is_missing_and_takes_the_focus_there(browser, page, screenshots):
    send(page)
    assert focused(page) == "errors"
    shoot(page, screenshots, "missing")
    assert axe_violations(browser, page) == []
    page.get_by_role("link", name="请填写证照标识").click()
    assert focused(page) == "identifier"


def test_wrong_address_shows_a_page_a_person_can_read(browser, server, screenshots):
    context = browser.new_context(viewport=PHONE, locale="zh-CN")
    page = context.new_page()
    page.goto(f"{server.url}/nowhere")
    assert focused(page) == "errors"
    shoot(page, screenshots, "lost")
    assert axe_violations(browser, page) == []
    page.get_by_role("link", name="返回核验页面").click()
    assert page.url.endswith("/verify")
    context.close()


def test_page_works_by_keyboard_alone(page, hub):
    page.keyboard.press("Tab")
    assert focused(page) == "skip"
    page.get_by_label("证照标识").focus()
    page.keyboard.type(identifier_of(hub, credit_code(2000)))
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.get_by_role("heading", level=1).inner_text().endswith("有效")


def test_page_works_without_script(browser, server, hub):
    context = browser.new_context(java_script_enabled=False, locale="zh-CN")
    page = context.new_page()
    page.goto(f"{server.url}/verify")
    ask(page, identifier_of(hub, credit_code(2000)))
    assert page.get_by_role("heading", level=1).inner_text().endswith("有效")
    context.close()


def test_page_on_paper_shows_the_result_and_leaves_the_form_out(browser, server, hub, screenshots):
    context = browser.new_context(viewport={"width": 794, "height": 1123}, locale="zh-CN")
    page = context.new_page()
    page.goto(f"{server.url}/verify")
    ask(page, identifier_of(hub, credit_code(1002)))
    page.emulate_media(media="print")
    assert page.locator("#result").is_visible() and not page.locator("form:visible").count()
    page.screenshot(path=screenshots / "verify-print.png", full_page=True)
    context.close()


def test_text_is_drawn_with_a_chinese_font_without_missing_glyphs(page):
    session = page.context.new_cdp_session(page)
    for domain in ("DOM", "CSS"):
        session.send(f"{domain}.enable")
    root = session.send("DOM.getDocument")["root"]["nodeId"]
    heading = session.send("DOM.querySelector", {"nodeId": root, "selector": "h1"})["nodeId"]
    fonts = session.send("CSS.getPlatformFontsForNode", {"nodeId": heading})["fonts"]
    assert fonts and all(re.search("Noto Sans CJK|PingFang|YaHei|WenQuanYi", one["familyName"]) for one in fonts)
