"""/matters as a person meets it: on a screen and on a phone, without script, and under axe."""

from __future__ import annotations

import pytest

from tests.browser.test_verify_page import PHONE, SCREEN, axe_violations

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("size", [SCREEN, PHONE], ids=["screen", "phone"])
@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_lists_are_read_from_verify_to_a_matter_and_back(browser, server, size, script):
    context = browser.new_context(viewport=size, locale="zh-CN", java_script_enabled=script)
    page = context.new_page()
    page.goto(f"{server.url}/verify")
    page.get_by_role("link", name="材料免提交清单").click()
    page.get_by_role("link", name="新生儿出生一件事").click()
    assert page.get_by_role("heading", level=1).inner_text() == "新生儿出生一件事"
    if script:
        assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"), "sideways scrolling"
    page.get_by_role("link", name="材料免提交清单").click()
    with page.expect_download() as told:
        page.get_by_role("link", name="下载材料免提交清单").click()
    assert told.value.suggested_filename == "materials.csv"
    context.close()


@pytest.mark.parametrize("size", [SCREEN, PHONE], ids=["screen", "phone"])
@pytest.mark.parametrize("path", ["/matters", "/matters/newborn_bundle", "/matters/public_rental"])
def test_axe_finds_nothing_on_the_lists(browser, server, size, path):
    context = browser.new_context(viewport=size, locale="zh-CN")
    page = context.new_page()
    page.goto(f"{server.url}{path}")
    assert axe_violations(browser, page) == []
    context.close()
