from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from license_hub.domain.lifecycle import Act, Reason
from license_hub.errors import CaseNotOpen, NoSuchCase, NotAuthenticated
from license_hub.log import bundle as proofs
from license_hub.service import canaries
from license_hub.service.answer_task import Said, answer_task, list_tasks
from license_hub.service.change_status import change_status
from license_hub.service.decide_case import Asked, decide_case, decide_cases
from license_hub.service.erase import Ground, erase_license
from license_hub.service.fsck import fsck
from license_hub.service.holder_consent import withdraw
from license_hub.service.hub import Hub, open_hub
from license_hub.service.intake import apply_pending
from license_hub.service.integrate import attend
from license_hub.service.keep_grants import grants, suspend
from license_hub.service.list_audit import list_audit
from license_hub.service.receipts import hand_out
from license_hub.service.register_client import disable
from license_hub.service.use_code import make_code, redeem
from license_hub.signing import receipt as receipts
from license_hub.storage.tables import current
from license_hub.storage.tables_cases import decision, receipt

from ..sample_hub import identifier_of
from .casework_cases import TEST, Counter, by_material, filled_counter, with_matters
from .publishing import ORGAN, Publisher, credit_code, permit, person

FOOD = "food_permit_new"


@pytest.fixture
def catalog(catalog):
    return with_matters(catalog, TEST)


@pytest.fixture
def counter(hub: Hub, publisher: Publisher) -> Counter:
    return filled_counter(hub, publisher)


def keys(hub: Hub):
    return hub.security.keys("status")


def test_shipped_matter_is_decided_material_by_material(counter):
    case = counter.open(FOOD, applicant=credit_code(1), legal_rep=str(person(1)["id_number"]))
    made = by_material(counter.decide(case))
    found = {code: (one["outcome"], one["reason"]) for code, one in made.items()}
    assert found["C0201"] == ("EXEMPT", "IN_FORCE") and made["C0201"]["evidence"]["fields"] == [
        "统一社会信用代码",
        "名称",
        "住所",
        "经营范围",
    ]
    assert found["C0101"] == ("EXEMPT", "SHARED_DATA") and made["C0101"]["evidence"]["resource"] == "population"
    assert found["C0301"] == ("NEEDS_AUTHORIZATION", "CONSENT_MISSING") and made["C0301"]["evidence"] is None
    assert found["C0402"] == ("DEFERRED", "DEFERRAL_OFFERED") and made["C0402"]["terms"]["liability"]
    assert found["C0403"] == ("CANCELLED", "NO_LONGER_ASKED")
    assert found["C0404"] == ("EXEMPT", "IN_FORCE")
    assert found["C0102"] == ("SUBMIT", "PARTY_MISSING") and made["C0102"]["reported"]
    assert found["C0901"] == ("SUBMIT", "OWN_MATERIAL") and not made["C0901"]["reported"]
    assert all(one["sentence"] and one["next_step"] for one in made.values())


def test_every_exemption_and_every_submission_has_a_receipt_that_verifies_offline(hub, counter):
    case = counter.open(TEST.id, applicant=credit_code(1))
    made = counter.decide(case)
    listed = by_material(made)
    with_receipt = {code for code, one in listed.items() if one["receipt"]}
    assert (
        with_receipt
        == {code for code, one in listed.items() if one["outcome"] in ("EXEMPT", "SUBMIT")}
        == {"shop", "permit", "listed", "own"}
    )
    pending = hand_out(hub, case, listed["shop"]["receipt"]["id"], principal=counter.principal)
    assert pending.proof is None and pending.token == listed["shop"]["receipt"]["token"]
    attend(hub)
    for code in with_receipt:
        one = hand_out(hub, case, listed[code]["receipt"]["id"], principal=counter.principal)
        fields, leaf = receipts.read(one.token, keys(hub))
        assert (fields["material"], fields["outcome"], fields["reason"]) == (code, listed[code]["outcome"], listed[code]["reason"])
        assert fields["matter_version"] == "1" and fields["decision"] == made.told["decision_id"]
        hashed = bytes.fromhex(listed[code]["receipt"]["leaf_hash"])
        proofs.verify(proofs.parse(one.proof), hashed, hub.origin, hub.security.checkpoint_keys(hub.origin))
        assert credit_code(1) not in one.token and credit_code(1) not in str(fields) and b"license" not in leaf
    assert receipts.read(listed["shop"]["receipt"]["token"], keys(hub))[0]["license"] == identifier_of(hub, credit_code(1))
    assert fsck(hub).findings == ()


