"""/me as holders meet it on a phone: signing in at a provider, showing a code, giving and taking back, who looked, objecting.

A real Chromium, a real server, a real provider on 127.0.0.1; what the counter does meanwhile is done on the same database.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from types import SimpleNamespace

import pytest
import zxingcpp
from PIL import Image

from license_hub.service import consent, holder_consent, keep_grants
from license_hub.service.authenticate import Principal
from license_hub.service.register_client import SCOPES, register
from license_hub.service.verify import VerifyRequest, verify
from tests.browser.test_door import SMALL, sideways, sound
from tests.browser.test_verify_page import PHONE, SCREEN, focused
from tests.license_hub.caller import Key
from tests.license_hub.sample_hub import credit_code, identifier_of, opened_case, options, sample_hub, wall_clock
from tests.license_hub.server import Server, running
from tests.support import identity_provider as idp

pytestmark = pytest.mark.browser
HOLDER = credit_code(2001)
TYPE, MATTER, CASE_NO = "business_license", "food_permit_new", "990101-2026-000777"
SHOWN_S = 10
"""A code's life here."""
OFFLINE = "不用手机也能办"


@pytest.fixture(scope="module")
def provider() -> Iterator[idp.IdentityProvider]:
    with idp.running() as started:
        started.claims = {"sub": "u-1", "name": "样例甲", "id_number": HOLDER}
        yield started


@pytest.fixture(scope="module")
def hub(tmp_path_factory, catalog):
    made = sample_hub(tmp_path_factory.mktemp("me"), catalog, None, wall_clock)
    yield made
    made.close()


@pytest.fixture(scope="module")
def server(hub, provider, tmp_path_factory) -> Iterator[Server]:
    holders = {"ISSUER": provider.url, "CLIENT_ID": idp.CLIENT_ID, "CLIENT_SECRET": idp.CLIENT_SECRET}
    more = {f"HUB_HOLDER_{name}": value for name, value in holders.items()} | {"HUB_PRESENTATION_S": str(SHOWN_S)}
    with running(options(hub.lake.root.parent), tmp_path_factory.mktemp("server"), HUB_PUBLIC_URL="{url}", **more) as started:
        yield started


@pytest.fixture(scope="module")
def counter(hub):
    """A client that may use the holder's licenses, with an open case of the holder's."""
    client = register(hub, "样例市政务服务中心", Key().jwk, SCOPES, [TYPE], credit_code(2, "11"))
    kid = hub.keyring.signer("token").kid
    principal = Principal(client.client_id, frozenset(client.scopes), frozenset(client.types), organ=client.organ, kid=kid)
    for kind in (TYPE, "real_estate_title"):
        keep_grants.give(hub, client.client_id, kind, MATTER, (hub.now() + timedelta(days=9)).date(), "样例1号", "test")
    case_id = opened_case(hub, principal, CASE_NO)

    def ask(kind: str = "real_estate_title") -> str:
        return str(consent.ask(hub, consent.Wanted(case_id, "applicant", kind, "窗口07"), principal, "r" * 32)["id"])

    def look() -> None:
        asked = {"identifier": identifier_of(hub, HOLDER), "holder_number": HOLDER, "purpose": "食品经营许可新办", "case_no": CASE_NO}
        verify(hub, [VerifyRequest(**asked, request_id="l" * 32, actor=client.client_id)])

    return SimpleNamespace(ask=ask, look=look)


@pytest.fixture
def page(browser, server, provider, request):
    """A page that fails the test for anything it reports on the console or asks of another server than ours and the provider's."""
    given = {"viewport": PHONE, "locale": "zh-CN", "bypass_csp": True} | getattr(request, "param", {})
    context = browser.new_context(**given)
    opened, complaints = context.new_page(), []
    opened.on("console", lambda one: complaints.append(f"{one.type}: {one.text}") if one.type in ("error", "warning") else None)
    opened.on("pageerror", lambda fault: complaints.append(str(fault)))
    opened.on("request", lambda one: complaints.append(one.url) if not one.url.startswith((server.url, provider.url)) else None)
    yield opened
    context.close()
    # A form that is refused is an answer with its status, which Chromium reports on the console.
    assert not [one for one in complaints if "409" not in one and "422" not in one]


def sign_in(page, server, wanted: str = "/me") -> None:
    page.goto(f"{server.url}{wanted}")
    page.get_by_role("link", name="统一身份认证登录").click()
    page.wait_for_url(f"{server.url}{wanted}")


