"""The door as people meet it: signing in by keyboard, in every text size, on a screen and on a phone, under axe."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.test_verify_page import AXE, PHONE, SCREEN
from tests.license_hub.sample_hub import identifiers
from tests.license_hub.web.staff_visit import PASSWORD, add_staff

pytestmark = pytest.mark.browser
SIZES = {0: 18, 1: 24, 2: 30}
"""Care step → px of the root's text."""

SMALL = """most => [...document.querySelectorAll("a, button")]
  .filter(one => one.offsetHeight && one.offsetHeight < most && !one.closest("p, dd, .skip")).map(one => one.outerHTML)"""
"""Targets that are lower than that many px: 60 in care mode, else 44 (ui.md §2)."""
PALE = "getComputedStyle(document.querySelector('.care [aria-current]')).color"
"""The step that is on stands on white."""


@pytest.fixture(scope="module")
def staffed(hub):
    add_staff(hub)


@pytest.fixture
def page(browser, server, staffed, request):
    """A page that fails the test for anything it reports on the console or asks of another server."""
    context = browser.new_context(viewport=getattr(request, "param", SCREEN), locale="zh-CN", bypass_csp=True)
    opened, complaints = context.new_page(), []
    opened.on("console", lambda one: complaints.append(f"{one.type}: {one.text}") if one.type in ("error", "warning") else None)
    opened.on("pageerror", lambda fault: complaints.append(str(fault)))
    opened.on("request", lambda asked: complaints.append(asked.url) if not asked.url.startswith(server.url) else None)
    yield opened
    context.close()
    # A refusal is an answer with its status, which Chromium reports on the console.
    assert not [one for one in complaints if "403" not in one]


def enter(page, server, account: str = "supervisor", password: str = PASSWORD) -> None:
    """By keyboard alone: the name's field is found by Tab, the form is sent by Enter."""
    page.goto(f"{server.url}/staff")
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "account":
            break
    page.keyboard.type(account)
    page.keyboard.press("Tab")
    page.keyboard.type(password)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def sound(page) -> list[str]:
    found = Axe().run(page, options=AXE)
    return [f"{one['id']}: {[node['html'][:120] for node in one['nodes']]}" for one in found.response["violations"]]


def sideways(page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")


def test_person_signs_in_by_keyboard_and_out_again(page, server):
    enter(page, server)
    assert page.url == f"{server.url}/staff" and page.get_by_text("主管人员").is_visible()
    with page.expect_navigation():
        page.get_by_role("button", name="退出").click()
    assert page.url == f"{server.url}/sign-in"
    page.goto(f"{server.url}/staff")
    assert "/sign-in" in page.url


@pytest.mark.parametrize(("page", "step"), [(SCREEN, 0), (SCREEN, 1), (PHONE, 0), (PHONE, 2)], indirect=["page"], ids=str)
def test_pages_of_the_door_are_sound_in_every_text_size(page, server, step, screenshots):
    wide = page.viewport_size["width"]
    page.goto(f"{server.url}/sign-in")
    if step:
        page.get_by_role("link", name=("大字", "特大字")[step - 1], exact=True).click()
    assert page.evaluate("getComputedStyle(document.documentElement).fontSize") == f"{SIZES[step]}px"
    shown = {"sign-in": None, "sign-in-wrong": "not the password", "me": PASSWORD}
    for name, password in shown.items():
        if password:
            enter(page, server, password=password)
        page.screenshot(path=screenshots / f"{name}-{wide}-care{step}.png", full_page=True)
        assert not sound(page), name
        assert not sideways(page), name
    assert not page.evaluate(SMALL, 44 if step == 0 else 60)
    assert page.evaluate(PALE) == "rgb(11, 79, 138)"


def test_page_that_is_refused_says_so_under_axe(page, server, screenshots):
    enter(page, server, account="body")
    page.goto(f"{server.url}/quality")
    assert page.get_by_text("没有权限").is_visible() and not sound(page) and not sideways(page)
    page.screenshot(path=screenshots / f"forbidden-{page.viewport_size['width']}.png", full_page=True)


@pytest.mark.parametrize("page", [PHONE], indirect=True, ids=["phone"])
def test_public_page_in_the_largest_text_is_sound(page, server, screenshots):
    page.goto(f"{server.url}/care?step=2&next=/verify")
    assert not sound(page) and not sideways(page)
    page.screenshot(path=screenshots / f"verify-{page.viewport_size['width']}-care2.png", full_page=True)


@pytest.mark.parametrize("page", [SCREEN, PHONE], indirect=True, ids=["screen", "phone"])
def test_license_page_is_sound(page, server, hub, screenshots):
    enter(page, server, account="quality")
    page.goto(f"{server.url}/licenses/{identifiers(hub)[0]}")
    assert page.get_by_role("heading", name="营业执照").is_visible()
    page.screenshot(path=screenshots / f"license-{page.viewport_size['width']}.png", full_page=True)
    assert not sound(page) and not sideways(page)
