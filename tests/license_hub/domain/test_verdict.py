from __future__ import annotations

import itertools
from datetime import UTC, date, datetime

import pytest

from license_hub.domain.lifecycle import STORED_STATES, State
from license_hub.domain.verdict import Absent, Code, Found, Proof, Status, decide

NOW = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
AS_OF = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
PAST = date(2026, 11, 20)
UNDETERMINED = {
    "STATUS_NOT_PROVIDED", "SOURCE_NO_LONGER_PROVIDES", "HELD", "NOT_FOUND", "NOT_COVERED", "IN_QUARANTINE", "SOURCE_LATE", "PROOF_PENDING",
    "VERIFY_ONLY",
    "ERASED", "FILE_UNKNOWN",
}  # fmt: skip


def code(found, **more) -> str:
    return decide(found, now=NOW, as_of=AS_OF, **more).code.value


def expected(state: State, newest: bool, proof: Proof, expired: bool, mismatched: bool) -> str:
    """The truth table in other words than the code's."""
    if proof is Proof.BAD:
        return "PROOF_BAD"
    if mismatched:
        return "CONTENT_MISMATCH"
    ended = state.value in ("CANCELLED", "WITHDRAWN", "REVOKED")
    if ended:
        return state.value
    if not newest:
        return "SUPERSEDED"
    if state.value in ("EXPIRED", "MOVED_OUT"):
        return state.value
    if expired:
        return "EXPIRED"
    if state.value in ("NOT_ACTIVE", "SUSPENDED"):
        return state.value
    return "PROOF_PENDING" if proof is Proof.OVERDUE else state.value


@pytest.mark.parametrize("state", sorted(STORED_STATES))
def test_truth_table_of_what_was_found(state):
    for newest, proof, expired, mismatched in itertools.product((True, False), Proof, (True, False), (True, False)):
        found = Found(state, newest, proof, valid_to=PAST if expired else None, mismatched=("CZZT",) if mismatched else ())
        wanted = expected(state, newest, proof, expired, mismatched)
        assert code(found) == wanted, (newest, proof, expired, mismatched)


@pytest.mark.parametrize(("held", "quarantined", "covered", "late"), list(itertools.product((True, False), repeat=4)))
def test_truth_table_of_why_nothing_was_found(held, quarantined, covered, late):
    wanted = (
        "HELD" if held else "IN_QUARANTINE" if quarantined else "NOT_COVERED" if not covered else "SOURCE_LATE" if late else "NOT_FOUND"
    )
    assert code(Absent(held, quarantined, covered, late)) == wanted


def test_valid_is_said_of_one_state_whose_proof_is_good_or_on_its_way():
    said = set()
    for state, newest, proof, mismatched in itertools.product(sorted(STORED_STATES), (True, False), Proof, ((), ("CZZT",))):
        if decide(Found(state, newest, proof, mismatched=mismatched), now=NOW, as_of=AS_OF).status is Status.VALID:
            said.add((state, newest, proof, mismatched))
    assert said == {(State.IN_FORCE, True, Proof.GOOD, ()), (State.IN_FORCE, True, Proof.PENDING, ())}


def test_malformed_identifier_is_settled_before_any_look_up():
    assert code(None, malformed=True) == "IDENTIFIER_MALFORMED"
    assert code(Found(State.IN_FORCE, True, Proof.GOOD), malformed=True) == "IDENTIFIER_MALFORMED"


def test_verify_only_type_is_never_found():
    assert code(None, verify_only=True) == "VERIFY_ONLY"


def test_nothing_known_at_all_is_a_fault_not_a_verdict():
    with pytest.raises(ValueError, match="neither found"):
        code(None)


def test_mismatch_names_fields_never_values():
    found = Found(State.IN_FORCE, True, Proof.GOOD, mismatched=("CZZT", "ZZBH"))
    verdict = decide(found, now=NOW, as_of=AS_OF, evidence={"grade": "A"})
    assert verdict.evidence == {"grade": "A", "mismatched": ["CZZT", "ZZBH"]}
    assert (verdict.status, verdict.as_of) == (Status.INVALID, AS_OF)


@pytest.mark.parametrize("one", Code)
def test_status_follows_from_the_code(one):
    wanted = "VALID" if one is Code.IN_FORCE else "UNDETERMINED" if one.value in UNDETERMINED else "INVALID"
    assert one.status.value == wanted


def test_every_state_is_a_code():
    assert {state.value for state in State} <= {one.value for one in Code}


def test_every_code_has_its_sentence_and_next_step(catalog):
    missing = [one.value for one in Code if one.value not in catalog.messages or not catalog.messages[one.value].next_step]
    assert missing == []
