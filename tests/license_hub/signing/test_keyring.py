from __future__ import annotations

import hashlib
import json
import logging
import multiprocessing
import os
import stat
import subprocess
import sys

import pytest

from license_hub.errors import KeyFault, SigningError
from license_hub.signing.keyring import InsecureDevSigner, Keyring, kid
from license_hub.signing.suites import suite

ORGAN = "organ/119900000000000000"

# RFC 8032 §7.1, test 2.
SEED = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
POINT = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
SIGNATURE = bytes.fromhex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "keys"


def test_ed25519_signs_as_in_the_rfc():
    signer = InsecureDevSigner("Ed25519", SEED)
    assert signer.public == POINT
    assert signer.sign(b"\x72") == SIGNATURE
    assert suite("Ed25519").verify(POINT, b"\x72", SIGNATURE)
    assert signer.kid == hashlib.sha256(POINT).hexdigest()[:16] == kid(POINT)


@pytest.mark.parametrize("place", range(0, 64, 7))
def test_ed25519_with_a_changed_signature_is_refused(place):
    twin = bytes([*SIGNATURE[:place], SIGNATURE[place] ^ 1, *SIGNATURE[place + 1 :]])
    assert not suite("Ed25519").verify(POINT, b"\x72", twin)


def test_ed25519_with_other_lengths_is_refused_not_raised():
    assert not suite("Ed25519").verify(POINT, b"\x72", SIGNATURE + b"\0")
    assert not suite("Ed25519").verify(POINT[:-1], b"\x72", SIGNATURE)
    with pytest.raises(SigningError, match="32 bytes"):
        InsecureDevSigner("Ed25519", b"short")


def test_suite_of_an_unknown_algorithm_is_refused():
    with pytest.raises(SigningError, match="no suite"):
        suite("none")


def test_signer_is_made_once_and_found_again(folder):
    first = Keyring(folder).signer("checkpoint")
    assert Keyring(folder).signer("checkpoint").kid == first.kid
    assert Keyring(folder).public_keys("checkpoint")[0].verify(b"data", first.sign(b"data"))
    assert Keyring(folder).public_keys("token") == ()


def test_signers_of_two_roles_have_two_keys(folder):
    ring = Keyring(folder)
    assert len({ring.signer(role).kid for role in ("checkpoint", "token", ORGAN)}) == 3
    assert ring.roles() == ("checkpoint", ORGAN, "token")


