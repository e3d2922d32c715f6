"""The holder's word at the counter: asked for, recorded, brought as a code; a license's face; what the counter says of an exemption."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from license_hub.service import desk_client, holder_consent, keep_grants
from license_hub.service.access_log import looks
from license_hub.service.present import Show, present
from license_hub.service.use_code import make_code
from license_hub.storage.tables import audit, current
from tests.license_hub.web.desk_visit import FIRM, MATTER, OTHER_FIRM, open_case, verdicts
from tests.license_hub.web.staff_visit import BODY

TITLE, KIND = "C0301", "real_estate_title"
HTMX = {"HX-Request": "true"}


def identifier(hub, kind: str = "business_license") -> str:
    with hub.engine.connect() as connection:
        return connection.scalar(sa.select(current.c.identifier).where(current.c.type_id == kind).order_by(current.c.entry))


def asking(clerk, address: str, **more: str):
    return clerk.post(f"{address}/consent", page=address, party="applicant", of=KIND, how="ask", **more)


def waiting(hub):
    return [one for one in holder_consent.mine(hub, FIRM) if one.state == "asked"]


def poll(clerk, address: str):
    return clerk.send("POST", f"{address}/refresh", data={"csrf": clerk.token(address)}, headers=HTMX)


def test_holder_is_asked_and_the_table_updates_itself_after_the_answer_and_after_the_withdrawal(clerk, counter_hub):
    address = open_case(clerk, case_no="word-1")
    page = clerk.get(address).text
    assert "请持证人手机授权" in page and "every 2s" not in page
    assert asking(clerk, address).headers["location"] == f"{address}?done=asked"
    page = clerk.get(f"{address}?done=asked").text
    assert "已请持证人在手机上确认" in page and "every 2s" in page and "等持证人确认" in page
    assert "1 项等持证人确认" in clerk.get("/desk").text
    assert poll(clerk, address).status_code == 204
    [one] = [one for one in waiting(counter_hub) if one.case_no == "word-1"]
    assert (one.operator, one.type_id) == ("handler", KIND)
    holder_consent.answer(counter_hub, FIRM, one.id, yes=True)
    answer = poll(clerk, address)
    assert (answer.status_code, answer.headers["location"]) == (303, address)
    page = clerk.get(address).text
    assert verdicts(page)[TITLE] == "EXEMPT" and "持证人手机授权" in page and "every 2s" not in page
    holder_consent.withdraw(counter_hub, FIRM, one.id)
    page = clerk.get(address).text
    assert "持证人已撤回" in page and "请重新判定" in page
    clerk.post(f"{address}/refresh", page=address)
    assert verdicts(clerk.get(address))[TITLE] == "NEEDS_AUTHORIZATION"


def test_request_sent_twice_asks_once_and_a_declined_one_says_so(clerk, counter_hub):
    address = open_case(clerk, case_no="word-2")
    for _ in range(2):
        assert asking(clerk, address, once="a" * 32).status_code == 303
    [one] = [one for one in waiting(counter_hub) if one.case_no == "word-2"]
    holder_consent.answer(counter_hub, FIRM, one.id, yes=False)
    page = clerk.get(address).text
    assert "持证人不同意" in page and "请持证人手机授权" in page and "每" not in verdicts(page)


BY = {"name": "样例乙", "number": "990101199001010011", "right": "监护关系证明"}


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"evidence": "id_card"}, "本人，核验了身份证件"),
        ({"evidence": "signed_paper", "relation": "guardian"} | BY, "监护人，已签字的纸质授权书"),
        ({"evidence": "signed_paper", "relation": "officer"} | BY, "法人经办人，已签字"),
        ({"evidence": "id_card", "relation": "agent"} | BY, "帮办代办人员，核验了"),
    ],
)
def test_consent_at_the_window_decides_again_at_once_and_keeps_who_acted_to_itself(clerk, form, words):
    address = open_case(clerk)
    answer = clerk.post(f"{address}/consent", page=address, party="applicant", of=KIND, how="window", **form)
    assert answer.headers["location"] == f"{address}?done=window"
    page = clerk.get(f"{address}?done=window").text
    assert verdicts(page)[TITLE] == "EXEMPT" and words in page and "窗口现场授权" in page and BY["number"] not in page


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"evidence": ""}, "请选择看到的授权材料"),
        ({"evidence": "id_card", "relation": "neighbour"}, "请选择办理人与持证人的关系"),
        ({"evidence": "id_card", "relation": "guardian"}, "请填写代为办理人"),
        ({"evidence": "id_card", "relation": "agent", "name": "样例乙"}, "请填写代为办理人"),
        ({"evidence": "id_card", "party": "agent"}, "没有这位当事人"),
        ({"evidence": "id_card", "of": "birth"}, "还没有获准"),
    ],
)
def test_consent_that_cannot_be_recorded_says_why(clerk, form, words):
    address = open_case(clerk)
    given = {"party": "applicant", "of": KIND, "how": "window"} | form
    answer = clerk.post(f"{address}/consent", page=address, **given)
    assert answer.status_code in (409, 422) and words in answer.text
    assert verdicts(clerk.get(address))[TITLE] == "NEEDS_AUTHORIZATION"


def test_use_code_that_the_holder_says_serves_the_case_once(clerk, counter_hub):
    address = open_case(clerk)
    code, _until = make_code(counter_hub, FIRM, identifier(counter_hub, KIND))
    said = f" {code[:4].lower()}-{code[4:].lower()}"
    assert clerk.post(f"{address}/code", page=address, code=said).headers["location"] == f"{address}?done=code"
    assert verdicts(clerk.get(address))[TITLE] == "EXEMPT"
    again = clerk.post(f"{address}/code", page=address, code=said)
    assert again.status_code == 422 and "用证码不对" in again.text and code not in again.text


def test_shown_code_scanned_into_the_same_field_shows_the_face_once(clerk, counter_hub):
    address = open_case(clerk, case_no="word-scan")
    [shown] = present(counter_hub, [Show(identifier(counter_hub), FIRM, "holder", "s" * 32)])
    answer = clerk.post(f"{address}/code", page=address, code=shown.text + "\r")
    assert answer.status_code == 200 and "持证人刚才出示" in answer.text and "营业执照" in answer.text, answer.text[:2000]
    assert 'data-mark="样例handler handler word-scan' in answer.text
    assert "可信等级" in answer.text and verdicts(answer)["C0201"] == "EXEMPT"
    again = clerk.post(f"{address}/code", page=address, code=shown.text)
    assert again.status_code == 409 and "已被扫过" in again.text
    assert "没有识别出" in clerk.post(f"{address}/code", page=address, code=" - ").text


def test_face_is_masked_marked_and_seen_by_its_holder(clerk, stranger, counter_hub):
    address, name = open_case(clerk, case_no="word-face"), identifier(counter_hub, KIND)
    assert clerk.post(f"{address}/licenses/{name}", page=address).status_code == 404
    clerk.post(f"{address}/consent", page=address, party="applicant", of=KIND, how="window", evidence="id_card")
    before = looks(counter_hub, FIRM)[0].seq
    face = clerk.post(f"{address}/licenses/{name}", page=address)
    assert face.status_code == 200 and 'data-mark="样例handler handler word-face' in face.text
    assert "证照真实有效" in face.text and FIRM not in face.text and face.headers["cache-control"] == "no-store"
    [look] = [one for one in looks(counter_hub, FIRM) if one.seq > before]
    assert (look.action, look.allowed, look.case_no, look.purpose) == ("read", True, "word-face", MATTER)
    with counter_hub.engine.connect() as connection:
        [mine] = connection.execute(audit.select().where(audit.c.actor == "staff:handler", audit.c.case_no == "word-face")).all()
    assert mine.request_id == look.request_id
    foreign = stranger.send("POST", f"{address}/licenses/{name}", data={"csrf": stranger.token("/desk")})
    assert foreign.status_code == 404


def test_what_a_holder_shows_is_a_basis_for_the_case(clerk, counter_hub):
    address = open_case(clerk)
    [shown] = present(counter_hub, [Show(identifier(counter_hub, KIND), FIRM, "holder", "s" * 32)])
    page = clerk.post(f"{address}/code", page=address, code=shown.text)
    assert verdicts(page)[TITLE] == "EXEMPT" and "持证人当面亮证" in page.text


def test_t34_face_is_refused_once_the_holder_has_withdrawn(clerk, counter_hub):
    address, name = open_case(clerk, case_no="word-gone"), identifier(counter_hub, KIND)
    clerk.post(f"{address}/consent", page=address, party="applicant", of=KIND, how="window", evidence="id_card")
    assert clerk.post(f"{address}/licenses/{name}", page=address).status_code == 200
    [one] = [one for one in holder_consent.mine(counter_hub, FIRM) if one.case_no == "word-gone"]
    holder_consent.withdraw(counter_hub, FIRM, one.id)
    answer = clerk.post(f"{address}/licenses/{name}", page=address)
    assert answer.status_code == 409 and "授权" in answer.text and "data-mark" not in answer.text


def test_t10_license_no_material_of_the_case_rests_on_is_as_unknown_as_none(clerk, counter_hub):
    address = open_case(clerk, **{"applicant-name": "样例2号有限公司", "applicant-number": OTHER_FIRM})
    for name in (identifier(counter_hub), "1.2.156.none"):
        assert clerk.post(f"{address}/licenses/{name}", page=address).json()["code"] == "NO_SUCH_RESOURCE"


def test_exemption_is_accepted_or_refused_with_a_reason_that_becomes_a_correction(clerk, counter_hub):
    address = open_case(clerk)
    place = f"{address}/materials/C0201"
    assert clerk.post(place, page=address, word="accepted").headers["location"] == f"{address}?done=accepted"
    assert "已采信" in clerk.get(address).text
    short = clerk.post(place, page=address, word="refused", reason="", comment="")
    assert short.status_code == 422 and "请选择不采信的原因" in short.text
    why = {"word": "refused", "reason": "OUTDATED", "comment": "门头照片显示已经迁址。", "fields": "KZ_住所"}
    assert clerk.post(place, page=address, **why).headers["location"] == f"{address}?done=corrected"
    page = clerk.get(f"{address}?done=corrected").text
    assert "不采信" in page and "已申请校核" in page
    shared = clerk.post(f"{address}/materials/C0101", page=address, word="refused", reason="NOT_THEIRS", comment="照片不是本人。")
    assert shared.headers["location"] == f"{address}?done=refused"
    assert clerk.post(f"{address}/materials/C0901", page=address, word="accepted").status_code == 422


def test_doubts_that_wait_for_an_answer_are_not_raised_for_ever(clerk):
    answers = []
    for _ in range(6):
        address = open_case(clerk, **{"applicant-name": "样例2号有限公司", "applicant-number": OTHER_FIRM})
        why = {"word": "refused", "reason": "WRONG", "comment": "字号不对。", "fields": "KZ_名称"}
        answers.append(clerk.post(f"{address}/materials/C0201", page=address, **why))
    assert [one.status_code for one in answers] == [303] * 5 + [422] and "还没有答复" in answers[-1].text


def test_closed_case_uses_nothing_any_more(clerk, counter_hub):
    address = open_case(clerk)
    assert clerk.post(f"{address}/close", page=address, result="gone").status_code == 400
    assert clerk.post(f"{address}/close", page=address, result="returned").headers["location"] == f"{address}?done=closed"
    page = clerk.get(address).text
    assert "退件" in page and "重新判定" not in page and "请持证人手机授权" not in page and page.partition("<main")[2].count("<form") == 1
    token = {"csrf": clerk.token("/desk")}
    refused = {
        "/close": ({"result": "done"}, 409), "/decision": ({}, 409), "/consent": ({"party": "applicant", "of": KIND, "how": "ask"}, 409),
        "/code": ({"code": "ABCD-EFGH"}, 409), "/materials/C0201": ({"word": "accepted"}, 409), "/refresh": ({}, 303),
    }  # fmt: skip
    for rest, (form, status) in refused.items():
        assert clerk.send("POST", address + rest, data=form | token).status_code == status, rest


def test_t34_suspended_grant_is_a_refused_call_at_the_counter_too(clerk, counter_hub):
    address = open_case(clerk)
    client_id = desk_client.acting_for(counter_hub, BODY)[0].client_id
    [one] = [one for one in keep_grants.grants(counter_hub, client_id) if (one.type_id, one.purpose) == (KIND, MATTER)]
    keep_grants.suspend(counter_hub, one.grant_id, "test")
    try:
        answer = asking(clerk, address)
        assert answer.status_code == 409 and "已被暂停" in answer.text
    finally:
        keep_grants.suspend(counter_hub, one.grant_id, "test", again=True)


def test_page_stops_asking_by_itself_after_ten_minutes(clerk, counter_hub, monkeypatch):
    address = open_case(clerk, case_no="word-long")
    asking(clerk, address)
    later = counter_hub.now() + timedelta(minutes=11)
    monkeypatch.setattr("license_hub.service.desk_cases.ago", lambda _hub, _seconds: later.strftime("%Y-%m-%dT%H:%M:%SZ"))
    page = clerk.get(address).text
    assert "every 2s" not in page and "查看是否已授权" in page
    assert re.search(r'action="[^"]*/refresh"', page)
