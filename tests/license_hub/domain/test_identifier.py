from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.iso7064 import mod_37_36

from license_hub.domain import identifier
from license_hub.domain.identifier import Finding, Identifier

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
TYPE, ISSUER = "11100000000013338W999", "91350100M000100Y43"

# standards.md §1.1: public ones first, then synthetic.
VALID = [
    "1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U",
    "1.2.156.3005.2.11100000000013338W009.11330105002500287C.2025052201.002.0",
    "1.2.156.3005.2.11100000000013338W999.91350100M000100Y43.TEST0001.001.1",
    "1.2.156.3005.2.11100000000013338W999.91350100M000100Y43.TEST0001.002.0",
    "1.2.156.3005.2.11100000000013338W999.91350100M000100Y43.00000000000000000001.001.H",
    "1.2.156.3005.2.11100000MB03271699999.11110000000021135M.ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ.001.M",
    "1.2.156.3005.2.11100000000013661B999.11110000000021135M.A1.999.Y",
    "1.2.156.3005.2.11100000000013338W999.11110000000021135M.X.001.E",
    "1.2.156.3005.2.11100000000013338W999.11110000000021135M.20260101000001.001.M",
    "1.2.156.3005.2.11100000MB03271699999.11110000000021135M.0.001.E",
]
SIX_DIGIT_ISSUER = "1.2.156.3005.2.11100000MB03271699022.340100.000000016.001.9"
ALTERED = "1.2.156.3005.2.11100000000013661B006.113700000045046442.209FA4E88F9E4C878F3E9BED2CE7EA49.001.M"
DERIVED_INVALID = [
    VALID[0][:-1] + "V",
    VALID[0].replace(".001.", ".002."),
    VALID[0].replace("244L", "244l"),
    VALID[0].replace(".20230000403", "-20230000403"),
    VALID[0] + ".1",
]


@pytest.mark.parametrize("text", VALID)
def test_valid_vector_parses_and_has_no_finding(text):
    found = identifier.parse(text)
    assert str(found) == text
    assert identifier.inspect(text) == []


@pytest.mark.parametrize("text", DERIVED_INVALID)
def test_derived_twin_is_refused_and_unusable(text):
    with pytest.raises(ValueError):
        identifier.parse(text)
    assert identifier.unusable(identifier.inspect(text))


def test_received_with_a_six_digit_issuer_is_usable_with_a_finding_of_standard_0101():
    assert identifier.inspect(SIX_DIGIT_ISSUER) == [Finding("0101", "ISSUER_CODE_FORM", False)]
    assert not identifier.unusable(identifier.inspect(SIX_DIGIT_ISSUER))
    with pytest.raises(ValueError, match="issuer"):
        identifier.parse(SIX_DIGIT_ISSUER)


def test_received_with_a_wrong_check_character_has_a_finding_of_format_0302():
    findings = identifier.inspect(ALTERED)
    assert Finding("0302", "CHECK_CHARACTER", True) in findings
    assert identifier.unusable(findings)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "MALFORMED"),
        ("1.2.156.3005.2", "MALFORMED"),
        ("1.2.156.3005.3" + VALID[0][14:], "MALFORMED"),
        (VALID[0] + "\n", "MALFORMED"),
        (" " + VALID[0], "MALFORMED"),
        ("１" + VALID[0][1:], "MALFORMED"),
        ("1" * 129, "TOO_LONG"),
    ],
)
def test_received_of_another_form_is_unusable(text, code):
    assert identifier.inspect(text) == [Finding("0101", code, True)]


@pytest.mark.parametrize(
    ("parts", "code", "indicator"),
    [
        (("11100000000013338W99", ISSUER, "A", "001"), "TYPE_CODE_FORM", "0101"),
        (("11100000000013338X999", ISSUER, "A", "001"), "TYPE_CODE_CHECK_CHARACTER", "0302"),
        ((TYPE, "91350100M000100Y44", "A", "001"), "ISSUER_CODE_CHECK_CHARACTER", "0302"),
        ((TYPE, ISSUER, "A" * 33, "001"), "SERIAL_LENGTH", "0101"),
        ((TYPE, ISSUER, "A", "000"), "VERSION_ZERO", "0101"),
    ],
)
def test_received_with_one_odd_part_has_that_finding_and_is_usable(parts, code, indicator):
    text = ".".join((identifier.ROOT_OID, *parts, mod_37_36.calc_check_digit("".join(parts))))
    assert identifier.inspect(text) == [Finding(indicator, code, False)]
    with pytest.raises(ValueError):
        identifier.parse(text)


@given(st.text(ALPHABET, min_size=1, max_size=32), st.integers(1, 999))
def test_minted_identifier_has_the_check_character_of_python_stdnum(serial, version):
    text = identifier.mint(TYPE, ISSUER, serial, version)
    head, _, check = text.rpartition(".")
    assert mod_37_36.calc_check_digit("".join(head.split(".")[5:])) == check
    assert identifier.parse(text) == Identifier(TYPE, ISSUER, serial, f"{version:03d}")
    assert identifier.inspect(text) == []


@given(st.text(ALPHABET, min_size=1, max_size=32), st.integers(0, 75), st.sampled_from(ALPHABET))
def test_minted_identifier_with_one_character_changed_is_unusable(serial, place, letter):
    text = identifier.mint(TYPE, ISSUER, serial, 1)
    start = len(identifier.ROOT_OID) + 1
    at = start + place % (len(text) - start)
    twin = text[:at] + letter + text[at + 1 :]
    assert twin == text or identifier.unusable(identifier.inspect(twin))


@given(st.text(max_size=140))
def test_inspect_of_any_text_answers(text):
    assert identifier.unusable(identifier.inspect(text)) or identifier.ROOT_OID in text


@pytest.mark.parametrize(
    "parts",
    [
        ("11100000000013338W99", ISSUER, "A", 1),
        ("11100000000013338X999", ISSUER, "A", 1),
        (TYPE, "340100", "A", 1),
        (TYPE, "91350100M000100Y44", "A", 1),
        (TYPE, ISSUER, "", 1),
        (TYPE, ISSUER, "a", 1),
        (TYPE, ISSUER, "A" * 33, 1),
        (TYPE, ISSUER, "A", 0),
        (TYPE, ISSUER, "A", 1000),
        (TYPE, ISSUER, "A", "1"),
        (TYPE, ISSUER, "A.B", 1),
    ],
)
def test_mint_of_parts_against_the_rules_is_refused(parts):
    with pytest.raises(ValueError):
        identifier.mint(*parts)


@given(st.binary(min_size=16, max_size=16))
def test_serial_is_25_capitals_that_keep_all_128_bits(random16):
    made = identifier.serial(random16)
    assert len(made) == 25
    assert set(made) <= set(ALPHABET)
    assert int(made, 36).to_bytes(16, "big") == random16


def test_serial_from_another_length_is_refused():
    with pytest.raises(ValueError, match="16 random bytes"):
        identifier.serial(b"short")
