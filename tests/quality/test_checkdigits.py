"""The SQL macros of check digits equal catalogs/checkdigits.py and python-stdnum, on vectors, on right codes and on altered ones."""

from __future__ import annotations

import pytest
import stdnum.cn.ric
import stdnum.cn.uscc
import stdnum.iso7064.mod_37_36
from hypothesis import given, settings
from hypothesis import strategies as st

from catalogs import checkdigits
from quality.sql import compose, literal

DIGITS = "0123456789"
CAPITALS = checkdigits.ORGANIZATION_ALPHABET
USCC = checkdigits.USCC_ALPHABET


@pytest.fixture(scope="module")
def ask(duck):
    def run(template: str, text: str | None):
        return duck.execute(compose(template, x=literal(text)).text).fetchall()[0][0]

    return run


CITIZEN = "SELECT citizen_id_ok(x, is_citizen_form(x), citizen_number(x)) FROM (SELECT {x}::VARCHAR AS x)"
bodies = st.text(DIGITS, min_size=17, max_size=17)
credit_bodies = st.builds(
    "{}{}{}".format, st.text(USCC, min_size=2, max_size=2), st.text(DIGITS, min_size=6, max_size=6), st.text(USCC, min_size=9, max_size=9)
)


@settings(deadline=None, max_examples=100)
@given(bodies, st.sampled_from("0123456789X"))
def test_citizen_number_macro_equals_python_and_stdnum(ask, body, last):
    number = body + last
    expected = checkdigits.citizen_id(number)
    assert ask(CITIZEN, number) is expected
    assert expected is (stdnum.cn.ric.calc_check_digit(number) == last)
    assert ask(CITIZEN, body + checkdigits.citizen_check(body)) is True


@settings(deadline=None, max_examples=100)
@given(st.text(DIGITS + "XxEe+-._ ", max_size=20))
def test_citizen_number_macro_refuses_what_is_no_number(ask, text):
    assert ask(CITIZEN, text) is checkdigits.citizen_id(text)


@settings(deadline=None, max_examples=100)
@given(st.text(DIGITS, min_size=15, max_size=15))
def test_fifteen_digits_become_the_same_eighteen(ask, old):
    assert ask("SELECT value_citizen_id({x})", old) == checkdigits.citizen_id_18(old)


@settings(deadline=None, max_examples=100)
@given(credit_bodies, st.sampled_from(USCC))
def test_credit_code_macro_equals_python_and_stdnum(ask, body, last):
    code = body + last
    expected = checkdigits.uscc(code)
    assert ask("SELECT uscc_ok({x})", code) is expected
    assert expected is (stdnum.cn.uscc.calc_check_digit(code) == last)
    assert ask("SELECT uscc_ok({x})", body + checkdigits.uscc_check(body)) is True


@settings(deadline=None, max_examples=100)
@given(st.text(CAPITALS + "x ", min_size=15, max_size=19))
def test_credit_code_macro_refuses_other_forms(ask, text):
    assert ask("SELECT uscc_ok({x})", text) is checkdigits.uscc(text)


@settings(deadline=None, max_examples=100)
@given(st.text(CAPITALS, min_size=8, max_size=8), st.sampled_from("0123456789XA"))
def test_organization_part_macro_equals_python(ask, body, last):
    code = "91350100" + body + last + "3"
    assert ask("SELECT organization_ok({x}, 9)", code) is checkdigits.organization_part(code)
    right = "91350100" + body + checkdigits.organization_check(body) + "3"
    assert ask("SELECT organization_ok({x}, 9)", right) is True


@settings(deadline=None, max_examples=100)
@given(st.text(CAPITALS, min_size=1, max_size=60))
def test_mod_37_36_macro_equals_python_and_stdnum(ask, body):
    check = ask("SELECT mod_37_36_check({x})", body)
    assert check == checkdigits.mod_37_36_check(body) == stdnum.iso7064.mod_37_36.calc_check_digit(body)


VECTORS = {
    "11010519491231002X": True, "440524188001010014": True, "110105194912310021": False, "000000180001010018": True,
    "999999177607040079": True, "99999915991231011X": True, "11010519491231002x": False,
}  # fmt: skip
CREDIT_VECTORS = {
    "91350100M000100Y43": True, "91110000600037341L": True, "11100000000013338W": True, "12441500196720244T": True,
    "91350100M000100Y4A": False, "91350211M0000XUF46": False, "91110000400000705J": False, "91110000600037341": False,
}  # fmt: skip
IDENTIFIERS = {
    "1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U": True,
    "1.2.156.3005.2.11100000000013338W009.11330105002500287C.2025052201.002.0": True,
    "1.2.156.3005.2.11100000MB03271699022.340100.000000016.001.9": True,
    "1.2.156.3005.2.11100000000013661B006.113700000045046442.209FA4E88F9E4C878F3E9BED2CE7EA49.001.M": False,
    "1.2.156.3005.3.11100000000013338W011.11430000006122244L.20230000403.001.U": False,
}


@pytest.mark.parametrize("number", VECTORS)
def test_citizen_vectors(ask, number):
    assert ask(CITIZEN, number) is VECTORS[number]


@pytest.mark.parametrize("code", CREDIT_VECTORS)
def test_credit_code_vectors(ask, code):
    assert ask("SELECT uscc_ok({x})", code) is CREDIT_VECTORS[code]


@pytest.mark.parametrize("identifier", IDENTIFIERS)
def test_license_identifier_vectors(ask, identifier):
    assert ask("SELECT license_identifier_ok({x})", identifier) is IDENTIFIERS[identifier] is checkdigits.license_identifier(identifier)


@pytest.mark.parametrize(
    "template", [CITIZEN, "SELECT uscc_ok({x})", "SELECT organization_ok({x}, 9)", "SELECT license_identifier_ok({x})"]
)
def test_nothing_to_check_is_undefined(ask, template):
    assert ask(template.replace("{x}", "{x}::VARCHAR"), None) is None