def test_forged_receipt_is_refused(hub, counter):
    token = by_material(counter.decide(counter.open(TEST.id, applicant=credit_code(1))))["shop"]["receipt"]["token"]
    with pytest.raises(receipts.jose.JoseRefused):
        receipts.read(token, ())
    claims = dict(receipts.jose.read(token, types=(receipts.TYPE,), most=receipts.MOST_CHARS).claims)
    changed = claims | {"fields": claims["fields"] | {"outcome": "SUBMIT"}}
    for wrong in (changed, claims | {"iat": claims["iat"] + 1}, claims | {"jti": "0" * 32}):
        with pytest.raises(receipts.SignatureBad):
            receipts.opened(wrong)
    for malformed in (claims | {"more": ""}, claims | {"secret": "x"}, claims | {"fields": []}, claims | {"iat": "1"}):
        with pytest.raises(receipts.TokenMalformed):
            receipts.opened(malformed)


def test_revoked_license_is_handed_in_from_the_next_decision_on(hub, counter):
    case = counter.open(TEST.id, applicant=credit_code(1))
    assert by_material(counter.decide(case))["shop"]["outcome"] == "EXEMPT"
    identifier = identifier_of(hub, credit_code(1))
    told = {"identifier": identifier, "actor": "test"}
    change_status(hub, Act.REVOKE, "样〔2026〕1号", hub.now().date(), ORGAN, Reason.PENALTY, **told)
    again = counter.decide(case)
    shop = by_material(again)["shop"]
    assert (shop["outcome"], shop["reason"], shop["reported"]) == ("SUBMIT", "REVOKED", True)
    assert shop["tried"][0]["identifier"] == identifier
    with hub.engine.connect() as connection:
        assert list(connection.execute(sa.select(decision.c.seq).where(decision.c.case_id == case).order_by(decision.c.seq)).scalars()) == [
            1,
            2,
        ]
        reported = sa.select(receipt.c.reason).where(receipt.c.case_id == case, receipt.c.channel == "20", receipt.c.outcome == "SUBMIT")
        assert list(connection.execute(reported).scalars()) == ["REVOKED"]


def test_erased_license_is_no_evidence_and_the_receipt_before_stays_whole(hub, counter):
    case = counter.open(TEST.id, applicant=credit_code(1))
    before = by_material(counter.decide(case))["shop"]["receipt"]
    erase_license(hub, identifier_of(hub, credit_code(1)), Ground("test", "1", ORGAN), "officer")
    assert by_material(counter.decide(case))["shop"]["reason"] == "NOT_FOUND"
    one = hand_out(hub, case, before["id"], principal=counter.principal)
    assert receipts.read(one.token, keys(hub))[0]["outcome"] == "EXEMPT" and one.proof


@pytest.mark.parametrize("number", [credit_code(99), credit_code(5, division="450103"), credit_code(3)])
def test_why_nothing_was_found_is_told_apart(counter, number, clock):
    made = by_material(counter.decide(counter.open(TEST.id, applicant=number)))["permit"]
    expected = "NOT_COVERED" if number[2:8] == "450103" else "NOT_FOUND"
    assert [one["reason"] for one in made["tried"]] == [expected]
    clock.pass_(days=3)
    late = by_material(counter.decide(counter.open(TEST.id, applicant=number)))["permit"]
    assert [one["reason"] for one in late["tried"]] == ["NOT_COVERED" if expected == "NOT_COVERED" else "SOURCE_LATE"]


def test_license_that_changed_hands_no_longer_exempts_its_former_holder(hub, counter, publisher):
    publisher.publish("food_permit", [permit(1, credit_code=credit_code(2), operator_name="样例2号有限公司")])
    apply_pending(hub)
    former, now = (by_material(counter.decide(counter.open(TEST.id, applicant=credit_code(n))))["permit"] for n in (1, 2))
    assert (former["outcome"], now["outcome"]) == ("DEPARTMENT_CHECK", "EXEMPT")


def test_department_is_asked_once_and_its_answer_returns_to_the_case(hub, counter, clock):
    market = Counter(hub)
    market.principal = counter.acting_for("province_market")
    case = counter.open(TEST.id, applicant=credit_code(3))
    first, second = (by_material(counter.decide(case))["permit"] for _ in range(2))
    assert first["outcome"] == "DEPARTMENT_CHECK" and first["due_on"] == second["due_on"] == "2026-11-24"
    assert first["evidence"]["task"] == second["evidence"]["task"]
    [asked] = list_tasks(hub, principal=market.principal, request_id="q" * 32)
    assert (asked["number"], asked["material"], asked["overdue"]) == (credit_code(3), "permit", False)
    clock.pass_(days=4)
    assert by_material(counter.decide(case))["permit"]["reason"] == "CHECK_OVERDUE"
    said = Said("CONFIRMED", "登记在册")
    answer_task(hub, asked["task"], said, principal=market.principal, request_id="q" * 32, once=market.once())
    with pytest.raises(CaseNotOpen):
        answer_task(hub, asked["task"], Said("DENIED", ""), principal=market.principal, request_id="q" * 32, once=market.once())
    made = by_material(counter.decide(case))["permit"]
    assert (made["outcome"], made["reason"], made["evidence"]["task"]) == ("EXEMPT", "DEPARTMENT_CONFIRMED", asked["task"])
    assert (made["evidence"]["answer"], made["evidence"]["note"]) == ("CONFIRMED", "登记在册")
    assert list_tasks(hub, principal=market.principal, request_id="q" * 32) == []


