"""Keys behind a sign service, asked over TLS by both sides' certificates; the service is a real process of its own."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from license_hub.errors import KeyFault, SigningError
from license_hub.signing import seal
from license_hub.signing.keyring import Keyring
from license_hub.signing.suites import suite

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="the openssl command is not installed")

ORGAN_CODE = "119900000000000000"
ORGAN = f"organ/{ORGAN_CODE}"
KEYS = {"organ": ("SM2", "der"), "edwards": ("Ed25519", "raw"), "p256": ("ES256", "raw")}


@pytest.fixture
def ring(tmp_path, sign_service):
    """SM2 organ key in the service, attached."""
    sign_service.faults()
    ring = Keyring(tmp_path / "keys", make=False)
    ring.attach(ORGAN, "SM2", sign_service.public["organ"], place(sign_service))
    sign_service.faults()
    return ring


def place(service, **changes: object) -> dict[str, object]:
    wanted = service.place | {"key": "organ", "signature": "der"} | changes
    return {name: value for name, value in wanted.items() if value is not None}


@pytest.mark.parametrize("name", KEYS)
def test_service_key_signs_what_the_suite_verifies(tmp_path, sign_service, name):
    sign_service.faults()
    alg, form = KEYS[name]
    ring = Keyring(tmp_path / "keys", make=False)
    ring.attach(ORGAN, alg, sign_service.public[name], place(sign_service, key=name, signature=form))
    signer = Keyring(tmp_path / "keys", make=False).signer(ORGAN)
    assert (signer.alg, signer.insecure) == (alg, False)
    for size in (0, 1, 50_000):
        assert suite(alg).verify(sign_service.public[name], b"x" * size, signer.sign(b"x" * size))


def test_service_key_seals_a_batch(ring):
    made = seal.attest(ring.signer(ORGAN), ORGAN_CODE, 1, bytes(32), "2026-11-21T08:00:00Z", resource="population", publication=1)
    assert made.alg == "SM2"
    assert seal.check(made, ring.public_keys(ORGAN)).issuer == ORGAN_CODE


@pytest.mark.parametrize("faults", [("503",), ("502", "504"), ("429",), ("drop",), ("hang",), ("drop", "503")], ids="+".join)
def test_service_out_for_a_moment_is_asked_again(ring, sign_service, faults):
    sign_service.faults(*faults)
    assert ring.public_keys(ORGAN)[0].verify(b"data", ring.signer(ORGAN).sign(b"data"))
    assert sign_service.requests == [*faults, "ok"]


@pytest.mark.parametrize("fault", ["503", "drop"])
def test_service_out_for_long_is_given_up_after_the_attempts_set(ring, sign_service, fault):
    sign_service.faults(*[fault] * 9)
    with pytest.raises(SigningError, match="sign service 127.0.0.1"):
        ring.signer(ORGAN).sign(b"data")
    assert sign_service.requests == [fault] * 3
    sign_service.faults()
    assert ring.signer(ORGAN).sign(b"data")


FINAL = {
    "400": "answered 400",
    "403": "answered 403",
    "500": "answered 500",
    "302": "answered 302",
    "other-key": "no signature of the key",
    "other-data": "no signature of the key",
    "long": "too long",
    "not JSON": "not of its format",
    "[]": "not of its format",
    '{"signature": 7}': "not of its format",
    '{"signature": "?"}': "not of its format",
    '{"signature": ""}': "DER",
    '{"signature": "AAAA"}': "DER",
    "[" * 20_000: "not of its format",
}


@pytest.mark.parametrize("fault", FINAL, ids=lambda fault: fault[:20])
def test_service_answer_that_is_no_signature_is_refused_and_not_asked_again(ring, sign_service, fault):
    sign_service.faults(fault)
    with pytest.raises(SigningError, match=FINAL[fault]) as refused:
        ring.signer(ORGAN).sign(b"a secret text")
    assert len(sign_service.requests) == 1
    assert "secret" not in str(refused.value) and "right-token" not in str(refused.value)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"bearer_file": "wrong-bearer"}, "answered 401"),
        ({"bearer_file": None}, "answered 401"),
        ({"cert_file": "stranger.pem", "key_file": "stranger.pem"}, "Error"),
        ({"cert_file": None, "key_file": None}, "Error"),
        ({"ca_file": "stranger.pem"}, "ConnectError"),
        ({"ca_file": None}, "ConnectError"),
        ({"ca_file": "nowhere.pem"}, "cannot be used"),
        ({"key": "nobody"}, "answered 404"),
        ({"key": "other"}, "no signature of the key"),
        ({"key_file": None}, "go together"),
        ({"timeout_s": 0}, "1 to 60"),
        ({"attempts": "3"}, "1 to 60"),
        ({"signature": "pem"}, "raw or der"),
        ({"password": "x"}, "no more"),
        ({"url": "http://sign.example/sign"}, "https"),
        ({"url": "https://user:pw@127.0.0.1/sign"}, "no user"),
    ],
)  # fmt: skip
def test_service_that_either_side_does_not_trust_gives_no_key(tmp_path, sign_service, change, why):
    sign_service.faults()
    change = {name: str(sign_service.folder / value) if name.endswith("_file") and value else value for name, value in change.items()}
    ring = Keyring(tmp_path / "keys")
    with pytest.raises(SigningError, match=why):
        ring.attach(ORGAN, "SM2", sign_service.public["organ"], place(sign_service, **change))
    assert ring.roles() == ()


def test_service_token_file_that_others_may_read_is_refused(tmp_path, sign_service):
    path = tmp_path / "bearer"
    path.write_text("right-token")
    path.chmod(0o644)
    with pytest.raises(KeyFault, match="others may read"):
        Keyring(tmp_path / "keys").attach(ORGAN, "SM2", sign_service.public["organ"], place(sign_service, bearer_file=str(path)))


def test_service_secret_files_below_the_key_folder_are_named_relative_to_it(tmp_path, sign_service):
    sign_service.faults()
    folder = tmp_path / "keys"
    folder.mkdir(mode=0o700)
    (folder / "bearer").touch(mode=0o600)
    (folder / "bearer").write_text("right-token\n")
    assert Keyring(folder).attach(ORGAN, "SM2", sign_service.public["organ"], place(sign_service, bearer_file="bearer")).alg == "SM2"


def test_service_keys_used_by_many_threads_at_once_sign_right(ring, sign_service):
    signer = ring.signer(ORGAN)

    def work(number: int) -> bool:
        return suite("SM2").verify(signer.public, bytes([number]), signer.sign(bytes([number])))

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(work, range(24)))
