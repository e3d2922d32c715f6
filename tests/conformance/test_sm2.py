"""The outsider's SM2 against the standard's own values and against libcrypto, which signs for the hub."""

from __future__ import annotations

import os

import pytest

from license_hub.signing.sm2 import SM2
from tests.conformance import sm2


@pytest.mark.parametrize(
    ("text", "digest"),
    [
        (b"abc", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
        (b"abcd" * 16, "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"),
    ],
)
def test_sm3_gives_the_values_of_the_standard(text, digest):
    """Source: GB/T 32905-2016, annex A."""
    assert sm2.sm3(text).hex() == digest


def test_signatures_of_libcrypto_verify_and_those_of_other_keys_and_messages_do_not():
    suite = SM2()
    one, other = (suite.load(suite.generate()) for _ in range(2))
    for size in (0, 1, 55, 56, 64, 300):
        message = os.urandom(size)
        signature = one.sign(message)
        assert sm2.verifies(one.public, message, signature)
        assert not sm2.verifies(one.public, message + b"x", signature)
        assert not sm2.verifies(other.public, message, signature)


@pytest.mark.parametrize("public", [b"", bytes(65), b"\x04" + bytes(64), b"\x04" + b"\xff" * 64])
def test_key_that_is_no_point_of_the_curve_verifies_nothing(public):
    assert not sm2.verifies(public, b"text", bytes(31) + b"\1" + bytes(31) + b"\1")
