"""`hub keys attach` and `generate`, and what the production profile says on the command line."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from license_hub.signing import spki
from license_hub.signing.keyring import Keyring

from .test_cli import hub

__all__ = ["hub"]
pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="the openssl command is not installed")


@pytest.fixture
def files(tmp_path, sign_service):
    """Public key as openssl writes it, and the place, as files."""
    sign_service.faults()
    public, place = tmp_path / "public.pem", tmp_path / "place.json"
    subprocess.run(["openssl", "pkey", "-in", str(sign_service.folder / "organ.pem"), "-pubout", "-out", str(public)], check=True)
    place.write_text(json.dumps(sign_service.place | {"key": "organ", "signature": "der"}))
    return public, place


def attach(hub, role, files, *more):
    return hub("keys", "attach", role, "--public", str(files[0]), "--place", str(files[1]), *more)


def test_attach_makes_the_key_of_a_sign_service_the_roles_next(hub, files, tmp_path, sign_service):
    assert hub("keys", "generate", "checkpoint").returncode == 0
    done = attach(hub, "checkpoint", files, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["alg"] == "SM2"
    ring = Keyring(tmp_path / "keys")
    assert [one.alg for one in ring.signers("checkpoint")] == ["Ed25519", "SM2"]
    assert ring.public_keys("checkpoint")[0].public == sign_service.public["organ"]


def test_attach_of_a_key_in_a_token_works_by_its_der(hub, tmp_path, softhsm):
    public, place = tmp_path / "public.der", tmp_path / "place.json"
    public.write_bytes(spki.write("ES256", softhsm.public["p256"]))
    place.write_text(json.dumps(softhsm.place | {"key": "p256"}))
    done = attach(hub, "token", (public, place))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("token: ") and "(ES256)" in done.stdout


@pytest.mark.parametrize(
    ("public", "place", "why"),
    [
        (b"no key", None, "no public key"),
        (b"-----BEGIN PUBLIC KEY-----\n????\n-----END PUBLIC KEY-----\n", None, "no public key"),
        (None, "no json", "no JSON object"),
        (None, "[1]", "no JSON object"),
        (None, "{}", "no kind"),
    ],
)
def test_attach_with_a_wrong_file_says_so_and_keeps_nothing(hub, files, tmp_path, public, place, why):
    if public is not None:
        files[0].write_bytes(public)
    if place is not None:
        files[1].write_text(place)
    done = attach(hub, "token", files)
    assert (done.returncode, why in done.stderr) == (1, True), done.stderr
    assert Keyring(tmp_path / "keys").roles() == ()


@pytest.mark.parametrize("command", [("verify", "1.2.3"), ("serve",), ("log", "fsck")])
def test_production_on_the_command_line_lists_everything_missing(hub, command):
    done = hub(*command, HUB_PROFILE="production")
    assert done.returncode == 1
    for part in ("HUB_WITNESS_POLICY", "no key for checkpoint", "no SM2 key", "no key for token"):
        assert part in done.stderr


def test_generate_in_production_is_refused(hub):
    done = hub("keys", "generate", "token", HUB_PROFILE="production")
    assert done.returncode == 1 and "hub keys attach" in done.stderr


@pytest.mark.parametrize(
    "options", [["-algorithm", "ED25519"], ["-algorithm", "SM2"], ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]]
)
@pytest.mark.parametrize("form", ["PEM", "DER"])
def test_public_key_written_by_openssl_reads_and_writes_back(tmp_path, options, form):
    subprocess.run(["openssl", "genpkey", *options, "-out", str(tmp_path / "key")], check=True, capture_output=True)
    written = ["openssl", "pkey", "-in", str(tmp_path / "key"), "-pubout", "-outform"]
    alg, raw = spki.read(subprocess.run([*written, form], check=True, capture_output=True).stdout)
    assert spki.write(alg, raw) == subprocess.run([*written, "DER"], check=True, capture_output=True).stdout
