"""The administrators' pages: three people, each with powers of his own, every act on record, and why a caller was refused."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest
from sqlalchemy import event

from license_hub.service import keep_accounts, keep_grants, search_audit
from license_hub.service.integrate import attend
from license_hub.service.refuse import Refusal, refuse
from license_hub.service.register_client import clients, find
from license_hub.service.search_audit import Wanted
from license_hub.service.staff_sessions import open_session
from license_hub.storage.engine import writing
from license_hub.storage.tables import BY_HAND, TURNED_AWAY
from tests.license_hub.caller import Key
from tests.license_hub.web.admin_world import NAME, NUMBER, WAITING, admin_world
from tests.license_hub.web.staff_visit import PASSWORD, Browser

THREE = ("system", "security", "auditor")


@pytest.fixture(scope="module")
def world(staffed):
    return admin_world(staffed)


@pytest.fixture(scope="module")
def people(app, staffed, world):
    """Account → a browser that is signed in."""
    found = {}
    for who in THREE:
        found[who] = Browser(app)
        with writing(staffed.engine) as connection:
            found[who].cookies.set("hub", open_session(staffed, connection, who))
    return found


def client(hub, client_id):
    with hub.engine.connect() as connection:
        return find(connection, client_id)[1]


def registered(people, name: str = "样例新系统", key=None):
    return people["system"].post("/admin/clients", name=name, key=json.dumps((key or Key()).jwk), organ="")


def acts(hub, action: str) -> list[tuple[str, str]]:
    return [(one.actor, one.code) for one in search_audit.search(hub, Wanted(action=action), 5, BY_HAND)]


def test_system_registers_a_client_that_may_do_nothing_until_security_says_what(people, staffed, world):
    answer = registered(people)
    assert answer.status_code == 303
    made = client(staffed, re.search(r"/admin/clients/([^?]+)", answer.headers["location"])[1])
    assert (made.scopes, made.types) == ((), ())
    page = f"/admin/clients/{made.client_id}"
    assert "等待授权" in people["security"].get(page).text and "保存权限范围" not in people["system"].get(page).text
    given = {"scope": ["license:verify"], "type": ["business_license", "food_permit"], "reason": "样政数〔2026〕2号 批复"}
    assert people["security"].post(f"{page}/scopes", page, **given).status_code == 303
    assert client(staffed, made.client_id).types == ("business_license", "food_permit")
    assert acts(staffed, "client")[:2] == [("staff:security", "SCOPES"), ("staff:system", "REGISTERED")]
    shown = people["auditor"].get(page).text
    assert "样政数〔2026〕2号 批复" in shown and "设定权限范围（security）" in shown


def test_t32_nobody_gives_what_he_runs_or_runs_what_he_gives_or_changes_what_he_audits(people, staffed, world):
    """A step up from any of the three to another's power is refused, and the refusal is on record with the account."""
    one, grant = f"/admin/clients/{world.client.client_id}", f"/admin/grants/{world.grant}"
    steps = {
        "system": [
            (f"{one}/scopes", {"scope": "license:export", "type": "business_license"}),
            (grant, {"act": "end"}),
            ("/admin/grants", {}),
        ],
        "security": [("/admin/clients", {"name": "x", "key": "{}"}), (f"{one}/standing", {"act": "disable"})],
        "auditor": [(f"{one}/standing", {"act": "disable"}), (f"{one}/scopes", {}), (grant, {"act": "end"}), ("/admin/clients", {})],
    }
    for who, tries in steps.items():
        for path, form in tries:
            answer = people[who].post(path, "/staff", reason="试探", **form)
            assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN"), (who, path)
            [last] = search_audit.search(staffed, Wanted(actor=f"staff:{who}"), 1, TURNED_AWAY)
            assert last.code == "FORBIDDEN" and last.purpose.startswith("POST /admin/")
    assert client(staffed, world.client.client_id) == world.client and keep_grants.find(staffed, world.grant).ended_at is None


def test_t32_forms_of_the_administrators_need_their_token(people, world):
    for path in (f"/admin/clients/{world.client.client_id}/standing", "/admin/clients"):
        answer = people["system"].send("POST", path, data={"act": "disable", "reason": "x"})
        assert (answer.status_code, answer.json()["code"]) == (403, "FORM_STALE")


