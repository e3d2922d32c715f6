"""`/quality/changes` through the real door: tried, proposed by one person, decided by another, told in Chinese what is wrong."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa

from quality.store.tables_changes import change, change_act
from tests.license_hub.web.staff_visit import Browser

PATH = "/quality/changes"
RULE = "legal_entity.credit_code.length"
OPEN_RULE = "legal_entity.address.not_null"
LENGTH = "legal_entity.name.length"


@pytest.fixture
def people(app, staffed):
    """Role → a signed-in browser."""
    found = {}
    for who in ("quality", "supervisor", "auditor"):
        found[who] = Browser(app)
        assert found[who].sign_in(who).status_code == 303
    return found


def form_of(rule: str) -> str:
    return f"{PATH}/new?resource=legal_entity&target={rule}"


def send(browser: Browser, path: str, target: str, **values: str):
    return browser.post(path, page=form_of(target), resource="legal_entity", target=target, **values)


def proposed(browser: Browser, target: str = LENGTH, **values: str) -> int:
    answer = send(browser, PATH, target, **{f"rule.{LENGTH}.severity": "warn", f"rule.{LENGTH}.max": "200", "reason": "试行", **values})
    assert answer.status_code == 303, re.findall("<li>.*?</li>", answer.text)
    return int(answer.headers["location"].rsplit("/", 1)[1])


def decide(browser: Browser, number: int, act: str, reason: str = "同意"):
    return browser.post(f"{PATH}/{number}/decision", page=f"{PATH}/{number}", act=act, reason=reason)


def rows(hub, table) -> int:
    with hub.engine.connect() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(table))


def test_change_is_tried_proposed_and_approved_by_another(people, tickets, staffed):
    page = people["quality"].get(form_of(LENGTH)).text
    assert "现行 提示" in page and "试运行" in page and f'name="rule.{LENGTH}.min"' in page
    before = rows(staffed, change)
    values = {f"rule.{LENGTH}.severity": "reject", f"rule.{LENGTH}.min": "12", f"rule.{LENGTH}.max": "200"}
    tried = send(people["quality"], f"{PATH}/trial", LENGTH, **values)
    assert tried.status_code == 200 and "试运行结果" in tried.text and "按规则和责任单位" in tried.text
    assert rows(staffed, change) == before and 'value="12"' in tried.text, "nothing is filed, what was filled in stays"

    strict = send(people["quality"], f"{PATH}/trial", LENGTH, **{**values, f"rule.{LENGTH}.min": "100"})
    assert strict.status_code == 200 and "批次会被拦截" in strict.text and "拒收" in strict.text

    number = proposed(people["quality"], **{f"rule.{LENGTH}.min": "4"})
    shown = people["supervisor"].get(f"{PATH}/{number}").text
    assert "待审批" in shown and "下限" in shown and "批准，下一批起生效" in shown and "试行" in shown
    results = people["supervisor"].get(f"{PATH}/{number}/trial").text
    assert "试运行结果" in results and "没有写入任何数据" in results
    assert decide(people["supervisor"], number, "approve").status_code == 303
    assert "生效中" in people["supervisor"].get(f"{PATH}/{number}").text
    listed = people["auditor"].get(f"{PATH}?format=json").json()["changes"]
    mine = next(one for one in listed if one["number"] == str(number))
    assert (mine["standing"], mine["author"], mine["actor"]) == ("生效中", "quality", "supervisor")
    assert "下限 3 → 4" in mine["edits"]
    rule = people["quality"].get(f"/quality/rules/{LENGTH}").text
    assert f'href="{PATH}/{number}"' in rule and "&#34;min&#34;: 4" in rule and "提出变更" in rule
    assert "提出变更" not in people["auditor"].get(f"/quality/rules/{LENGTH}").text


def test_author_may_not_approve_and_may_withdraw(people, tickets, staffed):
    number = proposed(people["quality"], **{f"rule.{LENGTH}.min": "5"})
    before = rows(staffed, change_act)
    refused = decide(people["quality"], number, "approve")
    assert refused.status_code == 422 and "须由另一人" in refused.text and rows(staffed, change_act) == before
    assert decide(people["supervisor"], number, "withdraw").status_code == 409
    assert decide(people["quality"], number, "withdraw", "不再需要").status_code == 303
    assert "已撤回" in people["quality"].get(f"{PATH}/{number}").text
    late = decide(people["supervisor"], number, "approve")
    assert late.status_code == 409 and "没有办理" in late.text


def test_locked_rule_shows_why_and_takes_no_form(people, tickets):
    page = people["quality"].get(form_of(RULE)).text
    assert "已锁定" in page and "主键" in page and 'name="reason"' not in page
    forced = people["quality"].post(
        PATH, page=form_of(LENGTH), resource="legal_entity", target=RULE, reason="x", **{f"rule.{RULE}.severity": "off",
        f"rule.{RULE}.min": "18", f"rule.{RULE}.max": "18"},
    )  # fmt: skip
    assert forced.status_code == 422 and "已锁定" in forced.text


@pytest.mark.parametrize(
    ("target", "values", "told"),
    [
        (LENGTH, {f"rule.{LENGTH}.min": "三", "reason": "x"}, "“下限”应填数字"),
        (LENGTH, {f"rule.{LENGTH}.min": "300", "reason": "x"}, "下限大于上限"),
        (LENGTH, {f"rule.{LENGTH}.min": "6", "reason": " "}, "请写明理由"),
        (OPEN_RULE, {f"rule.{OPEN_RULE}.severity": "warn", "reason": "x"}, "没有任何变化"),
        (OPEN_RULE, {f"rule.{OPEN_RULE}.severity": "fatal", "reason": "x"}, "目录校验不通过"),
        ("limits", {"limit.max_rejects": "0.9", "limit.max_removed": "0.005", "limit.removed_floor": "20", "limit.volume_band": "0.5",
                    "reason": "x"}, "应在 0 与 0.5 之间"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_at_the_form_and_kept(people, tickets, staffed, target, values, told):
    before = rows(staffed, change)
    filled = {f"rule.{LENGTH}.severity": "warn", f"rule.{LENGTH}.max": "200"} if target == LENGTH else {}
    answer = send(people["quality"], PATH, target, **filled, **values)
    assert answer.status_code == 422 and told in answer.text and rows(staffed, change) == before


def test_weights_are_proposed_together(people, tickets, catalog):
    page = people["quality"].get(form_of("weights")).text
    filled = {name: value for name, value in re.findall(r'name="(weight\.\d{4})"[^>]*?value="([^"]*)"', page)}
    assert len(filled) == 20
    answer = send(people["quality"], PATH, "weights", **{**filled, "weight.0302": "9", "weight.0401": "11", "reason": "按新办法"})
    shown = people["supervisor"].get(answer.headers["location"]).text
    assert shown.count("权重 0") == 2 and "数据格式合规性" in shown


def test_who_only_looks_sees_no_way_to_change(people, tickets):
    number = proposed(people["quality"], **{f"rule.{LENGTH}.min": "7"})
    assert "提出变更" not in people["auditor"].get(PATH).text
    page = people["auditor"].get(f"{PATH}/{number}").text
    assert "待审批" in page and "<textarea" not in page
    assert people["auditor"].get(f"{PATH}/new").status_code == 403
    assert people["quality"].get(f"{PATH}/999999").status_code == 404