def test_keys_are_readable_by_their_owner_alone(folder):
    ring = Keyring(folder)
    ring.signer(ORGAN)
    for path in [folder, *folder.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


@pytest.mark.parametrize("wider", [0o640, 0o604, 0o660, 0o610])
def test_key_that_others_may_read_is_refused(folder, wider):
    Keyring(folder).signer("token")
    (folder / "token/0001.json").chmod(wider)
    with pytest.raises(KeyFault, match="others may read"):
        Keyring(folder).signer("token")
    with pytest.raises(KeyFault, match="others may read"):
        Keyring(folder).public_keys("token")


def test_key_in_a_folder_that_others_may_enter_is_refused(folder):
    Keyring(folder).signer("token")
    (folder / "token").chmod(0o750)
    with pytest.raises(KeyFault, match="others may read"):
        Keyring(folder).signer("token")


def test_key_is_not_made_in_a_folder_that_others_may_enter(folder):
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    with pytest.raises(KeyFault, match="others may read"):
        Keyring(folder).signer("token")
    assert list(folder.rglob("*.json")) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
def test_key_of_another_user_is_refused(folder):
    Keyring(folder).signer("token")
    os.chown(folder / "token/0001.json", 65534, 65534)
    with pytest.raises(KeyFault, match="another user"):
        Keyring(folder).signer("token")


@pytest.mark.parametrize(
    "change", [{"kid": "0" * 16}, {"role": "checkpoint"}, {"private": "AAAA"}, {"private": "?"}, {"v": 2}, {"more": 1}, {"alg": "none"}]
)
def test_key_file_with_a_changed_part_is_refused(folder, change):
    Keyring(folder).signer("token")
    path = folder / "token/0001.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(SigningError):
        Keyring(folder).signer("token")


def test_key_file_that_is_no_json_is_refused_without_quoting_it(folder):
    Keyring(folder).signer("token")
    (folder / "token/0001.json").write_text("secret words")
    with pytest.raises(KeyFault) as refused:
        Keyring(folder).signer("token")
    assert "secret words" not in str(refused.value)


def test_newest_generation_signs_and_all_verify(folder):
    old = Keyring(folder).signer("checkpoint")
    other = Keyring(folder.with_name("other"))
    new = other.signer("checkpoint")
    (folder / "checkpoint/0002.json").write_bytes((other.directory / "checkpoint/0001.json").read_bytes())
    (folder / "checkpoint/0002.json").chmod(0o600)
    ring = Keyring(folder)
    assert ring.signer("checkpoint").kid == new.kid
    assert [one.kid for one in ring.public_keys("checkpoint")] == [new.kid, old.kid]


def test_checkpoint_with_an_sm2_key_beside_is_signed_by_the_newest_of_each(folder):
    ring = Keyring(folder)
    first, sm2 = ring.signer("checkpoint"), ring.generate("checkpoint", "SM2")
    newer = ring.generate("checkpoint", "Ed25519")
    assert [one.kid for one in ring.signers("checkpoint")] == [newer.kid, sm2.kid]
    assert Keyring(folder).signer("checkpoint").kid == newer.kid
    assert {one.kid for one in ring.public_keys("checkpoint")} == {first.kid, sm2.kid, newer.kid}


def test_checkpoint_with_an_sm2_key_alone_is_refused(folder):
    Keyring(folder).generate("checkpoint", "SM2")
    with pytest.raises(KeyFault, match="no Ed25519 key"):
        Keyring(folder).signer("checkpoint")


def test_organ_with_a_newer_sm2_key_seals_with_it(folder):
    ring = Keyring(folder)
    old, new = ring.signer(ORGAN), ring.generate(ORGAN, "SM2")
    assert [(one.kid, one.alg) for one in ring.signers(ORGAN)] == [(new.kid, "SM2")]
    assert [one.kid for one in ring.public_keys(ORGAN)] == [new.kid, old.kid]
    assert ring.public_keys(ORGAN)[0].verify(b"data", ring.signer(ORGAN).sign(b"data"))


def test_key_that_may_not_sign_leaves_it_to_the_one_before(folder):
    first = Keyring(folder).generate("token")
    second = Keyring(folder).generate("token")
    assert Keyring(folder).signer("token").kid == second.kid
    assert Keyring(folder, may_sign=lambda key: key.kid != second.kid).signer("token").kid == first.kid
    with pytest.raises(KeyFault, match="may sign"):
        Keyring(folder, may_sign=lambda key: False).signer("token")


def test_keyring_that_may_not_make_keys_refuses_instead(folder):
    ring = Keyring(folder, make=False)
    with pytest.raises(KeyFault, match="hub keys attach"):
        ring.signer("token")
    with pytest.raises(KeyFault, match="hub keys attach"):
        ring.generate("token", "SM2")
    assert not folder.exists()


@pytest.mark.parametrize("role", ["", "Root", "organ", "organ/1", "organ/../token/xxxxxxxx", "/etc/passwd", "token/"])
def test_role_of_another_name_is_refused(folder, role):
    with pytest.raises(KeyFault, match="no key role"):
        Keyring(folder).signer(role)
    assert not folder.exists()


def test_injected_keys_sign_and_never_touch_the_disk(folder):
    ring = Keyring(folder, {"checkpoint": SEED})
    assert ring.signer("checkpoint").public == POINT
    assert ring.public_keys("checkpoint")[0].public == POINT
    assert ring.roles() == ("checkpoint",)
    assert not folder.exists()


def test_development_signers_warn_once_a_keyring(folder, caplog):
    ring = Keyring(folder)
    with caplog.at_level(logging.WARNING):
        assert all(ring.signer(role).insecure for role in ("token", "checkpoint", ORGAN, "token"))
    assert [one.message.split(":")[0] for one in caplog.records] == ["InsecureDevSigner"]


def test_private_key_is_in_no_representation(folder):
    ring = Keyring(folder, {"token": SEED})
    signer = ring.signer("token")
    for text in (repr(signer), str(signer), repr(ring), repr(ring.public_keys("token"))):
        assert SEED.hex() not in text and repr(SEED) not in text


def test_jwk_is_the_public_key_in_base64url():
    jwk = Keyring("unused", {"token": SEED}).public_keys("token")[0].jwk()
    assert jwk == {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw",
        "alg": "EdDSA",
        "use": "sig",
        "kid": kid(POINT),
    }


def _make(directory, answers):
    ring = Keyring(directory)
    answers.put(ring.signer("token").kid)


def test_processes_starting_at_once_agree_on_one_key(folder):
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    makers = [context.Process(target=_make, args=(folder, answers)) for _ in range(3)]
    for one in makers:
        one.start()
    found = {answers.get(timeout=60) for _ in makers}
    for one in makers:
        one.join()
    assert len(found) == 1
    assert [path.name for path in (folder / "token").iterdir()] == ["0001.json"]


def test_keyring_starts_without_an_http_client():
    """A witness, a verifier and every command read keys; sign services are for hubs that have one."""
    done = subprocess.run(
        [sys.executable, "-c", "import sys, license_hub.witness.keys; print('httpx' in sys.modules)"], capture_output=True
    )
    assert done.stdout.strip() == b"False", done.stderr
