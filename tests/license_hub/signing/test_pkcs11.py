"""Keys in a PKCS#11 token (SoftHSM2): they sign, cannot be read, and survive what happens to sessions. T28."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ThreadPoolExecutor

import pkcs11
import pytest

from license_hub.errors import KeyFault, SigningError
from license_hub.signing import pkcs11 as tokens
from license_hub.signing.keyring import Keyring
from license_hub.signing.suites import suite

KEYS = {"edwards": "Ed25519", "p256": "ES256"}
ORGAN = "organ/119900000000000000"


@pytest.fixture(autouse=True)
def fresh_login(softhsm):
    """Each test starts without session and login, as a process does."""
    tokens._session.cache_clear()
    pkcs11.lib(softhsm.module).reinitialize()
    yield
    tokens._session.cache_clear()


@pytest.fixture
def ring(tmp_path, softhsm):
    ring = Keyring(tmp_path / "keys", make=False)
    ring.attach("checkpoint", "Ed25519", softhsm.public["edwards"], softhsm.place | {"key": "edwards"})
    return ring


@pytest.mark.parametrize("label", KEYS)
def test_token_key_signs_what_the_suite_verifies(tmp_path, softhsm, label):
    ring = Keyring(tmp_path / "keys", make=False)
    made = ring.attach("token", KEYS[label], softhsm.public[label], softhsm.place | {"key": label})
    signer = Keyring(tmp_path / "keys", make=False).signer("token")
    assert (signer.kid, signer.alg, signer.insecure) == (made.kid, KEYS[label], False)
    for size in (0, 1, 100_000):
        data = b"x" * size
        assert ring.public_keys("token")[0].verify(data, signer.sign(data))


def test_t28_token_private_key_cannot_be_read_and_is_in_no_file(tmp_path, softhsm, ring):
    session = pkcs11.lib(softhsm.module).get_token(token_label="hub").open()
    for label in KEYS:
        key = session.get_key(object_class=pkcs11.ObjectClass.PRIVATE_KEY, label=label)
        assert (key[pkcs11.Attribute.EXTRACTABLE], key[pkcs11.Attribute.NEVER_EXTRACTABLE], key[pkcs11.Attribute.SENSITIVE]) == (
            False,
            True,
            True,
        )
        with pytest.raises(pkcs11.AttributeSensitive):
            key[pkcs11.Attribute.VALUE]
    session.close()
    text = (ring.directory / "checkpoint/0001.json").read_text()
    assert "private" not in text and "4711-pin" not in text and "4711-pin" not in repr(ring.signer("checkpoint"))


def test_token_session_lost_by_a_restarted_module_logs_in_again(softhsm, ring):
    signer = ring.signer("checkpoint")
    assert signer.sign(b"before")
    pkcs11.lib(softhsm.module).reinitialize()
    assert suite("Ed25519").verify(signer.public, b"after", signer.sign(b"after"))


def test_token_logged_out_by_another_session_logs_in_again(softhsm, ring):
    signer = ring.signer("checkpoint")
    assert signer.sign(b"before")
    # Login is per process: closing a session that logged in logs all of them out.
    tokens._session(softhsm.module, "hub")._open.close()
    assert suite("Ed25519").verify(signer.public, b"after", signer.sign(b"after"))


def test_token_where_the_process_is_logged_in_already_is_used(softhsm, ring):
    tokens._session.cache_clear()
    other = pkcs11.lib(softhsm.module).get_token(token_label="hub")
    pkcs11.lib(softhsm.module).reinitialize()
    session = other.open(user_pin="4711-pin")
    assert ring.signer("checkpoint").sign(b"data")
    session.close()


def test_token_keys_used_by_many_threads_at_once_sign_right(tmp_path, softhsm, ring):
    ring.attach("token", "ES256", softhsm.public["p256"], softhsm.place | {"key": "p256"})
    signers = [ring.signer("checkpoint"), ring.signer("token")]

    def work(number: int) -> bool:
        signer, data = signers[number % 2], number.to_bytes(4)
        return suite(signer.alg).verify(signer.public, data, signer.sign(data))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(100)))


def _sign_in_child(signer, answers) -> None:
    answers.put(signer.sign(b"child"))


def test_token_key_signs_in_a_forked_child(ring):
    signer = ring.signer("checkpoint")
    assert signer.sign(b"parent")
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    child = context.Process(target=_sign_in_child, args=(signer, answers))
    child.start()
    assert suite("Ed25519").verify(signer.public, b"child", answers.get())
    child.join(10)
    assert child.exitcode == 0
    assert suite("Ed25519").verify(signer.public, b"parent", signer.sign(b"parent"))


def test_token_pin_that_was_refused_is_never_tried_again(tmp_path, softhsm):
    pin = tmp_path / "pin"
    pin.write_text("wrong-pin")
    pin.chmod(0o600)
    ring = Keyring(tmp_path / "keys")
    place = softhsm.place | {"key": "edwards", "pin_file": str(pin)}
    with pytest.raises(KeyFault, match="PinIncorrect"):
        ring.attach("token", "Ed25519", softhsm.public["edwards"], place)
    pin.write_text("4711-pin")
    with pytest.raises(KeyFault, match="not tried again"):
        ring.attach("token", "Ed25519", softhsm.public["edwards"], place)
    assert ring.roles() == ()


def test_token_pin_file_that_others_may_read_is_refused(tmp_path, softhsm):
    pin = tmp_path / "pin"
    pin.write_text("4711-pin")
    pin.chmod(0o644)
    with pytest.raises(KeyFault, match="others may read"):
        Keyring(tmp_path / "keys").attach(
            "token", "Ed25519", softhsm.public["edwards"], softhsm.place | {"key": "edwards", "pin_file": str(pin)}
        )


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"key": "nobody"}, "not exactly one private key"),
        ({"token": "nobody"}, "not exactly one token"),
        ({"module": "/nowhere.so"}, "PKCS11Error"),
        ({"kind": "pkcs12"}, "no kind"),
        ({"pin": "4711-pin"}, "no more"),
    ],
)
def test_token_place_that_is_wrong_is_refused_and_nothing_kept(tmp_path, softhsm, change, why):
    ring = Keyring(tmp_path / "keys")
    with pytest.raises(SigningError, match=why):
        ring.attach("token", "Ed25519", softhsm.public["edwards"], softhsm.place | {"key": "edwards"} | change)
    assert ring.roles() == ()


def test_token_key_under_another_public_key_is_refused(tmp_path, softhsm):
    with pytest.raises(SigningError, match="no signature of the key"):
        Keyring(tmp_path / "keys").attach("token", "Ed25519", bytes(32), softhsm.place | {"key": "edwards"})


def test_token_key_of_an_algorithm_no_token_has_is_refused(tmp_path, softhsm):
    with pytest.raises(KeyFault, match="not with SM2"):
        Keyring(tmp_path / "keys").attach(ORGAN, "SM2", bytes(65), softhsm.place | {"key": "edwards"})
