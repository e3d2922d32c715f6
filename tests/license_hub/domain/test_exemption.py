from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs.matter import CancelWay, CheckWay, DeferWay, LicenseWay, Material, PromiseWay, ShareWay
from license_hub.domain.exemption import Decided, Facts, License, Outcome, Question, Reason, SharedRow, decide
from license_hub.domain.verdict import Code

TODAY = date(2026, 11, 22)
BY_LICENSE = LicenseWay(("permit",), ("名称", "住所"), "B", 30, ("9901",))
BY_ROW = ShareWay("base", "number", ("name",), {"status": ("1",)})
CHECK, PROMISE, DEFER = CheckWay("market", 2), PromiseWay("t", "l", 10), DeferWay("t", "l", 5)
FACE = frozenset({"名称", "住所"})
GOOD = License("permit", "id-1", 7, "990101", Code.IN_FORCE, "A", date(2027, 1, 1), "2026-11-21T00:00:00Z", False, FACE)
ROW = SharedRow("base", "1/2", {"name": "甲", "status": "1"}, "2026-11-21T00:00:00Z", False, False)


def material(*ways, channel: str = "20", consent: str = "duty") -> Material:
    return Material("m", "材料", channel, "1", "原件", "applicant", "market", consent, ways)


def of_licenses(*found: License, **more) -> Facts:
    return Facts(licenses={"permit": found}, **more)


def test_license_in_force_exempts_and_says_what_is_relied_on():
    found = decide(material(BY_LICENSE), of_licenses(GOOD), TODAY)
    assert (found.outcome, found.reason, found.way, found.license, found.fields) == (Outcome.EXEMPT, "IN_FORCE", 0, GOOD, ("名称", "住所"))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"code": Code.REVOKED}, "REVOKED"),
        ({"code": Code.STATUS_NOT_PROVIDED}, "STATUS_NOT_PROVIDED"),
        ({"code": Code.PROOF_BAD}, "PROOF_BAD"),
        ({"grade": "C"}, "GRADE_TOO_LOW"),
        ({"valid_to": date(2026, 12, 21)}, "DAYS_TOO_FEW"),
        ({"division": "990201"}, "OTHER_REGION"),
        ({"face": frozenset({"名称"})}, "FACE_INCOMPLETE"),
        ({"change_held": True}, "CHANGE_HELD"),
        ({"under_correction": frozenset({"住所"})}, "UNDER_CORRECTION"),
        ({"under_correction": frozenset({"status"})}, "UNDER_CORRECTION"),
    ],
)
def test_license_that_does_not_count_is_handed_in_for_its_own_reason(changes, reason):
    found = decide(material(BY_LICENSE), of_licenses(replace(GOOD, **changes)), TODAY)
    assert (found.outcome, found.reason) == (Outcome.SUBMIT, reason)
    assert [one.identifier for one in found.tried] == ["id-1"]


@pytest.mark.parametrize("valid_to", [date(2026, 12, 22), None])
def test_license_valid_for_exactly_the_days_asked_counts(valid_to):
    assert decide(material(BY_LICENSE), of_licenses(replace(GOOD, valid_to=valid_to)), TODAY).outcome is Outcome.EXEMPT


def test_license_of_a_late_source_or_with_another_field_in_doubt_still_counts():
    one = replace(GOOD, late=True, under_correction=frozenset({"电话"}))
    assert decide(material(BY_LICENSE), of_licenses(one), TODAY).outcome is Outcome.EXEMPT


def test_candidates_are_ranked_by_grade_then_validity_then_freshness():
    worse = replace(GOOD, identifier="id-2", grade="B", valid_to=None)
    longer = replace(GOOD, identifier="id-3", valid_to=None)
    fresher = replace(longer, identifier="id-4", as_of="2026-11-22T00:00:00Z")
    found = decide(material(BY_LICENSE), of_licenses(GOOD, worse, longer, fresher), TODAY)
    assert (found.license.identifier, found.others) == ("id-4", ("id-3", "id-1", "id-2"))


@pytest.mark.parametrize("cause", [Code.NOT_COVERED, Code.IN_QUARANTINE, Code.SOURCE_LATE, Code.NOT_FOUND, Code.HELD, Code.VERIFY_ONLY])
def test_each_cause_of_nothing_found_is_a_reason_of_its_own(cause):
    found = decide(material(BY_LICENSE), Facts(absent={"permit": cause}), TODAY)
    assert (found.outcome, found.reason) == (Outcome.SUBMIT, cause.value)


