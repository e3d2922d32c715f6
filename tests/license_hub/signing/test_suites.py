"""What every suite must do, and the known answers of ML-DSA-44 and ES256. SM2 has a module of its own."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from license_hub.errors import SigningError
from license_hub.signing.es256 import ORDER, low
from license_hub.signing.keyring import InsecureDevSigner
from license_hub.signing.suites import SUITES, kid, suite

ALL = sorted(SUITES)
SIZES = {"Ed25519": (32, 64), "SM2": (65, 64), "ML-DSA-44": (1312, 2420), "ES256": (65, 64)}


@pytest.mark.parametrize("alg", ALL)
def test_suite_signs_and_verifies_and_keys_have_their_raw_sizes(alg):
    made = suite(alg)
    private = made.generate()
    signer = InsecureDevSigner(alg, private)
    signature = signer.sign(b"data")
    assert (len(private), (len(signer.public), len(signature))) == (32, SIZES[alg])
    assert made.verify(signer.public, b"data", signature) and not made.verify(signer.public, b"date", signature)
    assert signer.kid == kid(signer.public)


@pytest.mark.parametrize("alg", ALL)
def test_suite_signature_of_another_key_or_suite_is_refused(alg):
    one, other = (InsecureDevSigner(alg, suite(alg).generate()) for _ in range(2))
    signature = one.sign(b"data")
    assert not suite(alg).verify(other.public, b"data", signature)
    assert not any(suite(name).verify(one.public, b"data", signature) for name in ALL if name != alg)


@settings(max_examples=15)
@given(st.data())
def test_suite_signature_with_any_bit_flipped_is_refused(data):
    alg = data.draw(st.sampled_from(ALL))
    signer = InsecureDevSigner(alg, bytes(31) + b"\x07")
    signature = bytearray(signer.sign(b"data"))
    bit = data.draw(st.integers(0, len(signature) * 8 - 1))
    signature[bit // 8] ^= 1 << bit % 8
    assert not suite(alg).verify(signer.public, b"data", bytes(signature))


@pytest.mark.parametrize("alg", ALL)
@pytest.mark.parametrize("garbage", [b"", b"\0", b"\xff" * 64, b"\0" * 65, b"\0" * 1312])
def test_suite_malformed_key_or_signature_is_refused_not_raised(alg, garbage):
    signer = InsecureDevSigner(alg, suite(alg).generate())
    assert not suite(alg).verify(garbage, b"data", signer.sign(b"data"))
    assert not suite(alg).verify(signer.public, b"data", garbage)
    with pytest.raises(SigningError):
        suite(alg).load(garbage)


@pytest.mark.parametrize("alg", ALL)
def test_suite_jwk_is_public_and_names_its_algorithm(alg):
    private = suite(alg).generate()
    jwk = suite(alg).jwk(InsecureDevSigner(alg, private).public)
    assert jwk["alg"] == suite(alg).jose and "d" not in jwk
    assert base64.urlsafe_b64encode(private).rstrip(b"=").decode() not in json.dumps(jwk)


def test_mldsa44_key_of_the_zero_seed_is_the_published_one():
    # The AKP example of draft-ietf-cose-dilithium, seed of 32 zero bytes.
    made = suite("ML-DSA-44")
    assert made.jwk(made.public(made.load(bytes(32))))["pub"].startswith("unH59k4RuutY-pxvu24U5h8YZD2rSVtHU5qRZsoBmBMcRPgmu9VuNOVd")


def test_es256_signatures_have_the_lower_s_and_the_twin_is_refused():
    signer = InsecureDevSigner("ES256", suite("ES256").generate())
    for number in range(20):
        data = bytes([number])
        signature = signer.sign(data)
        s = int.from_bytes(signature[32:])
        twin = signature[:32] + (ORDER - s).to_bytes(32)
        assert s <= ORDER // 2
        assert low(twin) == signature
        assert suite("ES256").verify(signer.public, data, signature)
        assert not suite("ES256").verify(signer.public, data, twin)


def test_es256_verifies_the_example_of_rfc_7515():
    # RFC 7515 appendix A.3.
    x, y = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
    signed = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    signature = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
    public = b"\x04" + decode(x) + decode(y)
    assert suite("ES256").verify(public, signed.encode(), low(decode(signature)))


def decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
