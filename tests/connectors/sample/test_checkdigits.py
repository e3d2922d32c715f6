"""The generator's own check characters against python-stdnum."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import ric, uscc
from stdnum.iso7064 import mod_11_10

from connectors.sample import checkdigits

CREDIT = checkdigits.CREDIT_ALPHABET.decode()


def rows(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("ascii"), dtype=np.uint8)[None, :]


@given(st.text("0123456789", min_size=17, max_size=17))
def test_citizen_check_equals_stdnum(head):
    assert chr(checkdigits.citizen(rows(head))[0]) == ric.calc_check_digit(head + "0")


@given(st.text(CREDIT, min_size=17, max_size=17))
def test_credit_check_equals_stdnum(head):
    assert chr(checkdigits.credit(rows(head))[0]) == uscc.calc_check_digit(head)


@given(st.text("0123456789", min_size=13, max_size=13))
def test_permit_check_equals_stdnum(head):
    assert chr(checkdigits.permit(rows(head))[0]) == mod_11_10.calc_check_digit(head)


def test_organ_check_of_published_codes_holds():
    """Positions 9–17 of credit codes in standards.md §2.2."""
    for code in ("91350100M000100Y43", "11100000000013338W", "11100000MB03271699", "12441500196720244T", "9144030071526726XG"):
        assert chr(checkdigits.organ(rows(code[8:16]))[0]) == code[16]
