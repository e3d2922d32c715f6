"""The desk as clerks meet it: failing rows to tickets to corrections to closed tickets, by keyboard, on a screen and a phone, under axe."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urljoin

import pytest
from axe_playwright_python.sync_playwright import Axe

from catalogs.checkdigits import citizen_check
from license_hub.service.hub import Hub, open_hub
from quality.sampling import draw
from tests.browser.test_verify_page import AXE, PHONE, SCREEN
from tests.license_hub.sample_hub import company, deliver, options, wall_clock, write_csv
from tests.license_hub.server import running
from tests.license_hub.web.staff_visit import BODY, PASSWORD, add_staff

pytestmark = pytest.mark.browser

RULE = "legal_entity.legal_rep_id.check_digit"
SENTENCE = "法定代表人证件号码的校验码不对"


def number(place: int, good: bool) -> str:
    """A sample person's number, with a right or a wrong check character."""
    base = f"99010119800101{place:03d}"
    right = citizen_check(base)
    return base + (right if good else ("0" if right != "0" else "1"))


def rows(count: int, good: int) -> list[dict[str, str]]:
    """So many companies of BODY with a person's number, the first ones right."""
    return [company(5000 + at, 登记机关代码=BODY, 法定代表人证件号码=number(at, at < good)) for at in range(count)]


@dataclass
class Desk:
    hub: Hub
    url: str
    folder: object

    def deliver(self, good: int) -> str:
        return deliver(self.hub, write_csv(self.folder / f"entities-{good}.csv", rows(8, good))).batch


@pytest.fixture(scope="module")
def desk(tmp_path_factory, catalog) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    hub = open_hub(options(folder), clock=wall_clock, catalog=catalog)
    add_staff(hub)
    with running(options(folder), tmp_path_factory.mktemp("desk-server")) as server:
        made = Desk(hub, server.url, folder)
        made.deliver(2)
        draw(catalog, "legal_entity", 5, seed=3, lake=hub.lake, database=hub.engine, now=hub.now(), actor="staff")
        yield made
    hub.close()


class Visitor:
    """Somebody signed in, who uses the keyboard alone."""

    def __init__(self, browser, desk: Desk, account: str, viewport: dict[str, int]):
        self.context = browser.new_context(viewport=viewport, locale="zh-CN")
        # No page is timed here, and machines that test may be busy.
        self.context.set_default_timeout(90_000)
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", lambda one: self.complaints.append(one.text) if one.type in ("error", "warning") else None)
        self.page.on("request", lambda one: self.complaints.append(one.url) if not one.url.startswith(desk.url) else None)
        self.desk = desk
        self.go("/sign-in")
        self.write("账号", account)
        self.write("密码", PASSWORD)
        self.press("登录")

    def go(self, path: str) -> None:
        self.page.goto(self.desk.url + path)

    def tab_to(self, name: str, most: int = 150) -> None:
        """Tabs until what has the focus is called so."""
        for _ in range(most):
            self.page.keyboard.press("Tab")
            if name.replace(" ", "") in self.page.evaluate(_CALLED):
                return
        raise AssertionError(f"the keyboard does not reach {name}")

    def write(self, name: str, text: str) -> None:
        self.tab_to(name)
        self.page.keyboard.insert_text(text)

    def choose(self, name: str, option: str) -> None:
        """By typing the option's beginning, as people do."""
        self.tab_to(name)
        self.page.keyboard.press("ArrowDown")
        value = self.page.evaluate("document.activeElement.selectedOptions[0].textContent")
        assert value.startswith(option), value

    def open(self, name: str) -> None:
        self.tab_to(name)
        self.page.keyboard.press("Enter")

    def press(self, name: str) -> None:
        self.tab_to(name)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")

    def text(self) -> str:
        return "".join(self.page.inner_text("main").split())

    def close(self) -> None:
        self.context.close()
        # An answer of 404, 409 or 422 is reported on the console; everything else there is a fault.
        assert not [one for one in self.complaints if not any(status in one for status in ("404", "409", "422"))]


_CALLED = """(() => { const one = document.activeElement, labels = [...(one.labels || [])].map(each => each.innerText).join(' ');
    const own = ['A', 'BUTTON', 'SUMMARY'].includes(one.tagName) ? one.innerText : '';
    return (one.getAttribute('aria-label') || labels || own).replace(/\\s/g, '') })()"""


_WIDE = """(() => { const scrolls = one => one && one !== document.body
        && (getComputedStyle(one).overflowX !== 'visible' || scrolls(one.parentElement));
    const edge = document.documentElement.clientWidth + 1;
    const wide = one => one.getBoundingClientRect().right > edge && !(one.parentElement !== document.body && scrolls(one.parentElement));
    return [...document.querySelectorAll('body *')].filter(wide).slice(0, 8).map(one => one.outerHTML.slice(0, 90)) })()"""
"""What reaches over the page's edge."""


def looked_at(visitor: Visitor, browser, screenshots, name: str) -> None:
    """A picture of the page; no violation, nothing wider than the window, no small target."""
    page = visitor.page
    size = "phone" if page.viewport_size["width"] < 600 else "screen"
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    # Hiding the caret would leave style attributes behind, which htmx's next swap would copy, against our policy.
    page.screenshot(path=screenshots / f"desk-{name}-{size}.png", full_page=True, caret="initial")
    assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"), (name, page.evaluate(_WIDE))
    context = browser.new_context(viewport=page.viewport_size, locale="zh-CN", bypass_csp=True)
    copy = context.new_page()
    copy.goto(urljoin(page.url, "/verify"))
    copy.set_content(page.content())
    found = Axe().run(copy, options=AXE).response["violations"]
    context.close()
    assert [f"{name}: {one['id']}: {one['nodes'][0]['html']}" for one in found] == []


