from __future__ import annotations

import itertools

import pytest

from license_hub.domain.policy import GRADES, SealState, grade


@pytest.mark.parametrize(("seal", "verified", "cap"), list(itertools.product(SealState, (True, False), GRADES)))
def test_grade_is_the_worst_of_its_caps(seal, verified, cap):
    by_seal = {"VERIFIED": "A", "PRESENT": "B", "ABSENT": "C"}[seal.value]
    assert grade(seal, verified, cap) == sorted([by_seal, "A" if verified else "C", cap])[-1]


def test_grade_a_needs_seal_holder_and_type():
    given = [one for one in itertools.product(SealState, (True, False), GRADES) if grade(*one) == "A"]
    assert given == [(SealState.VERIFIED, True, "A")]


@pytest.mark.parametrize("cap", ["", "E", "a", "AA"])
def test_grade_under_a_cap_that_is_none_is_refused(cap):
    with pytest.raises(ValueError, match="no grade"):
        grade(SealState.VERIFIED, True, cap)