def test_client_is_disabled_with_a_reason_and_comes_back(people, staffed, world):
    page = f"/admin/clients/{world.waiting.client_id}"
    without = people["system"].post(f"{page}/standing", page, act="disable", reason=" ")
    assert without.status_code == 422 and "请填写理由" in without.text and client(staffed, world.waiting.client_id).disabled_at is None
    assert people["system"].post(f"{page}/standing", page, act="disable", reason="密钥可能外泄").status_code == 303
    assert client(staffed, world.waiting.client_id).disabled_at
    assert "密钥可能外泄" in people["auditor"].get(page).text
    assert WAITING in people["system"].get("/admin/clients?show=disabled").text
    assert people["system"].post(f"{page}/standing", page, act="enable", reason="已换密钥").status_code == 303
    assert client(staffed, world.waiting.client_id).disabled_at is None and acts(staffed, "client")[0] == ("staff:system", "ENABLED")


@pytest.mark.parametrize(
    ("name", "key", "word"),
    [
        ("", json.dumps(Key().jwk), "系统名称"),
        ("x", "not json", "公钥不能用"),
        ("x", "[]", "公钥不能用"),
        ("x", '{"kty":"OKP"}', "公钥不能用"),
    ],
)
def test_client_that_cannot_be_is_refused_in_words(people, staffed, name, key, word):
    before = len(clients(staffed))
    answer = people["system"].post("/admin/clients", name=name, key=key, organ="")
    assert answer.status_code == 422 and word in answer.text and len(clients(staffed)) == before


