"""Issue 5's story in two browsers at once: a clerk at the counter, a holder on the phone; and once more for a holder without one.

A real server with its own identity provider for holders; Chromium for both. The pages' time from click to verdict is recorded.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import expect

from license_hub.service.hub import Hub
from license_hub.service.present import Show, present
from tests.browser.test_desk import Visitor, looked_at
from tests.browser.test_verify_page import PHONE, SCREEN
from tests.license_hub.sample_hub import options
from tests.license_hub.server import running
from tests.license_hub.web.desk_visit import FIRM, FIRM_NAME, HANDLER, PERSON, desk_hub
from tests.license_hub.web.test_desk_consent import identifier
from tests.support import identity_provider as idp

pytestmark = pytest.mark.browser

TITLE = "经营场所不动产权证明"
WAIT_MS = 60_000
CLICKED = """async id => {
  const old = document.getElementById('materials'), start = performance.now();
  document.getElementById(id).click();
  while (document.getElementById('materials') === old) await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
  return performance.now() - start }"""
"""Milliseconds from the click to the frame with the new table."""


@dataclass
class Counter:
    hub: Hub
    url: str
    provider: idp.IdentityProvider


@pytest.fixture(scope="module")
def counter(tmp_path_factory, catalog) -> Iterator[Counter]:
    folder = tmp_path_factory.mktemp("case")
    hub = desk_hub(folder, catalog)
    with idp.running() as provider:
        provider.claims = {"sub": "u-1", "name": FIRM_NAME, "id_number": FIRM}
        given = {"HUB_HOLDER_ISSUER": provider.url, "HUB_HOLDER_CLIENT_ID": idp.CLIENT_ID, "HUB_HOLDER_CLIENT_SECRET": idp.CLIENT_SECRET}
        with running(options(folder), folder, **given) as server:
            yield Counter(hub, server.url, provider)
    hub.close()


@pytest.fixture(scope="module")
def clerk(browser, counter) -> Iterator[Visitor]:
    made = Visitor(browser, counter, HANDLER, SCREEN)
    yield made
    made.close()


@pytest.fixture(scope="module")
def phone(browser, counter):
    context = browser.new_context(viewport=PHONE, locale="zh-CN")
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    page.goto(f"{counter.url}/me/sign-in/start?next=/me")
    expect(page.get_by_text("营业执照").first).to_be_visible()
    yield page
    context.close()


def opened(clerk: Visitor, case_no: str) -> None:
    """收件登记, from the counter's home to the decided case."""
    page = clerk.page
    clerk.go("/desk")
    page.get_by_label("办理事项").select_option(label="食品经营许可新办")
    page.get_by_role("button", name="登记办件").click()
    first, second = page.get_by_role("group", name="申请人（经营者）"), page.get_by_role("group", name="法定代表人（负责人）")
    for group, name, number in ((first, FIRM_NAME, FIRM), (second, "样1", PERSON)):
        group.get_by_label("姓名或名称").fill(name)
        group.get_by_label("证件号码").fill(number)
    page.get_by_label("办件编号").fill(case_no)
    page.get_by_label("窗口").fill("7")
    page.get_by_role("button", name="登记并判定").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("食品经营许可新办")


def row(page, title: str = TITLE):
    return page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=title))


def test_holder_consents_on_the_phone_the_table_updates_itself_and_a_withdrawal_refuses_the_next_call(
    clerk, phone, counter, browser, screenshots, record_property
):
    opened(clerk, "story-1")
    page, case = clerk.page, clerk.page.url
    expect(row(page)).to_contain_text("需授权")
    clicks = [page.evaluate(CLICKED, "decide") for _ in range(3)]
    record_property("click_to_verdict_ms", [round(one) for one in clicks])
    print("click to verdict, ms:", [round(one) for one in clicks])

    page.get_by_role("button", name="请持证人手机授权").click()
    expect(page.get_by_text("已请持证人在手机上确认，确认后本页自动更新。")).to_be_visible()
    page.get_by_label("哪里不好用").fill("正在写")

    phone.goto(f"{counter.url}/me/grants")
    card = phone.locator("li").filter(has_text="story-1")
    expect(card).to_contain_text("handler")
    phone.screenshot(path=screenshots / "desk-story-phone.png")
    card.get_by_role("button", name="同意", exact=True).click()

    # Nobody touches the counter's page.
    expect(row(page)).to_contain_text("免于提交", timeout=WAIT_MS)
    expect(row(page)).to_contain_text("持证人手机授权")
    expect(page.get_by_label("哪里不好用")).to_have_value("正在写")
    row(page).get_by_role("button", name=f"看照面：{TITLE}").click()
    face = page.locator("#face")
    expect(face).to_contain_text("样例市不动产登记中心")
    expect(face).to_contain_text("证照真实有效")
    looked_at(clerk, browser, screenshots, "case-face")

    page.get_by_role("link", name="打印一次性告知单").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("一次性告知单")
    paper = page.pdf(path=screenshots / "desk-notice.pdf")
    assert paper.startswith(b"%PDF") and len(paper) > 20_000
    page.locator("li").filter(has_text=TITLE).get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("免提交核验回执")

    began = time.monotonic()
    phone.goto(f"{counter.url}/me/looks")
    expect(phone.get_by_text("story-1").first).to_be_visible(timeout=5_000)
    expect(phone.locator("main")).to_contain_text("查看证照内容")
    record_property("look_seen_s", round(time.monotonic() - began, 1))

    phone.goto(f"{counter.url}/me/grants")
    phone.locator("li").filter(has_text="story-1").get_by_role("button", name="撤回授权").click()
    expect(phone.locator("li").filter(has_text="story-1")).to_contain_text("已撤回")
    clerk.page.goto(case)
    row(page).get_by_role("button", name=f"看照面：{TITLE}").click()
    expect(page.get_by_role("alert")).to_contain_text("需要持证主体授权")
    page.locator("#decide").click()
    expect(row(page)).to_contain_text("需授权")