def test_ticket_round_by_keyboard_alone_from_failing_rows_to_a_closed_ticket(browser, desk, screenshots):
    staff, clerk = Visitor(browser, desk, "quality", SCREEN), Visitor(browser, desk, "body", SCREEN)
    staff.go("/quality/quarantine?resource=legal_entity")
    looked_at(staff, browser, screenshots, "quarantine")
    staff.press(f"开工单：{SENTENCE}")
    assert "工单已开" in staff.text() and "共1条" in staff.text()
    looked_at(staff, browser, screenshots, "tickets")

    clerk.go("/quality/tickets")
    clerk.press("工单 1")
    clerk.press("签收")
    assert "已办理：签收" in clerk.text()
    clerk.open("报告已在源头更正")
    clerk.write("说明", "登记系统已更正")
    clerk.press("报告已在源头更正")
    looked_at(clerk, browser, screenshots, "ticket-body")

    desk.deliver(8)
    staff.go("/quality/tickets/1")
    assert "有6条记录等待复核" in staff.text()
    looked_at(staff, browser, screenshots, "ticket-review")
    staff.tab_to("选择记录 1")
    staff.page.keyboard.press("Space")
    staff.press("复核通过")
    staff.tab_to("只办勾选的记录")
    staff.page.keyboard.press("ArrowDown")
    staff.press("复核通过")
    assert "待更正0·待复核0·已关闭6" in staff.text()

    clerk.go("/quality/tickets/1")
    assert "已关闭6" in clerk.text() and "复核通过" in clerk.text()
    looked_at(clerk, browser, screenshots, "ticket-closed")
    staff.close()
    clerk.close()


@pytest.mark.parametrize(("viewport", "step"), [(SCREEN, 0), (PHONE, 0), (SCREEN, 2)], ids=["screen", "phone", "care mode"])
def test_pages_of_the_desk_are_accessible_and_fit(browser, desk, screenshots, viewport, step):
    staff, clerk = Visitor(browser, desk, "quality", viewport), Visitor(browser, desk, "body", viewport)
    for one in (staff, clerk) if step else ():
        one.go(f"/care?step={step}&next=/staff")
    for name, path in {
        "quarantine": "/quality/quarantine?resource=legal_entity", "tickets": "/quality/tickets", "ticket": "/quality/tickets/1",
        "ticket-row": "/quality/tickets/1/rows/1", "body": f"/quality/bodies/{BODY}", "samples": "/quality/samples",
    }.items():  # fmt: skip
        staff.go(path)
        looked_at(staff, browser, screenshots, name + ("-care" if step else ""))
    staff.go("/quality/samples")
    staff.page.locator("tbody th a").first.click()
    looked_at(staff, browser, screenshots, "sample" + ("-care" if step else ""))
    clerk.go(f"/quality/bodies/{BODY}")
    looked_at(clerk, browser, screenshots, "body-own" + ("-care" if step else ""))
    staff.close()
    clerk.close()


PAGES = (
    "/staff", "/quality", "/quality/resources/legal_entity", f"/quality/rules/{RULE}", "/quality/quarantine?resource=legal_entity",
    "/quality/tickets", "/quality/tickets/1", "/quality/tickets/1/rows/1", f"/quality/bodies/{BODY}", "/quality/samples",
    "/quality/bulletin", "/quality/changes", "/quality/changes/new", "/verify",
)  # fmt: skip


def test_no_page_reaches_over_the_edge_of_a_phone_in_any_step_of_care_mode(browser, desk):
    wide = {}
    for account, pages in (("quality", PAGES), ("body", (f"/quality/bodies/{BODY}", "/quality/tickets/1", "/quality/tickets/1/rows/1"))):
        visitor = Visitor(browser, desk, account, PHONE)
        for step in (1, 2):
            visitor.go(f"/care?step={step}&next=/staff")
            for path in (*pages, *(_others(visitor) if account == "quality" else ())):
                visitor.go(path)
                visitor.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
                if visitor.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
                    wide[account, step, path] = visitor.page.evaluate(_WIDE)
        visitor.close()
    assert not wide


def _others(visitor: Visitor) -> list[str]:
    """Pages whose addresses only lists know: a batch, a failing row, a sample."""
    found = []
    for listed, links in (("/quality", "/quality/batches/"), ("/quality/quarantine?resource=legal_entity", "/quality/quarantine/"),
                          ("/quality/samples", "/quality/samples/")):  # fmt: skip
        visitor.go(listed)
        if (link := visitor.page.locator(f"main a[href^='{links}']").first).count():
            found.append(link.get_attribute("href"))
    return found


def test_unmasking_by_keyboard_says_why_first(browser, desk, screenshots):
    staff = Visitor(browser, desk, "quality", SCREEN)
    staff.go("/quality/tickets/1/rows/1")
    assert number(2, False) not in staff.text()
    staff.open("查看原值")
    staff.choose("用途", "复核更正结果")
    staff.write("理由", "与登记档案核对")
    staff.press("记录并显示")
    assert number(2, False) in staff.text() and "已记入审计日志" in staff.text()
    assert staff.page.url.endswith("/quality/tickets/1/rows/1")
    looked_at(staff, browser, screenshots, "ticket-row-whole")
    staff.close()