def test_shared_row_exempts_where_its_values_are_the_ones_asked():
    found = decide(material(BY_LICENSE, BY_ROW), Facts(rows={"base": (ROW,)}), TODAY)
    assert (found.outcome, found.reason, found.way, found.row, found.fields) == (Outcome.EXEMPT, Reason.SHARED_DATA, 1, ROW, ("name",))
    assert [one.reason for one in found.tried] == ["NOT_FOUND"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [(replace(ROW, values={"status": "2"}), Reason.DATA_DIFFERS), (replace(ROW, values={}), Reason.DATA_DIFFERS),
     (replace(ROW, values={"status": "1"}), Reason.DATA_INCOMPLETE), (replace(ROW, stale=True), Reason.DATA_STALE)],
)  # fmt: skip
def test_shared_row_that_does_not_count_is_no_exemption(row, reason):
    assert decide(material(BY_ROW), Facts(rows={"base": (row,)}), TODAY).reason == reason


def test_missing_word_of_the_holder_says_nothing_of_what_there_is():
    asked = material(BY_LICENSE, BY_ROW, PROMISE, consent="holder")
    refused = {"permit": "NEEDS_AUTHORIZATION", "base": "NEEDS_AUTHORIZATION"}
    with_one, without = decide(asked, Facts(refused, {"permit": (GOOD,)}, {"base": (ROW,)}), TODAY), decide(asked, Facts(refused), TODAY)
    assert with_one == without
    assert (with_one.outcome, with_one.alternatives) == (Outcome.NEEDS_AUTHORIZATION, ("promise",))


def test_missing_grant_is_the_caller_s_own_and_lets_later_ways_decide():
    refused = {"permit": "NO_GRANT"}
    assert decide(material(BY_LICENSE, DEFER), Facts(refused), TODAY).outcome is Outcome.DEFERRED
    found = decide(material(BY_LICENSE), Facts(refused), TODAY)
    assert (found.outcome, found.reason) == (Outcome.SUBMIT, "NO_GRANT")


def test_department_s_answer_decides():
    def asked(answer, *more, due=date(2026, 11, 24)):
        return decide(material(BY_LICENSE, CHECK, *more), Facts(question=Question("t", due, answer) if answer != "never" else None), TODAY)

    assert asked("never").outcome is asked(None).outcome is Outcome.DEPARTMENT_CHECK
    assert asked(None, due=date(2026, 11, 21)).reason == Reason.CHECK_OVERDUE
    assert (asked("CONFIRMED").outcome, asked("CONFIRMED").reason) == (Outcome.EXEMPT, Reason.DEPARTMENT_CONFIRMED)
    assert (asked("DENIED").outcome, asked("DENIED").reason) == (Outcome.SUBMIT, Reason.DEPARTMENT_DENIED)
    assert asked("UNKNOWN", PROMISE).outcome is Outcome.PROMISE
    assert asked("DENIED").tried[0].reason == "NOT_FOUND"


def test_promise_deferral_and_cancelled_carry_their_day():
    assert decide(material(PROMISE), Facts(), TODAY).due_on == date(2026, 12, 2)
    assert decide(material(DEFER), Facts(), TODAY).due_on == date(2026, 11, 27)
    assert decide(material(CancelWay("b")), Facts(party_known=False), TODAY).outcome is Outcome.CANCELLED


def test_material_without_ways_or_party_is_handed_in_for_a_reason():
    assert decide(material(), Facts(), TODAY).reason == Reason.NO_WAY
    assert decide(material(channel="10"), Facts(), TODAY).reason == Reason.OWN_MATERIAL
    assert decide(material(BY_LICENSE), of_licenses(GOOD, party_known=False), TODAY).reason == Reason.PARTY_MISSING


WAYS = st.lists(st.sampled_from([BY_LICENSE, BY_ROW, CHECK, PROMISE, DEFER, CancelWay("b")]), max_size=4)
LICENSES = st.lists(
    st.builds(replace, st.just(GOOD), code=st.sampled_from(Code), grade=st.sampled_from("ABCD"), change_held=st.booleans(),
              identifier=st.sampled_from(["a", "b", "c"])), max_size=3,
)  # fmt: skip
REFUSED = st.dictionaries(st.sampled_from(["permit", "base"]), st.sampled_from(["NO_GRANT", "NEEDS_AUTHORIZATION"]))
ROWS = st.lists(st.builds(replace, st.just(ROW), stale=st.booleans()), max_size=2)
ANSWERS = st.sampled_from([None, "CONFIRMED", "DENIED", "UNKNOWN"])


@given(WAYS, LICENSES, ROWS, REFUSED, st.none() | ANSWERS.map(lambda one: Question("t", TODAY, one)))
def test_every_decision_is_explained_and_no_exemption_lacks_evidence_one_may_look_at(ways, licenses, rows, refused, question):
    facts = Facts(refused, {"permit": tuple(licenses)}, {"base": tuple(rows)}, question=question)
    found: Decided = decide(material(*ways), facts, TODAY)
    assert found.reason
    if found.outcome is Outcome.EXEMPT:
        by_license = found.license is not None and found.license.code is Code.IN_FORCE and "permit" not in refused
        by_row = found.row is not None and not found.row.stale and "base" not in refused
        assert by_license or by_row or (question is not None and question.answer == "CONFIRMED")
    if found.outcome is not Outcome.SUBMIT:
        assert ways[found.way].kind