def test_holder_without_a_phone_consents_at_the_window_and_the_clerk_uses_keys_alone(clerk, counter, browser, screenshots):
    clerk.go("/desk/new?matter=food_permit_new")
    page = clerk.page
    # The browser gives the focus after it has drawn the page.
    expect(page.locator("#applicant-name")).to_be_focused()
    page.keyboard.insert_text(FIRM_NAME)
    clerk.write("证件号码", FIRM)
    clerk.write("窗口", "7")
    clerk.press("登记并判定")
    # A scanner types here.
    expect(page.locator("#code")).to_be_focused()
    expect(row(page)).to_contain_text("需授权")
    clerk.open("窗口现场授权：电子不动产权证书")
    clerk.tab_to("核验了身份证件")
    page.keyboard.press("Space")
    clerk.tab_to("登记授权")
    page.keyboard.press("Enter")
    expect(row(page)).to_contain_text("窗口现场授权", timeout=WAIT_MS)
    expect(page.get_by_role("status").filter(has_text="已登记窗口现场授权")).to_be_visible()
    looked_at(clerk, browser, screenshots, "case-window")
    clerk.tab_to("采信：营业执照")
    page.keyboard.press("Enter")
    expect(row(page, "营业执照")).to_contain_text("已采信", timeout=WAIT_MS)
    clerk.tab_to("办结")
    page.keyboard.press("Enter")
    expect(page.get_by_text("办件已关闭")).to_be_visible(timeout=WAIT_MS)
    looked_at(clerk, browser, screenshots, "case-closed")


def scan(page, text: str) -> None:
    """What a scanner does: types into what has the focus, then Enter."""
    page.locator(":focus").wait_for(state="attached")
    page.keyboard.type(text)
    page.keyboard.press("Enter")


def test_scanner_types_into_the_field_that_has_the_focus_and_the_code_counts_once(clerk, counter, browser, screenshots):
    opened(clerk, "story-scan")
    page = clerk.page
    deeds, shop = (identifier(counter.hub, kind) for kind in ("real_estate_title", "business_license"))
    codes = present(counter.hub, [Show(name, FIRM, "holder", "s" * 32) for name in (deeds, shop)])
    scan(page, codes[0].text)
    expect(page.locator("#face")).to_contain_text("持证人刚才出示", timeout=WAIT_MS)
    expect(row(page)).to_contain_text("持证人当面亮证")
    clerk.go("/desk/verify")
    scan(page, codes[1].text)
    expect(page.locator("#result")).to_contain_text("证照真实有效", timeout=WAIT_MS)
    # The next one is scanned without a hand on the mouse.
    scan(page, codes[1].text)
    expect(page.get_by_role("alert")).to_contain_text("已被扫过", timeout=WAIT_MS)
    looked_at(clerk, browser, screenshots, "verify-refused")
    scan(page, shop)
    expect(page.locator("#result")).to_contain_text("证照真实有效", timeout=WAIT_MS)
    looked_at(clerk, browser, screenshots, "verify-result")


NIGHTLY = pytest.mark.nightly
FITS = [
    pytest.param(SCREEN, 0, id="screen"), pytest.param(PHONE, 2, id="phone care"),
    pytest.param(PHONE, 0, id="phone", marks=NIGHTLY), pytest.param(SCREEN, 2, id="care", marks=NIGHTLY),
]  # fmt: skip


@pytest.mark.parametrize(("viewport", "step"), FITS)
def test_pages_of_the_counter_are_accessible_and_fit(browser, counter, screenshots, viewport, step):
    visitor = Visitor(browser, counter, HANDLER, viewport)
    try:
        if step:
            visitor.go(f"/care?step={step}&next=/desk")
        opened(visitor, f"fit-{viewport['width']}-{step}")
        mark, case = ("-care" if step else ""), re.sub(r".*(/desk/cases/[0-9]+).*", r"\1", visitor.page.url)
        looked_at(visitor, browser, screenshots, f"counter-case{mark}")
        visitor.page.get_by_role("button", name="请持证人手机授权").click()
        expect(visitor.page.get_by_text("已请持证人在手机上确认，确认后本页自动更新。")).to_be_visible()
        looked_at(visitor, browser, screenshots, f"counter-asked{mark}")
        for name, path in {
            "home": "/desk?of=body",
            "new": "/desk/new?matter=food_permit_new",
            "notice": f"{case}/notice",
            "verify": "/desk/verify",
        }.items():
            visitor.go(path)
            looked_at(visitor, browser, screenshots, f"counter-{name}{mark}")
        visitor.go(case)
        visitor.page.get_by_role("button", name="预填表单").click()
        expect(visitor.page.get_by_role("heading", level=1)).to_have_text("表单预填")
        looked_at(visitor, browser, screenshots, f"counter-prefill{mark}")
        visitor.go(f"{case}/notice")
        visitor.page.locator("ol.told a").first.click()
        looked_at(visitor, browser, screenshots, f"counter-receipt{mark}")
    finally:
        visitor.close()
