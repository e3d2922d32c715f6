"""Tickets in the browser: the list, the ticket with its acts and rows, a whole round between staff, body and supervisor."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

import pytest

from quality.board.surroundings import Issued, Person
from tests.quality.board.conftest import NAMELESS, SECRET
from tests.quality.board.house import AUDITOR, CHIEF, STAFF, clerk, text_of


@pytest.fixture
def opened(world) -> str:
    batch = world.deliver(*world.bad(3), *world.bad(2, world.south, start=11))
    assert world.open(batch) == [1, 2]
    return batch


def page(world, who: Person, path: str) -> str:
    answer = world.house.get(who, path)
    assert answer.status_code == 200, path
    return answer.text


def act(world, who: Person, name: str, number: int = 1, **form):
    return world.house.post(who, f"/quality/tickets/{number}/acts", act=name, **form)


def acts(world, who: Person, number: int = 1) -> set[str]:
    return set(re.findall(r'name="act" value="([a-z]+)"', page(world, who, f"/quality/tickets/{number}")))


def test_list_shows_state_due_date_and_counts_and_filters_by_each(world, opened):
    whole = text_of(page(world, STAFF, "/quality/tickets"))
    assert "共2条" in whole and "已下发" in whole and "2026-12-04" in whole and "还有10个工作日" in whole
    for query, count in (
        ("state=ISSUED", 2), ("state=CLOSED", 0), ("state=open", 2), (f"rule={NAMELESS}", 2), ("rule=x", 0), ("resource=thing", 2),
        (f"body={world.north}", 1), ("urgency=overdue", 0), (f"batch={opened}", 2),
    ):  # fmt: skip
        assert f"共{count}条" in text_of(page(world, STAFF, f"/quality/tickets?{query}")), query


def test_overdue_and_escalated_tickets_are_marked_and_found(world, opened):
    world.bench.now += timedelta(days=24)
    found = text_of(page(world, STAFF, "/quality/tickets?urgency=overdue"))
    assert "超期" in found and "共2条" in found
    assert "共2条" in text_of(page(world, STAFF, "/quality/tickets?urgency=escalate"))
    assert "超期" in text_of(page(world, STAFF, "/quality/tickets/1"))


def test_ticket_shows_rows_masked_history_and_links_both_ways(world, opened):
    world.house.licenses["A2"] = Issued("1.2.x", 1, "HELD", "/quality/licenses/2")
    html = page(world, STAFF, "/quality/tickets/1")
    text = text_of(html)
    assert "名称应以好字开头" in text and "样***" in text and SECRET not in html and "下发" in text and "暂缓签发" in text
    for link in (
        f"/quality/rules/{NAMELESS}", f"/quality/batches/{opened}", f"/quality/bodies/{world.north}", "/quality/resources/thing",
        f"/quality/quarantine?batch={opened}", "/quality/licenses/2", "/quality/tickets/1/rows/3",
    ):  # fmt: skip
        assert f'href="{link}' in html, link
    row = page(world, STAFF, "/quality/tickets/1/rows/2")
    assert f"/quality/quarantine/{opened}/rows/2" in row and "/quality/licenses/2" in row and SECRET not in row
    assert 'href="/quality/tickets/1"' in page(world, STAFF, f"/quality/quarantine/{opened}/rows/2")


def test_whole_round_by_forms_closes_the_ticket(world, opened):
    body, other = clerk(world.north), clerk(world.south)
    assert acts(world, body) == {"accept", "return", "object"} and acts(world, STAFF) == {"transfer", "withdraw"}
    assert acts(world, AUDITOR) == set() and acts(world, CHIEF) == set()
    assert act(world, body, "accept").headers["location"] == "/quality/tickets/1?said=accept"
    assert "已办理：签收" in text_of(page(world, body, "/quality/tickets/1?said=accept"))
    assert act(world, body, "extend", reason="NEEDS_SURVEY", comment="需上门").status_code == 303
    assert act(world, STAFF, "grant").status_code == 303
    assert "2026-12-18" in page(world, body, "/quality/tickets/1")
    assert act(world, body, "object", reason="RULE_WRONG", comment="名称可用旧称").status_code == 303
    assert acts(world, CHIEF) == {"uphold", "overturn"}
    assert act(world, CHIEF, "uphold", comment="规则正确").status_code == 303
    assert act(world, body, "report", comment="已在源头更正").status_code == 303
    world.deliver(*world.good(3), *world.bad(2, world.south, start=11))
    assert "有3条记录等待复核" in text_of(page(world, STAFF, "/quality/tickets/1"))
    assert act(world, STAFF, "confirm", scope="chosen", row=["1"]).status_code == 303
    assert act(world, STAFF, "reject", scope="chosen", row=["2"], reason="NOT_PROVEN", comment="无佐证").status_code == 303
    assert act(world, STAFF, "confirm", scope="all").status_code == 303
    done = text_of(page(world, STAFF, "/quality/tickets/1"))
    assert "待更正1·待复核0·已关闭2" in done
    for title in (
        "签收",
        "申请延期",
        "同意延期",
        "提出争议",
        "裁定：规则正确",
        "报告已在源头更正",
        "随批次核对",
        "复核不通过：佐证不足",
        "需上门",
    ):
        assert title in done, title
    assert world.house.get(other, "/quality/tickets/1").status_code == 404


@pytest.mark.parametrize(
    ("name", "form", "words"),
    [
        ("return", {"comment": "不是"}, "请选择原因"), ("return", {"reason": "NOT_OURS"}, "请填写说明"),
        ("return", {"reason": "X", "comment": "不是"}, "请选择原因"), ("confirm", {"scope": "all"}, "不归您办理"),
        ("fly", {}, "不归您办理"), ("report", {"comment": "好"}, "不归您办理"),
        ("object", {"reason": "RULE_WRONG", "comment": "长" * 2001}, "过长"),
    ],
)  # fmt: skip
def test_act_that_lacks_something_says_so_and_changes_nothing(world, opened, name, form, words):
    answer = act(world, clerk(world.north), name, **form)
    assert answer.status_code == 422 and words in answer.text and 'role="alert"' in answer.text
    assert "已下发" in answer.text
    if form.get("comment", "")[:3] == "不是":
        assert "不是" in answer.text, "what was filled in is kept"


def test_review_without_a_chosen_row_asks_for_one(world, opened):
    world.deliver(*world.good(3), *world.bad(2, world.south, start=11))
    answer = act(world, STAFF, "confirm", scope="chosen")
    assert answer.status_code == 422 and "请勾选" in answer.text
    assert "请选择原因" in act(world, STAFF, "reject", scope="all").text
    assert act(world, STAFF, "confirm", scope="chosen", row=["1", "99"]).status_code == 422
    assert "待复核3" in text_of(page(world, STAFF, "/quality/tickets/1"))


def test_transfer_names_a_body_there_is(world, opened):
    assert "请选择转给哪个单位" in act(world, STAFF, "transfer", comment="归南区", to="nobody").text
    assert act(world, STAFF, "transfer", comment="归南区", to=world.south).status_code == 303
    assert world.house.get(clerk(world.north), "/quality/tickets/1").status_code == 404
    assert "转办" in page(world, clerk(world.south), "/quality/tickets/1")


def test_t34_every_page_of_a_ticket_is_unknown_to_another_body(world, opened):
    other = clerk(world.south)
    assert world.house.get(other, "/quality/tickets/1/rows/1").status_code == 404
    for path, form in (
        ("/acts", {"act": "accept"}), ("/rows/1", {"purpose_code": "REVIEW", "why": "看"}), ("/export", {}),
    ):  # fmt: skip
        assert world.house.post(other, f"/quality/tickets/1{path}", **form).status_code == 404
    assert world.house.audited == []
    assert "共1条" in text_of(page(world, other, f"/quality/tickets?body={world.north}"))


def test_unmasking_a_row_is_logged_and_export_is_inert_and_masked(world, opened):
    house = world.house
    assert house.post(STAFF, "/quality/tickets/1/rows/1", purpose_code="", why="").status_code == 422
    shown = house.post(STAFF, "/quality/tickets/1/rows/1", purpose_code="COMPARE", why="电话核对")
    assert SECRET + "1" in shown.text and "已记入审计日志" in shown.text
    masked = house.post(STAFF, "/quality/tickets/1/export")
    whole = house.post(STAFF, "/quality/tickets/1/export", whole="1", purpose_code="COMPARE", why="电话核对")
    assert SECRET not in masked.text and SECRET in whole.text
    assert len(list(csv.DictReader(io.StringIO(masked.text.lstrip("\ufeff"))))) == 3
    assert [one["action"] for one in house.audited] == ["quality.unmask", "quality.export", "quality.export"]
    assert house.audited[0] | {"by": ""} == {
        "action": "quality.unmask", "by": "", "ticket": 1, "row": 1, "purpose": "COMPARE", "reason": "电话核对"
    }  # fmt: skip


def test_erased_row_says_so(world, opened):
    from connectors.lake import Lake
    from quality.erase import erase_rows

    erase_rows(Lake.of(world.bench.lake), world.bench.catalog, "thing", lambda key, landed: key == "A1")
    assert "无明细" in page(world, STAFF, "/quality/tickets/1")
    assert "已依法删除" in page(world, STAFF, "/quality/tickets/1/rows/1")


def test_rows_are_paged_and_filtered_by_state(world):
    batch = world.deliver(*world.bad(60))
    assert world.open(batch) == [1]
    first = page(world, STAFF, "/quality/tickets/1")
    assert 'href="/quality/tickets/1?after=50"' in first
    assert "/rows/60" in page(world, STAFF, "/quality/tickets/1?after=50")
    assert "没有这种状态的记录" in page(world, STAFF, "/quality/tickets/1?state=corrected")


@pytest.mark.parametrize("path", ["/quality/tickets/99", "/quality/tickets/1/rows/99", "/quality/tickets/1/rows/0"])
def test_unknown_ticket_or_row_is_not_found(world, opened, path):
    assert world.house.get(STAFF, path).status_code == 404


@pytest.mark.parametrize("path", [f"/quality/tickets/{2**70}", f"/quality/tickets?before={2**70}", "/quality/tickets/1/rows/-1"])
def test_numbers_no_database_knows_are_refused(world, opened, path):
    assert world.house.get(STAFF, path).status_code == 422
