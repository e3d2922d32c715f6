"""SM2 with SM3 by the system's libcrypto, against the standard's own example and the `openssl` command, both ways."""

from __future__ import annotations

import ctypes
import multiprocessing
import shutil
import ssl
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from license_hub.errors import SigningError
from license_hub.signing import libcrypto, sm2, spki
from license_hub.signing.keyring import InsecureDevSigner
from license_hub.signing.suites import suite

SM2 = suite("SM2")

# GB/T 32918.5-2017, annex A.2: key and signature of "message digest", identity 1234567812345678.
PRIVATE = bytes.fromhex("3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8")
PUBLIC = bytes.fromhex(
    "0409F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13"
)
SIGNATURE = bytes.fromhex(
    "F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA"
)
MESSAGE = b"message digest"

openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="the openssl command is not installed")


def run(*command: str, **rest) -> subprocess.CompletedProcess:
    return subprocess.run(["openssl", *command], capture_output=True, check=False, **rest)


def test_sm2_reads_the_standards_example():
    assert SM2.public(SM2.load(PRIVATE)) == PUBLIC
    assert SM2.verify(PUBLIC, MESSAGE, SIGNATURE)
    assert not SM2.verify(PUBLIC, MESSAGE + b"!", SIGNATURE)


@openssl
@pytest.mark.parametrize("size", [0, 1, 600, 100_000])
def test_sm2_signature_made_here_verifies_with_the_openssl_command(tmp_path, size):
    handle = SM2.load(SM2.generate())
    data = bytes(range(256)) * (size // 256 + 1)
    (tmp_path / "data").write_bytes(data[:size])
    (tmp_path / "signature").write_bytes(sm2.to_der(handle.sign(data[:size])))
    (tmp_path / "public.der").write_bytes(spki.write("SM2", handle.public))
    options = ["-rawin", "-digest", "sm3", "-pkeyopt", "distid:1234567812345678", "-sigfile", str(tmp_path / "signature")]
    key = ["-pubin", "-keyform", "DER", "-inkey", str(tmp_path / "public.der")]
    answer = run("pkeyutl", "-verify", "-in", str(tmp_path / "data"), *key, *options)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    (tmp_path / "data").write_bytes(data[:size] + b"x")
    assert run("pkeyutl", "-verify", "-in", str(tmp_path / "data"), *key, *options).returncode != 0


@openssl
@pytest.mark.parametrize("size", [1, 600, 100_000])
def test_sm2_signature_made_by_the_openssl_command_verifies_here(tmp_path, size):
    key, data = tmp_path / "key.pem", tmp_path / "data"
    data.write_bytes(b"\x00\xff" * (size // 2 + 1))
    assert run("genpkey", "-algorithm", "SM2", "-out", str(key)).returncode == 0
    alg, public = spki.read(run("pkey", "-in", str(key), "-pubout").stdout)
    assert alg == "SM2"
    signed = run("pkeyutl", "-sign", "-in", str(data), "-inkey", str(key), "-rawin", "-digest", "sm3",
                 "-pkeyopt", "distid:1234567812345678")  # fmt: skip
    assert SM2.verify(public, data.read_bytes(), sm2.from_der(signed.stdout))
    other = run("pkeyutl", "-sign", "-in", str(data), "-inkey", str(key), "-rawin", "-digest", "sm3", "-pkeyopt", "distid:someone else")
    assert not SM2.verify(public, data.read_bytes(), sm2.from_der(other.stdout))


@given(st.binary(max_size=300), st.integers(0, 511))
def test_sm2_signature_with_any_bit_flipped_is_refused(data, bit):
    signer = InsecureDevSigner("SM2", PRIVATE)
    signature = signer.sign(data)
    twin = bytearray(signature)
    twin[bit // 8] ^= 1 << bit % 8
    assert SM2.verify(PUBLIC, data, signature)
    assert not SM2.verify(PUBLIC, data, bytes(twin))


N = sm2.ORDER.to_bytes(32)
R, S = SIGNATURE[:32], SIGNATURE[32:]
NEGATED = (sm2.ORDER - int.from_bytes(S)).to_bytes(32)


@pytest.mark.parametrize(
    "twin",
    [b"", SIGNATURE[:-1], SIGNATURE + b"\0", bytes(32) + S, R + bytes(32), N + S, R + N, b"\xff" * 64, R + NEGATED, S + R,
     sm2.to_der(SIGNATURE)],
    ids=["empty", "short", "long", "r = 0", "s = 0", "r = n", "s = n", "above n", "n - s", "swapped", "DER"],
)  # fmt: skip
def test_sm2_malleated_signature_is_refused_not_raised(twin):
    assert not SM2.verify(PUBLIC, MESSAGE, twin)


@pytest.mark.parametrize(
    "public",
    [b"", PUBLIC[:-1], PUBLIC + b"\0", b"\x04" + bytes(64), b"\x02" + PUBLIC[1:], PUBLIC[:-1] + b"\x14", b"\x04" + b"\xff" * 64],
)
def test_sm2_public_key_off_the_curve_is_refused_not_raised(public):
    assert not SM2.verify(public, MESSAGE, SIGNATURE)


@pytest.mark.parametrize("private", [b"", PRIVATE[:-1], PRIVATE + b"\0", bytes(32), N, (sm2.ORDER - 1).to_bytes(32)])
def test_sm2_private_key_out_of_range_is_refused(private):
    with pytest.raises(SigningError, match="32 bytes"):
        SM2.load(private)


@given(st.integers(1, sm2.ORDER - 1), st.integers(1, sm2.ORDER - 1))
def test_sm2_signature_through_der_and_back_is_the_same(r, s):
    raw = r.to_bytes(32) + s.to_bytes(32)
    assert sm2.from_der(sm2.to_der(raw)) == raw


@given(st.binary(max_size=80))
def test_sm2_der_of_any_bytes_has_one_spelling_or_is_refused(der):
    try:
        raw = sm2.from_der(der)
    except SigningError:
        return
    assert sm2.to_der(raw) == der


@pytest.mark.parametrize(
    "spoil", [lambda der: der + b"\0", lambda der: b"\x30\x81" + der[1:], lambda der: der.replace(b"\x02\x21\x00", b"\x02\x20")]
)
def test_sm2_der_in_another_spelling_is_refused(spoil):
    with pytest.raises(SigningError):
        sm2.from_der(spoil(sm2.to_der(SIGNATURE)))


def test_sm2_handle_used_by_many_threads_at_once_signs_right_in_each():
    signer = InsecureDevSigner("SM2", PRIVATE)

    def work(number: int) -> bool:
        data = number.to_bytes(4) * 100
        signatures = [signer.sign(data) for _ in range(10)]
        return all(SM2.verify(PUBLIC, data, one) and not SM2.verify(PUBLIC, data + b"x", one) for one in signatures)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(32)))


def _sign_in_child(signer: InsecureDevSigner, answers: multiprocessing.SimpleQueue) -> None:
    answers.put(signer.sign(MESSAGE))


def test_sm2_handle_of_the_parent_signs_in_a_forked_child():
    signer = InsecureDevSigner("SM2", PRIVATE)
    assert SM2.verify(PUBLIC, MESSAGE, signer.sign(MESSAGE))
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    child = context.Process(target=_sign_in_child, args=(signer, answers))
    child.start()
    assert SM2.verify(PUBLIC, MESSAGE, answers.get())
    child.join(10)
    assert child.exitcode == 0


def test_sm2_refusal_leaves_no_error_behind_for_python_ssl():
    peek = libcrypto.library().ERR_peek_error
    peek.restype = ctypes.c_ulong
    assert not SM2.verify(PUBLIC, MESSAGE, R + R)
    assert not SM2.verify(b"\x04" + bytes(64), MESSAGE, SIGNATURE)
    assert peek() == 0
    assert ssl.create_default_context().verify_mode is ssl.CERT_REQUIRED


def test_sm2_keys_of_many_verifiers_are_forgotten_in_turn():
    made = SM2.load(SM2.generate())
    signature = made.sign(MESSAGE)
    for _ in range(sm2._KEPT_PUBLIC_KEYS + 3):
        other = SM2.load(SM2.generate()).public
        assert not SM2.verify(other, MESSAGE, signature)
    assert len(SM2._threads.kept) == sm2._KEPT_PUBLIC_KEYS
    assert SM2.verify(made.public, MESSAGE, signature)


def test_sm2_jwk_names_curve_and_algorithm_by_oid():
    jwk = SM2.jwk(PUBLIC)
    assert (jwk["kty"], jwk["crv"], jwk["alg"]) == ("EC", "urn:oid:1.2.156.10197.1.301", "urn:oid:1.2.156.10197.1.501")
    assert jwk["x"] == "CfnfMR5UIaFQ3X0WHkvFxnIXn60YM_wHa7CP81bzUCA"