def test_material_that_the_department_denies_is_handed_in_with_its_answer_and_note(hub, counter):
    market = Counter(hub)
    market.principal = counter.acting_for("province_market")
    case = counter.open(TEST.id, applicant=credit_code(3))
    asked = by_material(counter.decide(case))["permit"]["evidence"]
    assert (asked["answer"], asked["note"]) == (None, "")
    said = Said("DENIED", "该号码未取得许可")
    answer_task(hub, asked["task"], said, principal=market.principal, request_id="q" * 32, once=market.once())
    made = by_material(counter.decide(case))["permit"]
    assert (made["outcome"], made["reason"]) == ("SUBMIT", "DEPARTMENT_DENIED")
    assert (made["evidence"]["answer"], made["evidence"]["note"], made["evidence"]["kind"]) == ("DENIED", "该号码未取得许可", "check")


def test_t11_another_organ_neither_sees_nor_answers_a_task(hub, counter):
    case = counter.open(TEST.id, applicant=credit_code(3))
    task = by_material(counter.decide(case))["permit"]["evidence"]["task"]
    other = Counter(hub)
    other.principal = counter.acting_for("province_police")
    assert list_tasks(hub, principal=other.principal, request_id="q" * 32) == []
    with pytest.raises(NoSuchCase):
        answer_task(hub, task, Said("CONFIRMED", ""), principal=other.principal, request_id="q" * 32, once=other.once())


def test_t10_unconsented_material_says_nothing_of_what_there_is(hub, counter, publisher):
    from .publishing import title

    publisher.publish("real_estate_title", [title(1, [("样例1号有限公司", credit_code(1))])])
    apply_pending(hub)
    there, not_there = (by_material(counter.decide(counter.open(TEST.id, applicant=credit_code(n))))["asked"] for n in (1, 2))
    assert there == not_there and there["alternatives"] == ["promise"]


def test_holder_s_code_exempts_by_its_license_alone_until_it_is_withdrawn(hub, counter, publisher):
    from .publishing import title

    publisher.publish("real_estate_title", [title(n, [("样例1号有限公司", credit_code(1))]) for n in (1, 2)])
    apply_pending(hub)
    with hub.engine.connect() as connection:
        query = sa.select(current.c.identifier, current.c.license_id).where(current.c.type_id == "real_estate_title")
        shown = connection.execute(query.order_by(current.c.license_id.desc())).first()
    case = counter.open(TEST.id, applicant=credit_code(1))
    assert by_material(counter.decide(case))["asked"]["outcome"] == "NEEDS_AUTHORIZATION"
    code, _until = make_code(hub, credit_code(1), shown.identifier)
    name = redeem(hub, code, case, "窗口07", counter.principal, "q" * 32)["id"]
    found = by_material(counter.decide(case))["asked"]
    assert (found["outcome"], found["evidence"]["identifier"], found["evidence"]["basis"]["kind"]) == ("EXEMPT", shown.identifier, "code")
    assert found["evidence"]["others"] == []
    withdraw(hub, credit_code(1), name)
    assert by_material(counter.decide(case))["asked"]["outcome"] == "NEEDS_AUTHORIZATION"


def test_case_is_decided_by_the_version_it_was_opened_under_and_opened_under_the_one_in_force(hub, counter):
    def with_versions(old, *new):
        listed = dict(hub.catalog.matters) | {TEST.id: (old, *new)[-1]}
        return replace(hub, catalog=replace(hub.catalog, matters=listed, former_matters={TEST.id: (old, *new)[:-1]}))

    began = counter.open(TEST.id, applicant=credit_code(1))
    later = replace(TEST, version="2", since="2026-12-01", materials=TEST.materials[:1])
    counter.hub = with_versions(TEST, later)
    assert set(by_material(counter.decide(began))) == set(by_material(counter.decide(counter.open(TEST.id, applicant=credit_code(1)))))
    counter.hub = with_versions(TEST, replace(later, since=TEST.since))
    assert set(by_material(counter.decide(began))) == {one.code for one in TEST.materials}
    assert set(by_material(counter.decide(counter.open(TEST.id, applicant=credit_code(1))))) == {"shop"}
    counter.hub = with_versions(TEST, replace(later, since=TEST.since, state="draft"))
    assert set(by_material(counter.decide(counter.open(TEST.id, applicant=credit_code(1))))) == {one.code for one in TEST.materials}


