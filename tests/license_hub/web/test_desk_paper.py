"""What the counter prints and shows beside a case: 一次性告知单, receipts, the form's values; verification; ratings."""

from __future__ import annotations

import json
import re

import pytest

from license_hub.errors import CaseRefused
from license_hub.service import rate_page
from license_hub.service.access_log import looks
from license_hub.service.integrate import integrate
from license_hub.service.present import Show, present
from license_hub.signing import receipt
from license_hub.storage.tables import audit
from tests.license_hub.web.desk_visit import FIRM, FIRM_NAME, PERSON, open_case
from tests.license_hub.web.staff_visit import BODY
from tests.license_hub.web.test_desk_consent import identifier


def test_notice_names_every_material_with_its_next_step_contact_terms_and_receipt(clerk, counter_hub):
    address = open_case(clerk, case_no="paper-1")
    page = clerk.get(f"{address}/notice").text
    matter = counter_hub.catalog.matters["food_permit_new"]
    assert all(f"<h3>{one.title}" in page for one in matter.materials)
    for words in (
        "一次性告知单",
        "paper-1",
        FIRM_NAME,
        "下一步",
        "联系：",
        "期限：",
        "免提交核验回执",
        "未满足免提交条件说明",
        "申请人签收",
        matter.task_code,
    ):
        assert words in page, words
    assert "逾期不补交的" in page and "取消依据" in page and "也可以选择：部门核查" in page
    assert PERSON not in page and "<style" not in page and "判定规则 food_permit_new/1@" in page
    assert f'href="{address}/notice"' in clerk.get(address).text


def test_notice_says_that_a_doubted_exemption_is_to_be_handed_in_for_now(clerk):
    address = open_case(clerk)
    clerk.post(f"{address}/materials/C0101", page=address, word="refused", reason="NOT_THEIRS", comment="照片不是本人。")
    page = clerk.get(f"{address}/notice").text
    said = re.search(r"<h3>法定代表人（负责人）身份证.*?</li>", page, re.DOTALL)[0]
    assert "需提交" in said and "窗口核对后没有采信" in said and "可以免交该材料" not in said


def test_receipt_is_printed_and_its_file_checks_without_the_hub(clerk, stranger, counter_hub):
    address = open_case(clerk, case_no="paper-2")
    [first, *_rest] = re.findall(rf'href="({address}/receipts/[0-9a-f]{{32}})"', clerk.get(address).text)
    integrate(counter_hub)
    page = clerk.get(first)
    assert page.status_code == 200 and "paper-2" in page.text and "已在公开日志第" in page.text and PERSON not in page.text
    given = clerk.get(f"{first}/file")
    assert "attachment" in given.headers["content-disposition"]
    told = json.loads(given.text)
    fields, _leaf = receipt.read(told["token"], counter_hub.security.keys("status"))
    assert fields["case_no"] == "paper-2" and told["proof"].startswith("c2sp.org/tlog-proof@v1")
    for path in (first, f"{first}/file", f"{address}/notice"):
        assert stranger.get(path).status_code == 404
    assert clerk.get(f"{address}/receipts/{'0' * 32}").status_code == clerk.get(f"{address}/receipts/x").status_code == 404


def test_prefill_says_where_each_value_is_from_and_is_seen_by_the_holder(clerk, counter_hub):
    address = open_case(clerk, case_no="paper-3")
    before = looks(counter_hub, FIRM)[0].seq
    page = clerk.post(f"{address}/prefill", page=address)
    assert page.status_code == 200, page.text
    for words in (FIRM_NAME, "电子营业执照", "本办件登记", "可靠程度", "高", "请申请人填写"):
        assert words in page.text, words
    found = [one for one in looks(counter_hub, FIRM) if one.seq > before]
    assert found and {(one.action, one.case_no) for one in found} == {("prefill", "paper-3")}


def test_verification_by_number_scan_and_file_answers_a_verdict_and_no_data(clerk, counter_hub):
    name = identifier(counter_hub)
    page = clerk.post("/desk/verify", identifier=f" {name.lower()}\r", holder_number="").text
    assert "证照真实有效" in page and "核对了什么" in page and name in page and FIRM_NAME not in page
    [shown] = present(counter_hub, [Show(name, FIRM, "holder", "s" * 32)])
    assert "核验结果" in clerk.post("/desk/verify", identifier=shown.text).text
    again = clerk.post("/desk/verify", identifier=shown.text)
    assert again.status_code == 409 and "已被扫过" in again.text
    assert clerk.post("/desk/verify", identifier="").status_code == 422
    token = {"csrf": clerk.token("/desk/verify")}
    empty = clerk.send("POST", "/desk/verify/file", data=token, files={"file": ("", b"")})
    assert empty.status_code == 422 and "请选择要核验的文件" in empty.text
    strange = clerk.send("POST", "/desk/verify/file", data=token, files={"file": ("a.pdf", b"%PDF-1.4 nothing")})
    assert strange.status_code == 200 and "无法判定" in strange.text
    with counter_hub.engine.connect() as connection:
        mine = connection.execute(audit.select().where(audit.c.actor == "staff:handler", audit.c.action == "desk")).all()
    assert {"verify number", "verify file"} <= {one.purpose for one in mine}


def test_t15_file_larger_than_a_license_is_refused_before_it_is_read(clerk):
    token = clerk.token("/desk/verify")
    answer = clerk.send("POST", "/desk/verify/file", data={"csrf": token}, files={"file": ("a.pdf", b"x" * (3 << 20))})
    assert (answer.status_code, answer.json()["code"]) == (413, "TOO_LARGE")


def test_page_is_rated_and_the_ratings_are_counted(clerk, counter_hub):
    address = open_case(clerk)
    case = address.rpartition("/")[2]
    for score, words in (("5", "很快"), ("5", ""), ("2", "字太小")):
        given = {"case": case, "score": score, "words": words}
        assert clerk.post("/desk/ratings", page=address, **given).headers["location"] == f"{address}?done=rated"
    for wrong in ({"score": "6"}, {"score": ""}, {"score": "3", "words": "申请人 990101199001010011"}, {"score": "3", "words": "x" * 201}):
        answer = clerk.post("/desk/ratings", page=address, case=case, **wrong)
        assert answer.status_code == 422 and "不要写姓名和号码" in answer.text
    [one] = rate_page.tallies(counter_hub)
    assert (one.page, one.scores, one.words, one.mean) == ("desk-case", {2: 1, 5: 2}, ("字太小", "很快"), 4.0)
    with pytest.raises(CaseRefused):
        rate_page.rate(counter_hub, BODY, "desk-case", 0, "")