def test_private_key_given_by_mistake_is_refused_and_never_shown_again(people):
    jwk = Key().jwk | {"d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}
    answer = people["system"].post("/admin/clients", name="x", key=json.dumps(jwk), organ="")
    assert answer.status_code == 422 and "公钥不能用" in answer.text and jwk["d"] not in answer.text


def test_grant_is_given_suspended_resumed_and_ended_with_its_grounds(people, staffed, world):
    until = staffed.now().date().replace(year=staffed.now().year + 1).isoformat()
    given = {
        "client": world.client.client_id,
        "type": "food_permit",
        "purpose": "food_permit_new",
        "until": until,
        "document": "样政数〔2026〕3号",
    }
    answer = people["security"].post("/admin/grants", **given, reason="")
    assert answer.status_code == 303
    page = answer.headers["location"].partition("?")[0]
    number = int(page.rpartition("/")[2])
    for act, state, code in (("suspend", "已暂停", "SUSPENDED"), ("resume", "有效", "RESUMED"), ("end", "已终止", "ENDED")):
        assert people["security"].post(page, page, act=act, reason=f"{act} 的理由", document="样政数〔2026〕4号").status_code == 303
        shown = people["auditor"].get(page).text
        assert f"</span>{state}" in shown or f">{state}</span>" in shown
        assert f"{act} 的理由" in shown and "样政数〔2026〕4号" in shown and acts(staffed, "use-grant")[0] == ("staff:security", code)
    assert keep_grants.find(staffed, number).changed_by == "security"
    again = people["security"].post(page, "/admin/grants", act="resume", reason="再来")
    assert again.status_code == 422 and "已终止，请另行批准" in again.text


WRONG_GRANTS = [
    ("until", "2020-01-01", "最长三年"), ("until", "明天", "最长三年"), ("document", "", "文号"), ("client", "nobody", "请选择系统"),
    ("purpose", "nothing", "请选择事项"), ("type", "nothing", "请选择证照类型"),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value", "word"), WRONG_GRANTS)
def test_grant_that_cannot_be_is_refused_at_its_field(people, world, staffed, field, value, word):
    until = staffed.now().date().isoformat()
    given = {"client": world.client.client_id, "type": "food_permit", "purpose": "food_permit_new", "until": until, "document": "1号"}
    answer = people["security"].post("/admin/grants", **(given | {field: value}))
    assert answer.status_code == 422 and word in answer.text and f'href="#{field}"' in answer.text


def test_home_shows_each_of_the_three_what_is_his(people, world):
    home = {who: people[who].get("/admin").text for who in THREE}
    assert "未按周期更新的数据资源" in home["system"] and "用证权限" not in home["system"].partition("<main")[2]
    assert "30 天内到期的用证权限" in home["security"] and "未按周期更新" not in home["security"]
    assert all(word in home["auditor"] for word in ("未按周期更新的数据资源", "30 天内到期的用证权限", "被拒绝的调用"))


def test_connectors_page_tells_what_delivers_and_what_does_not(people, tickets):
    page = people["system"].get("/admin/connectors").text
    assert "还没有收到过数据" in page and "第 1 次" in page and "/quality/resources/" not in page
    assert "/quality/resources/legal_entity" in people["auditor"].get("/admin/connectors").text
    assert people["system"].get("/admin/connectors?show=nothing").status_code == 404


def test_keys_page_names_the_keys_and_the_commands_and_changes_nothing(people, staffed):
    page = people["security"].get("/admin/keys").text
    assert "hub keys compromise" in page and "<form" not in page.partition("<main")[2]
    assert all(key.kid in page for role in staffed.security.roles for key in staffed.security.keys(role))


WHYS = {
    "a": ("没有这项功能的权限范围", "查看证照内容（在办办件）", "/admin/clients/"),
    "b": ("没有在办办件", "没有登记编号为 990101-1 的办件", ""),
    "c": ("超过额度", "没有查到或内容不符的次数用完", "/admin/clients/"),
    "d": ("断言没有通过验证", "登记的密钥指纹", "/admin/clients/"),
    "e": ("没有有效的访问令牌", "", ""),
}
"""First letter of the request → title, what was found, where it is put right."""


@pytest.mark.parametrize("letter", WHYS)
def test_refused_call_is_explained_by_its_request_number_without_saying_whom_it_was_about(people, staffed, world, letter):
    title, found, to = WHYS[letter]
    listed = people["security"].get(f"/admin/refusals?request_no={letter.upper() * 32}").text
    [link] = re.findall(r'href="(/admin/refusals/\d+)"', listed)
    page = people["security"].get(link).text
    assert title in page and found in page and "怎么办" in page
    main = page.partition("<main")[2]
    assert (f'href="{to}' in main) is bool(to) or not to
    indexes = [one.hex() for one in staffed.crypt.probes("subject", NUMBER)]
    assert not [one for one in (NUMBER, *indexes) if one in page or one in listed]


def test_refusals_are_found_by_caller_reason_and_time(people, staffed, world):
    mine = people["auditor"].get(f"/admin/refusals?client={world.client.client_id}&code=CASE_NOT_OPEN").text
    assert "b" * 32 in mine and "a" * 32 not in mine and NAME in mine
    assert people["auditor"].get("/admin/refusals?hours=3").status_code == 404
    assert people["security"].get("/admin/refusals/999999").status_code == 404


def test_grant_that_was_missing_is_named_with_what_the_caller_has(people, staffed, world):
    refuse(staffed, [Refusal("f" * 32, "read", "GRANT_SUSPENDED", actor=world.client.client_id)])
    [entry] = search_audit.search(staffed, Wanted(request_id="f" * 32), 5, TURNED_AWAY)
    page = people["security"].get(f"/admin/refusals/{entry.seq}").text
    assert "用证权限已暂停" in page and f"权限 {world.grant} 号" in page and f"/admin/grants?client={world.client.client_id}" in page


def test_auditor_searches_pages_and_takes_away_what_he_found(people, staffed, world):
    page = people["auditor"].get("/admin/audit?action=use-grant").text
    assert "GIVEN" in page and "样政数" not in page.partition("<main")[2].partition("list-title")[0]
    export = re.search(r'href="([^"]*format=csv)"', page)[1].replace("&amp;", "&")
    taken = people["auditor"].get(export)
    rows = list(csv.DictReader(io.StringIO(taken.text.removeprefix("\ufeff"))))
    assert rows and {row["行为"] for row in rows} == {"use-grant"} and "attachment" in taken.headers["content-disposition"]
    [noted] = search_audit.search(staffed, Wanted(action="audit.export"), 1)
    assert noted.actor == "staff:auditor" and json.loads(noted.purpose) == {"action": "use-grant"}
    assert people["auditor"].get("/admin/audit?since=gestern").status_code == 422
    one = people["auditor"].get(f"/admin/audit?request_no={'b' * 32}").text
    assert re.findall(r'<td class="code">([0-9a-f]{32})</td>', one) == ["b" * 32]


def test_audit_pages_follow_each_other_without_gap_or_repeat(people, staffed, world):
    refuse(staffed, [Refusal(f"{place:032x}", "verify", "FORBIDDEN", actor="pager") for place in range(120)])
    seen, address = [], "/admin/audit?actor=pager"
    while address:
        page = people["auditor"].get(address).text
        seen += re.findall(r'<td class="code">([0-9a-f]{32})</td>', page)
        address = (found := re.search(r'rel="next" href="([^"]+)"', page)) and found[1].replace("&amp;", "&")
    assert sorted(seen) == [f"{place:032x}" for place in range(120)]


def test_audit_entry_comes_with_its_proof_that_the_log_has_it(people, staffed, world):
    attend(staffed)
    [entry] = search_audit.search(staffed, Wanted(request_id="a" * 32), 1)
    told = people["auditor"].get(f"/admin/audit/{entry.seq}/proof").json()
    assert told["row"][1] == "a" * 32 and told["proof"] and told["secret"]
    assert people["auditor"].get("/admin/audit/999999/proof").status_code == 409


def test_system_shuts_a_person_out_with_a_reason(people, staffed, world):
    keep_accounts.add(staffed, "leaving.one", "样例离任", ["quality"], None, PASSWORD, operator="test")
    page = people["system"].get("/admin/accounts").text
    assert "leaving.one" in page and 'value="security"' not in page
    assert "<form" not in people["auditor"].get("/admin/accounts").text.partition("<main")[2]
    assert people["system"].post("/admin/accounts", account="leaving.one", reason="").status_code == 422
    assert people["system"].post("/admin/accounts", account="leaving.one", reason="调离").status_code == 303
    [last] = search_audit.acts_on(staffed, (keep_accounts.ACTION,), "leaving.one", 1)
    assert (last.actor, last.code, last.purpose) == ("staff:system", "DISABLED", "leaving.one\n调离")
    assert people["system"].post("/admin/accounts", account="no.one", reason="x").status_code == 404


@pytest.mark.parametrize("account", ["security", "auditor", "system"])
def test_t32_nobody_shuts_out_who_limits_or_audits_him(people, staffed, world, account):
    answer = people["system"].post("/admin/accounts", account=account, reason="试探")
    assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")
    assert not next(one for one in keep_accounts.accounts(staffed) if one.account == account).disabled_at
    [last] = search_audit.search(staffed, Wanted(actor="staff:system"), 1, TURNED_AWAY)
    assert (last.action, last.code, last.purpose) == ("account", "FORBIDDEN", account)


@pytest.mark.parametrize(
    ("wanted", "only", "index"),
    [
        (Wanted(request_id="a" * 32), TURNED_AWAY, "ix_hub_audit_turned_away_request_id"),
        (Wanted(since="2026-11-01", actor="x"), TURNED_AWAY, "ix_hub_audit_turned_away_at"),
        (Wanted(), BY_HAND, "ix_hub_audit_by_hand_at"),
        (Wanted(since="2026-11-01", action="verify"), None, "ix_hub_audit_at"),
    ],
)
def test_questions_to_the_audit_log_go_by_their_small_index(staffed, wanted, only, index):
    asked = []

    def heard(_connection, _cursor, statement, parameters, _context, _many):
        asked.append((statement, parameters))

    event.listen(staffed.engine, "before_cursor_execute", heard)
    try:
        search_audit.search(staffed, wanted, 5, only)
    finally:
        event.remove(staffed.engine, "before_cursor_execute", heard)
    [(statement, parameters)] = [one for one in asked if "FROM hub_audit" in one[0]]
    with staffed.engine.connect() as connection:
        plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    assert any(f"INDEX {index}" in step for step in plan), plan