def test_t10_watched_number_of_a_party_sets_off_the_alarm(hub, counter):
    canaries.plant(hub, [credit_code(77)], "test")
    counter.decide(counter.open(TEST.id, applicant=credit_code(77)))
    assert {one.purpose for one in list_audit(hub, action=canaries.ACTION, limit=100)} == {"case", "decide"}


def test_closed_foreign_and_unknown_cases_are_refused_each_alone(hub, counter):
    other = Counter(hub)
    mine, closed, foreign = (
        counter.open(TEST.id, applicant=credit_code(1)),
        counter.open(TEST.id, applicant=credit_code(1)),
        other.open(TEST.id, applicant=credit_code(2)),
    )
    counter.close(closed)
    asked = [Asked(one, counter.principal) for one in (mine, closed, foreign, 9_999_999)]
    found = decide_cases(hub, asked)
    assert [type(one) for one in found[1:]] == [CaseNotOpen, NoSuchCase, NoSuchCase]
    assert found[0].told["case_id"] == mine
    disable(hub, counter.principal.client_id)
    with pytest.raises(NotAuthenticated):
        decide_case(hub, Asked(mine, counter.principal))


def test_every_look_is_in_its_subject_s_log_with_purpose_and_case(hub, counter):
    case = counter.open(TEST.id, applicant=credit_code(1))
    before = len(list_audit(hub, action="decide", limit=1000))
    counter.decide(case)
    looks = list_audit(hub, action="decide", limit=1000, holder_number=credit_code(1))[before:]
    assert [(one.status, one.code) for one in looks] == [
        ("EXEMPT", "IN_FORCE"), ("EXEMPT", "IN_FORCE"), ("EXEMPT", "SHARED_DATA"), ("NEEDS_AUTHORIZATION", "CONSENT_MISSING"),
        ("SUBMIT", "OWN_MATERIAL"),
    ]  # fmt: skip
    assert {one.purpose.split("：")[0] for one in looks} == {TEST.title} and {one.case_no for one in looks} != {None}


def test_many_cases_are_looked_up_together(hub, counter):
    def looks(count: int) -> int:
        asked = [Asked(counter.open(TEST.id, applicant=credit_code(number % 4)), counter.principal) for number in range(count)]
        seen: list[str] = []

        def note(_connection, _cursor, statement, *_rest):
            seen.append(statement)

        sa.event.listen(hub.engine, "before_cursor_execute", note)
        decide_cases(hub, asked)
        sa.event.remove(hub.engine, "before_cursor_execute", note)
        return sum(1 for one in seen if "FROM hub_holder" in one)

    assert looks(1) == looks(4) == 1


def test_decision_over_a_restarted_hub_finds_the_same(hub, options, clock, counter):
    case = counter.open(TEST.id, applicant=credit_code(1))
    told = by_material(counter.decide(case))
    again = open_hub(options, clock=clock, catalog=hub.catalog)
    clock.now += timedelta(seconds=1)
    fresh = by_material(decide_case(again, Asked(case, counter.principal)))
    assert {code: one["outcome"] for code, one in told.items()} == {code: one["outcome"] for code, one in fresh.items()}
    again.close()


def test_t15_suspended_or_missing_grant_is_a_refused_look_and_lets_later_ways_decide(hub, counter):
    case = counter.open(TEST.id, applicant=credit_code(1))
    [mine] = [one for one in grants(hub, client_id=counter.principal.client_id) if one.type_id == "business_license"]
    suspend(hub, mine.grant_id, "test")
    refused = by_material(counter.decide(case))["shop"]
    assert (refused["outcome"], refused["reason"], refused["evidence"]) == ("SUBMIT", "GRANT_SUSPENDED", None)
    suspend(hub, mine.grant_id, "test", again=True)
    assert by_material(counter.decide(case))["shop"]["outcome"] == "EXEMPT"
    other = Counter(hub)
    other.granted.add(TEST.id)
    found = by_material(other.decide(other.open(TEST.id, applicant=credit_code(1))))
    assert (found["shop"]["reason"], found["permit"]["outcome"]) == ("NO_GRANT", "DEPARTMENT_CHECK")
