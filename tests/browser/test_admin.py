"""The administrators' pages as people meet them: one walk by each of the three, under axe, on a screen and a phone, in every text size."""

from __future__ import annotations

import json

import pytest

from license_hub.service import keep_grants
from license_hub.service.register_client import clients
from tests.browser.test_door import enter, page, sideways, sound, staffed  # noqa: F401 (fixtures)
from tests.browser.test_verify_page import PHONE, SCREEN
from tests.license_hub.caller import Key
from tests.license_hub.web.admin_world import NAME, admin_world

pytestmark = pytest.mark.browser
SIZES = ((SCREEN, 0), (PHONE, 2))


@pytest.fixture(scope="module")
def world(hub):
    return admin_world(hub)


def looked_at(page, server, path: str, screenshots, name: str, step: int = 0) -> None:  # noqa: F811
    page.goto(f"{server.url}{path}")
    page.screenshot(path=screenshots / f"admin-{name}-{page.viewport_size['width']}-care{step}.png", full_page=True)
    assert not sound(page), name
    assert not sideways(page), name


def walk(who: str, world) -> dict[str, str]:
    """Name → page, of what that one may open."""
    one, grant = f"/admin/clients/{world.client.client_id}", f"/admin/grants/{world.grant}"
    whole = {
        "home": "/admin", "clients": "/admin/clients", "client": one, "accounts": "/admin/accounts", "connectors": "/admin/connectors",
        "grants": "/admin/grants", "grant": grant, "keys": "/admin/keys", "refusals": "/admin/refusals?hours=720",
        "refusal": f"/admin/refusals/{world.refusal}", "audit": "/admin/audit",
    }  # fmt: skip
    security = ("client", "grants", "grant", "keys", "refusals", "refusal")
    mine = {"system": ("clients", "accounts", "connectors"), "security": security, "auditor": ("home", "audit")}[who]
    return {name: whole[name] for name in mine}


@pytest.mark.parametrize("who", ["system", "security", "auditor"])
@pytest.mark.parametrize(("page", "step"), SIZES, indirect=["page"], ids=str)
def test_pages_of_the_administrators_are_sound_in_every_text_size(page, server, world, who, step, screenshots):  # noqa: F811
    enter(page, server, account=who)
    page.goto(f"{server.url}/care?step={step}&next=/staff")
    for name, path in walk(who, world).items():
        looked_at(page, server, path, screenshots, f"{who}-{name}", step)


def test_system_registers_security_allows_and_grants_and_auditor_sees_who_did_it(browser, server, hub, world, page, screenshots):  # noqa: F811
    enter(page, server, account="system")
    page.goto(f"{server.url}/admin/clients")
    page.get_by_label("系统名称").fill("样例镇便民服务中心")
    page.get_by_label("公钥（JWK）").fill(json.dumps(Key().jwk))
    page.get_by_role("button", name="登记", exact=True).click()
    assert page.get_by_text("已登记。安全管理员授予权限范围后").is_visible() and not sound(page)
    made, address = next(one for one in clients(hub) if one.name == "样例镇便民服务中心"), page.url.partition("?")[0]
    assert made.scopes == ()
    page.get_by_role("button", name="退出").click()

    enter(page, server, account="security")
    page.goto(address)
    page.get_by_label("核验证照", exact=True).check()
    page.get_by_label("营业执照", exact=True).check()
    page.get_by_label("理由").fill("样政数〔2026〕9号")
    page.get_by_role("button", name="保存权限范围").click()
    page.goto(f"{server.url}/admin/grants")
    page.get_by_label("系统", exact=True).select_option(made.client_id)
    page.get_by_label("证照类型或数据资源").select_option("business_license")
    page.get_by_label("事项", exact=True).select_option("food_permit_new")
    page.get_by_label("最后一天").fill(str(hub.now().date().replace(year=hub.now().year + 1)))
    page.get_by_label("批准文件的文号").fill("样政数〔2026〕9号")
    page.get_by_role("button", name="批准", exact=True).click()
    assert page.get_by_text("已批准，从下一次调用起有效").is_visible() and not sound(page)
    page.get_by_label("理由").fill("接到投诉，先停用")
    page.get_by_role("button", name="暂停").click()
    assert page.get_by_text("已暂停，从下一次调用起拒绝").is_visible()
    page.screenshot(path=screenshots / "admin-grant-suspended.png", full_page=True)
    assert keep_grants.grants(hub, made.client_id)[0].suspended_at
    page.get_by_role("button", name="退出").click()

    enter(page, server, account="auditor")
    page.goto(f"{server.url}/admin/audit?actor=staff:security&action=use-grant")
    assert page.get_by_text("接到投诉，先停用").is_visible() and page.get_by_text("工作人员 security").first.is_visible()
    assert NAME != made.name
