"""The code a holder shows: its form, its size on a screen, and that nothing but what was signed is read back."""

from __future__ import annotations

import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st

from license_hub.errors import TokenMalformed
from license_hub.paper import qr
from license_hub.signing import base45, presentation
from license_hub.signing.suites import HeldSigner, suite

SIGNERS = {alg: HeldSigner(alg, suite(alg).generate()) for alg in ("Ed25519", "ES256", "SM2")}


@given(st.binary(max_size=200))
def test_base45_gives_back_what_it_was_given(data):
    assert base45.decode(base45.encode(data)) == data


def test_base45_is_that_of_rfc_9285():
    assert (base45.encode(b"AB"), base45.encode(b"Hello!!"), base45.encode(b"ietf!")) == ("BB8", "%69 VD92EX0", "QED8WEX0")
    assert base45.decode("QED8WEX0") == b"ietf!"


@pytest.mark.parametrize("text", ["A", "GGW", ":::", "Z!Z", "::", "aa", "QED8WEX"])
def test_base45_refuses_what_no_bytes_are_written_as(text):
    with pytest.raises(ValueError, match="base45"):
        base45.decode(text)


@given(st.text(base45.ALPHABET, max_size=60))
def test_base45_has_one_spelling(text):
    try:
        data = base45.decode(text)
    except ValueError:
        return
    assert base45.encode(data) == text


@pytest.mark.parametrize("alg", SIGNERS)
def test_code_is_read_back_and_verifies_under_its_key(alg):
    signer, name = SIGNERS[alg], "0123456789abcdef" * 2
    text = presentation.make(signer, name, 1_800_000_000)
    read = presentation.read(text)
    assert (read.kid, read.id, read.expires_at, len(text)) == (signer.kid, name, 1_800_000_000, presentation.CHARS)
    assert suite(alg).verify(signer.public, read.signed, read.signature)


@pytest.mark.parametrize("alg", SIGNERS)
def test_code_fits_a_qr_code_of_version_7_at_level_m_and_is_read_from_its_image(alg):
    text = presentation.make(SIGNERS[alg], "ff" * 16, 4_294_967_295)
    made = zxingcpp.create_barcode(text, zxingcpp.QRCode, ec_level="M")
    side = made.to_image(scale=1, add_quiet_zones=False).shape[0]
    assert side == qr.modules(text) and (side - 17) // 4 <= 7 and made.ec_level == "M"
    [found] = zxingcpp.read_barcodes(made.to_image(scale=3), formats=zxingcpp.QRCode)
    assert found.text == text


@given(st.data())
def test_t4_any_changed_character_gives_no_code_or_one_that_does_not_verify(data):
    signer = SIGNERS["Ed25519"]
    text = presentation.make(signer, "0a" * 16, 1_800_000_000)
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from(base45.ALPHABET + "az\n\u202e"))
    changed = text[:place] + other + text[place + 1 :]
    if changed == text:
        return
    try:
        read = presentation.read(changed)
    except TokenMalformed:
        return
    assert read.kid != signer.kid or not suite("Ed25519").verify(signer.public, read.signed, read.signature)


def test_code_of_a_key_whose_signatures_are_long_is_refused():
    with pytest.raises(ValueError, match="do not fit"):
        presentation.make(HeldSigner("ML-DSA-44", suite("ML-DSA-44").generate()), "00" * 16, 1)
