"""The counter's pages: who may work there, opening a case, the decision in words, and that no other body's case is told of."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import sqlalchemy as sa

from license_hub.app import faced
from license_hub.errors import AccessError, AccountRefused, NoDesk, TokenRefused
from license_hub.service import desk_client, issue_token, keep_accounts, register_client
from license_hub.storage.engine import writing
from license_hub.storage.tables import audit
from license_hub.storage.tables_cases import case, decision, task
from tests.license_hub.caller import Key, token_form
from tests.license_hub.sample_hub import credit_code
from tests.license_hub.service.publishing import citizen_number
from tests.license_hub.web.desk_visit import FIRM, FIRM_NAME, HANDLER, MATTER, desk_hub, open_case, opening, signed_in, verdicts
from tests.license_hub.web.staff_visit import BODY, PASSWORD, Browser, token_of


def test_clerk_opens_a_case_and_sees_of_each_material_what_becomes_of_it(clerk):
    page = clerk.get(open_case(clerk))
    found = verdicts(page)
    assert (found["C0201"], found["C0101"], found["C0301"]) == ("EXEMPT", "EXEMPT", "NEEDS_AUTHORIZATION")
    assert (found["C0901"], found["C0402"], found["C0403"]) == ("SUBMIT", "DEFERRED", "CANCELLED")
    for words in ("免于提交", "需授权", "电子营业执照的统一社会信用代码、名称", "可信等级", "依职能用证", "数据截至", "容缺受理"):
        assert words in page.text, words
    assert FIRM not in page.text.replace(FIRM_NAME, "") and FIRM not in str(page.url)


def test_home_lists_open_cases_and_finds_one_by_its_number(clerk):
    address = open_case(clerk, case_no="desk-home-1")
    home = clerk.get("/desk").text
    assert "desk-home-1" in home and "食品经营许可新办" in home and FIRM_NAME not in home and address in home
    assert clerk.post("/desk/find", page="/desk", case_no=" desk-home-1 ").headers["location"] == address
    lost = clerk.post("/desk/find", page="/desk", case_no="desk-home-9")
    assert lost.status_code == 404 and "没有这个编号" in lost.text
    assert 'value="7"' in clerk.get(f"/desk/new?matter={MATTER}").text  # the window of the case before


def test_decision_by_a_click_is_made_again_and_page_of_the_case_makes_none(clerk, counter_hub):
    address = open_case(clerk)
    before = decisions(counter_hub)
    clerk.get(address)
    assert decisions(counter_hub) == before
    assert clerk.post(f"{address}/decision", page=address).headers["location"] == address
    assert decisions(counter_hub) > before


def decisions(hub) -> int:
    with hub.engine.connect() as connection:
        return len(connection.execute(audit.select().where(audit.c.action == "decide")).all())


def test_form_sent_twice_opens_one_case(clerk):
    page = clerk.get(f"/desk/new?matter={MATTER}").text
    once = re.search(r'name="once" value="(\w+)"', page)[1]
    sent = [clerk.send("POST", "/desk/cases", data=opening(once=once, case_no="desk-twice") | {"csrf": token_of(page)}) for _ in range(2)]
    assert sent[0].status_code == sent[1].status_code == 303 and sent[0].headers["location"] == sent[1].headers["location"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"applicant-name": ""}, "请填写姓名或名称"),
        ({"applicant-number": FIRM[:-1] + "?"}, "按号码识别不了"),
        ({"applicant-name": "", "applicant-number": "", "legal_rep-name": "", "legal_rep-number": ""}, "至少填写一位申请人"),
        ({"window": ""}, "请填写窗口编号"),
        ({"received_in": "99"}, "收件地是 6、9 或 12 位"),
        ({"case_no": "x" * 65}, "办件编号过长"),
        ({"applicant-name": "样\u202e例"}, "请填写姓名或名称"),
    ],
)
def test_wrong_form_says_where_and_keeps_what_was_written(clerk, changes, words):
    answer = clerk.post("/desk/cases", page=f"/desk/new?matter={MATTER}", **opening(**changes))
    assert answer.status_code == 422 and words in answer.text and 'aria-invalid="true"' in answer.text
    assert 'value="990101"' in answer.text


def test_number_that_is_taken_and_matter_that_is_none_are_told(clerk):
    open_case(clerk, case_no="desk-taken")
    answer = clerk.post("/desk/cases", page=f"/desk/new?matter={MATTER}", **opening(case_no="desk-taken"))
    assert answer.status_code == 409 and "已经登记过" in answer.text
    assert clerk.get("/desk/new?matter=none").headers["location"] == "/desk"
    assert clerk.post("/desk/cases", page="/desk", **opening(matter="none")).status_code == 400


CASE_ROUTES = ("GET ", "POST /decision", "POST /refresh")


@pytest.mark.parametrize("route", CASE_ROUTES)
def test_t11_case_of_another_body_is_as_unknown_as_none(clerk, stranger, route):
    method, _, rest = route.partition(" ")
    own = open_case(clerk)
    for path in (own, "/desk/cases/999999", "/desk/cases/x"):
        answer = stranger.send(method, path + rest, data={"csrf": stranger.token("/desk")}) if method == "POST" else stranger.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "NO_SUCH_RESOURCE"), path
    assert own not in stranger.get("/desk?of=body").text


def test_t32_forms_of_the_counter_need_their_own_token(clerk, stranger):
    address = open_case(clerk)
    for token in ("", stranger.token("/desk")):
        answer = clerk.send("POST", f"{address}/decision", data={"csrf": token})
        assert (answer.status_code, answer.json()["code"]) == (403, "FORM_STALE")


def test_part_of_a_page_asked_for_without_a_session_leads_to_the_sign_in(counter_app, clerk):
    answer = Browser(counter_app).send("POST", f"{open_case(clerk)}/refresh", headers={"HX-Request": "true"})
    assert answer.status_code == 401 and answer.headers["hx-redirect"] == "/sign-in"


def test_desk_client_gets_no_token_and_acts_for_its_own_body_alone(counter_hub):
    principal, client = desk_client.acting_for(counter_hub, BODY)
    assert (client.kid, dict(client.jwk), principal.organ) == ("", {}, BODY)
    for key in (Key(), Key(kid="")):
        form = token_form(key.assertion(client.client_id, counter_hub.public_url, counter_hub.now().timestamp()))
        with pytest.raises(TokenRefused):
            issue_token.issue_token(counter_hub, form, audiences=(counter_hub.public_url,))
    with pytest.raises(NoDesk):
        desk_client.acting_for(counter_hub, None)


def test_body_without_a_desk_client_or_with_one_shut_out_is_told_so(counter_hub, counter_app):
    with pytest.raises(AccessError):
        desk_client.set_up(counter_hub, "none", "x", ["business_license"], operator="test")

    third = credit_code(4, "11")
    keep_accounts.add(counter_hub, "handler.third", "样例", ["handler"], third, PASSWORD, operator="test")
    visitor = signed_in(counter_app, "handler.third")
    assert visitor.get("/desk").json()["code"] == "DESK_CLOSED"
    client_id = desk_client.set_up(counter_hub, third, "样例", ["business_license"], operator="test")
    assert visitor.get("/desk").status_code == 200
    assert desk_client.set_up(counter_hub, third, "样例二", ["business_license"], ["license:verify"], operator="test") == client_id
    assert visitor.get("/desk").json()["code"] == "DESK_CLOSED"
    register_client.disable(counter_hub, client_id)
    assert visitor.get("/desk").json()["code"] == "DESK_CLOSED"


@pytest.mark.parametrize(("roles", "body"), [(["handler"], None), (["handler", "body"], BODY), (["handler", "quality"], BODY)])
def test_case_handlers_hold_that_role_alone_and_belong_to_a_body(counter_hub, roles, body):
    with pytest.raises(AccountRefused):
        keep_accounts.add(counter_hub, "wrong", "样例", roles, body, PASSWORD, operator="test")


def test_operator_of_what_is_done_is_the_account(clerk, counter_hub):
    case_id = int(open_case(clerk).rpartition("/")[2])
    with writing(counter_hub.engine) as connection:
        assert connection.execute(case.select().where(case.c.case_id == case_id)).one().operator == HANDLER
        assert connection.execute(decision.select().where(decision.c.case_id == case_id)).one().operator == HANDLER


def test_t12_what_a_form_has_no_field_for_changes_nothing(clerk, counter_hub):
    more = {"operator": "somebody", "client_id": "another", "state": "closed", "matter_version": "9", "result": "done"}
    case_id = int(open_case(clerk, **more).rpartition("/")[2])
    with writing(counter_hub.engine) as connection:
        row = connection.execute(case.select().where(case.c.case_id == case_id)).one()
    own = desk_client.acting_for(counter_hub, BODY)[0].client_id
    assert (row.operator, row.client_id, row.state, row.matter_version, row.result) == (HANDLER, own, "open", "1", None)


def test_t29_counter_spends_its_desk_client_s_calls(tmp_path, catalog):
    hub = desk_hub(tmp_path, catalog, budget_calls=2)
    visitor = signed_in(faced(hub))
    address = open_case(visitor)
    answers = [visitor.post(f"{address}/decision", page=address) for _ in range(3)]
    assert [one.status_code for one in answers] == [303, 429, 429] and answers[-1].json()["code"] == "RATE_LIMITED"
    hub.close()


def test_client_that_was_changed_between_two_looks_is_refused_and_not_a_fault(clerk, counter_hub, monkeypatch):
    address, (principal, client) = open_case(clerk), desk_client.acting_for(counter_hub, BODY)
    stale = replace(principal, epoch=principal.epoch - 1, scopes=principal.scopes | {"license:recall"})
    monkeypatch.setattr(desk_client, "acting_for", lambda _hub, _organ: (stale, client))
    for answer in (clerk.get(address), clerk.post(f"{address}/decision", page="/desk")):
        assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHENTICATED")


def test_department_s_answer_is_told_on_the_page_and_counts_with_the_next_decision(clerk, counter_hub):
    address = open_case(clerk, **{"legal_rep-number": citizen_number(7), "legal_rep-name": "样7"})
    assert verdicts(clerk.get(address))["C0101"] == "DEPARTMENT_CHECK"
    assert "请重新判定" not in clerk.get(address).text
    with writing(counter_hub.engine) as connection:
        mine = sa.update(task).where(task.c.case_id == int(address.rpartition("/")[2]), task.c.material == "C0101")
        values = {"answer": "CONFIRMED", "answered_by": "test", "answered_at": "2026-11-22T10:00:00Z"}
        assert connection.execute(mine.values(values)).rowcount == 1
    assert "部门答复有变化，请重新判定" in clerk.get(address).text
    clerk.post(f"{address}/refresh", page=address)
    page = clerk.get(address)
    assert verdicts(page)["C0101"] == "EXEMPT" and "的核查" in page.text and "请重新判定" not in page.text
