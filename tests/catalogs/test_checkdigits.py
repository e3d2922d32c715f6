"""Check digits: golden vectors with their origin, equality with python-stdnum, and what a slip of the pen does."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import uscc as stdnum_uscc
from stdnum.iso7064 import mod_11_2, mod_37_36

from catalogs import checkdigits

VECTORS = yaml.safe_load(Path(__file__).with_name("vectors.yaml").read_text(encoding="utf-8"))
CASES = [
    pytest.param(kind, one["text"], outcome == "valid", id=f"{kind}-{outcome}-{one['text'][-20:]}")
    for kind, outcomes in VECTORS.items()
    for outcome, cases in outcomes.items()
    for one in cases
]
BASE_36 = checkdigits.ORGANIZATION_ALPHABET
digits = st.text("0123456789", min_size=17, max_size=17)
credit_bodies = st.from_regex(rf"[0-9]{{8}}[{checkdigits.USCC_ALPHABET}]{{9}}", fullmatch=True)


@pytest.mark.parametrize(("kind", "text", "right"), CASES)
def test_vector_of_the_standards_is_judged_as_printed(kind, text, right):
    assert getattr(checkdigits, kind)(text) is right


@pytest.mark.parametrize("code", [one["text"] for one in VECTORS["uscc"]["valid"]])
def test_organization_part_of_published_codes_is_right(code):
    assert checkdigits.organization_part(code)


def test_organization_part_of_a_really_issued_code_with_wrong_check_is_right():
    assert checkdigits.organization_part("91350211M0000XUF46")


@given(digits)
def test_citizen_check_equals_stdnum(body):
    check = mod_11_2.calc_check_digit(body)
    assert checkdigits.citizen_check(body) == check
    assert checkdigits.citizen_id(body + check)


@given(digits, st.sampled_from("0123456789X"))
def test_citizen_id_accepts_what_stdnum_accepts(body, last):
    assert checkdigits.citizen_id(body + last) == mod_11_2.is_valid(body + last)


@given(st.text("0123456789", min_size=15, max_size=15))
def test_fifteen_digit_number_becomes_a_right_eighteen_digit_one(old):
    new = checkdigits.citizen_id_18(old)
    assert checkdigits.citizen_id(new)
    assert new[:6] + new[8:17] == old
    assert new[6:8] == "19"


@given(credit_bodies)
def test_uscc_check_equals_stdnum(body):
    check = stdnum_uscc.calc_check_digit(body)
    assert checkdigits.uscc_check(body) == check
    assert checkdigits.uscc(body + check)


@given(credit_bodies, st.sampled_from(checkdigits.USCC_ALPHABET))
def test_uscc_accepts_what_stdnum_accepts(body, last):
    assert checkdigits.uscc(body + last) == stdnum_uscc.is_valid(body + last)


@given(st.text(BASE_36, min_size=1, max_size=90))
def test_mod_37_36_equals_stdnum(body):
    assert checkdigits.mod_37_36_check(body) == mod_37_36.calc_check_digit(body)


@given(st.text(BASE_36, min_size=8, max_size=8))
def test_organization_check_makes_the_weighted_sum_divisible_by_eleven(body):
    check = checkdigits.organization_check(body)
    total = sum(int(one, 36) * weight for one, weight in zip(body, (3, 7, 9, 10, 5, 8, 4, 2), strict=True))
    assert (total + (10 if check == "X" else int(check))) % 11 == 0


@given(digits, st.integers(0, 16), st.integers(1, 9))
def test_citizen_id_with_one_digit_changed_is_refused(body, place, step):
    number = body + checkdigits.citizen_check(body)
    other = str((int(number[place]) + step) % 10)
    assert not checkdigits.citizen_id(number[:place] + other + number[place + 1 :])


@given(digits, st.integers(0, 15))
def test_citizen_id_with_neighbours_swapped_is_refused(body, place):
    number = body + checkdigits.citizen_check(body)
    swapped = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
    assert checkdigits.citizen_id(swapped) == (swapped == number)


@given(credit_bodies, st.integers(8, 16), st.integers(1, 30))
def test_uscc_with_one_character_changed_is_refused(body, place, step):
    code = body + checkdigits.uscc_check(body)
    alphabet = checkdigits.USCC_ALPHABET
    other = alphabet[(alphabet.index(code[place]) + step) % 31]
    assert not checkdigits.uscc(code[:place] + other + code[place + 1 :])


def test_numbers_of_the_sample_province_are_right_by_their_check_digit_alone():
    body = "99010119000230001"
    assert checkdigits.citizen_id(body + checkdigits.citizen_check(body))


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (checkdigits.citizen_check, "1" * 16),
        (checkdigits.citizen_check, "１" * 17),
        (checkdigits.citizen_id_18, "1" * 14),
        (checkdigits.uscc_check, "O" * 17),
        (checkdigits.uscc_check, "1" * 16),
        (checkdigits.organization_check, "a" * 8),
        (checkdigits.organization_part, "1" * 17),
        (checkdigits.mod_37_36_check, "a"),
    ],
)
def test_check_of_input_outside_the_alphabet_raises_value_error(function, text):
    with pytest.raises(ValueError, match=r"expected|not found"):
        function(text)