def tab_to(page, wanted: str, most: int = 60) -> None:
    """By Tab alone to the first element that the selector names."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("one => document.activeElement.matches(one)", wanted):
            return
    raise AssertionError(f"Tab does not reach {wanted}")


def pressed(page, key: str = "Enter") -> None:
    with page.expect_navigation():
        page.keyboard.press(key)


def scanned(page) -> str:
    """What a scanner reads off the screen as it is drawn."""
    drawn = page.locator(".qr svg rect").first.bounding_box()
    assert drawn["width"] > 200, "large enough for a camera at arm's length"
    for _ in range(30):
        # The first picture may be of a page that is still being drawn.
        found = zxingcpp.read_barcodes(Image.open(BytesIO(page.screenshot())), formats=zxingcpp.QRCode)
        if found:
            return found[0].text
        page.wait_for_timeout(100)
    return ""


def state_of(hub, name: str) -> str:
    return next(one.state for one in holder_consent.mine(hub, HOLDER) if one.id == name)


def test_holder_signs_in_at_the_provider_sees_own_licenses_and_signs_out(page, server, hub):
    sign_in(page, server)
    assert page.get_by_text("样例甲").is_visible() and page.get_by_role("link", name="营业执照").count() == 1
    assert page.content().count(identifier_of(hub, credit_code(2002))) == 0
    with page.expect_navigation():
        page.get_by_role("button", name="退出").click()
    page.goto(f"{server.url}/me")
    assert "/me/sign-in" in page.url


@pytest.mark.parametrize(
    ("page", "step"), [({}, 0), ({}, 2), ({"viewport": SCREEN}, 0)], indirect=["page"], ids=["phone", "phone-care", "screen"]
)
def test_every_page_is_sound_and_names_the_way_without_a_phone(page, server, hub, counter, step, screenshots):
    counter.ask(), counter.look()
    place = f"/me/licenses/{identifier_of(hub, HOLDER)}"
    page.goto(f"{server.url}/me/sign-in")
    if step:
        page.get_by_role("link", name="特大字", exact=True).click()

    def held(name: str) -> None:
        page.screenshot(path=screenshots / f"holder-{name}-{page.viewport_size['width']}-care{step}.png", full_page=True)
        assert not sound(page), name
        assert not sideways(page), name
        assert not page.evaluate(SMALL, 60 if step else 44), name
        assert page.get_by_text(OFFLINE).is_visible(), name
        assert HOLDER not in page.url

    held("sign-in")
    sign_in(page, server)
    held("licenses")
    for name, path in {"grants": "/me/grants", "looks": "/me/looks", "license": place, "object": f"{place}/object"}.items():
        page.goto(f"{server.url}{path}")
        held(name)
    page.goto(f"{server.url}{place}")
    page.get_by_role("button", name="出示亮证码").click()
    assert scanned(page), "a scanner reads it off the screen"
    held("show")
    page.goto(f"{server.url}{place}")
    page.get_by_role("button", name="生成用证码").click()
    page.locator(".use-code").wait_for()
    held("use-code")


def test_shown_code_counts_down_is_replaced_and_leaves_when_it_is_over(page, server, hub):
    place = f"{server.url}/me/licenses/{identifier_of(hub, HOLDER)}"
    sign_in(page, server)
    page.goto(place)
    page.get_by_role("button", name="出示亮证码").click()
    page.wait_for_url(f"{place}/show")
    first, shown = int(page.locator("[data-until]").inner_text()), scanned(page)
    assert 0 < first <= SHOWN_S
    page.wait_for_function("first => Number(document.querySelector('[data-until]').textContent) < first", arg=first)
    with page.expect_navigation():
        page.get_by_role("button", name="换一个新码").click()
    assert scanned(page) not in ("", shown)
    # The Refresh header takes the code off the screen.
    page.wait_for_url(place, timeout=(SHOWN_S + 10) * 1000)
    assert page.locator(".qr").count() == 0


def test_holder_gives_limits_and_withdraws_by_keyboard_alone(page, server, hub, counter):
    name = counter.ask()
    sign_in(page, server, "/me/grants")
    card = f"#grant-{name}"
    tab_to(page, f"#days-{name}")
    page.keyboard.press("ArrowDown")
    tab_to(page, f"{card} button[value=give]")
    pressed(page)
    assert state_of(hub, name) == "given" and page.locator(f"{card} .badge").inner_text() == "已授权"
    tab_to(page, f"{card} button[value=limit]")
    pressed(page)
    until = next(one.until for one in holder_consent.mine(hub, HOLDER) if one.id == name)
    assert until[:10] <= (hub.now() + timedelta(days=1)).date().isoformat()
    tab_to(page, f"{card} button[value=withdraw]")
    pressed(page)
    assert state_of(hub, name) == "withdrawn" and page.locator(f"{card} form").count() == 0


def test_holder_sees_who_looked_and_takes_the_proof_along(page, server, counter):
    counter.look()
    sign_in(page, server, "/me/looks")
    # Above it stands the sign-in itself.
    newest = page.locator(".cards li", has_text="核验证照").first
    assert "样例市政务服务中心" in newest.inner_text() and CASE_NO in newest.inner_text()
    for _ in range(20):
        if newest.get_by_role("link", name="下载证明").count():
            break
        page.wait_for_timeout(500)
        page.reload()
    with page.expect_download() as download:
        newest.get_by_role("link", name="下载证明").click()
    assert HOLDER not in download.value.suggested_filename and download.value.path().stat().st_size > 200


def test_holder_objects_by_keyboard_and_is_told_what_is_missing(page, server, hub):
    place = f"/me/licenses/{identifier_of(hub, HOLDER)}/object"
    sign_in(page, server, place)
    tab_to(page, "input[name=fields]")
    page.keyboard.press("Space")
    tab_to(page, "#comment")
    page.keyboard.type("短")
    tab_to(page, "main button[type=submit]")
    pressed(page)
    if "工单" not in page.locator("main").inner_text():
        assert focused(page) == "errors" and page.locator("input[name=fields]").first.is_checked()
        tab_to(page, "#comment")
        page.keyboard.type("址已于上月变更，证照仍是原来的。")
        tab_to(page, "main button[type=submit]")
        pressed(page)
    assert "已转登记单位核对" in page.locator(".done").inner_text()


@pytest.mark.parametrize("page", [{"java_script_enabled": False}], indirect=True, ids=["no-script"])
def test_code_is_shown_without_script_and_leaves_all_the_same(page, server, hub):
    place = f"{server.url}/me/licenses/{identifier_of(hub, HOLDER)}"
    sign_in(page, server)
    page.goto(place)
    page.get_by_role("button", name="出示亮证码").click()
    assert page.get_by_text("秒后失效").is_visible() and page.locator(".qr svg").is_visible()
    page.wait_for_url(place, timeout=(SHOWN_S + 10) * 1000)
