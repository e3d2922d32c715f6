"""Places for keys: a SoftHSM2 token and a sign service, both real."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from license_hub.signing import spki
from tests.support.certificates import Authority
from tests.support.processes import free_port, running

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class SignService:
    """The running service; its keys as raw public bytes of the hub's suites."""

    folder: Path
    port: int
    public: dict[str, bytes]
    place: dict[str, object]
    """`token` object of a key file, without `key`."""

    def faults(self, *lines: str) -> None:
        (self.folder / "faults").write_text("".join(f"{line}\n" for line in lines))
        (self.folder / "requests").write_text("")

    @property
    def requests(self) -> list[str]:
        return (self.folder / "requests").read_text().splitlines()


def openssl_key(path: Path, *options: str) -> bytes:
    """A private key made by the openssl command; its public key, raw."""
    subprocess.run(["openssl", "genpkey", "-out", str(path), *options], check=True, capture_output=True)
    public = subprocess.run(["openssl", "pkey", "-in", str(path), "-pubout"], check=True, capture_output=True).stdout
    return spki.read(public)[1]


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def sign_service(tmp_path_factory) -> Iterator[SignService]:
    folder = tmp_path_factory.mktemp("sign-service")
    folder.chmod(0o700)
    authority = Authority("test authority")
    authority.write(folder / "ca.pem")
    authority.issue("sign service", folder / "server.pem")
    authority.issue("hub", folder / "client.pem")
    Authority("stranger").issue("hub", folder / "stranger.pem")
    for name, text in (("bearer", "right-token"), ("wrong-bearer", "wrong-token")):
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
    public = {name: openssl_key(folder / f"{name}.pem", "-algorithm", "SM2") for name in ("organ", "other")}
    public["edwards"] = openssl_key(folder / "edwards.pem", "-algorithm", "ED25519")
    public["p256"] = openssl_key(folder / "p256.pem", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    port = free_port()
    files = {
        "ca_file": str(folder / "ca.pem"),
        "cert_file": str(folder / "client.pem"),
        "key_file": str(folder / "client.pem"),
        "bearer_file": str(folder / "bearer"),
    }
    place = {"kind": "remote", "url": f"https://127.0.0.1:{port}/sign", "timeout_s": 1, "attempts": 3, **files}
    command = [sys.executable, str(ROOT / "tests/support/sign_service.py"), str(folder), str(port)]
    with running(command, env=os.environ, log=folder / "log", ready=lambda: listening(port)):
        yield SignService(folder, port, public, place)


SOFTHSM = next((one for one in ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so") if Path(one).exists()), None)


@dataclass
class SoftHsm:
    """A token `hub` with the keys `edwards` and `p256`."""

    module: str
    public: dict[str, bytes]
    place: dict[str, object]
    """`token` object of a key file, without `key`."""


@pytest.fixture(scope="session")
def softhsm(tmp_path_factory) -> Iterator[SoftHsm]:
    if SOFTHSM is None or shutil.which("softhsm2-util") is None:
        pytest.skip("SoftHSM2 is not installed")
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    (folder / "conf").write_text(f"directories.tokendir = {folder}/tokens\nlog.level = ERROR\n")
    (folder / "pin").write_text("4711-pin")
    (folder / "pin").chmod(0o600)
    folder.chmod(0o700)
    os.environ["SOFTHSM2_CONF"] = str(folder / "conf")
    init = ["softhsm2-util", "--init-token", "--free", "--label", "hub", "--pin", "4711-pin", "--so-pin", "0815-pin"]
    subprocess.run(init, check=True, capture_output=True)
    # In a process of its own: the login of this one is what the tests are about.
    made = subprocess.run([sys.executable, "-c", GENERATE, SOFTHSM], check=True, capture_output=True, text=True, env=os.environ)
    public = {name: bytes.fromhex(text) for name, text in json.loads(made.stdout).items()}
    yield SoftHsm(SOFTHSM, public, {"kind": "pkcs11", "module": SOFTHSM, "token": "hub", "pin_file": str(folder / "pin")})
    del os.environ["SOFTHSM2_CONF"]


GENERATE = """
import json, sys
import pkcs11
from pkcs11 import Attribute, KeyType, Mechanism
session = pkcs11.lib(sys.argv[1]).get_token(token_label="hub").open(rw=True, user_pin="4711-pin")
curves = {"edwards": (KeyType.EC_EDWARDS, "130c656477617264733235353139", Mechanism.EC_EDWARDS_KEY_PAIR_GEN),
          "p256": (KeyType.EC, "06082a8648ce3d030107", Mechanism.EC_KEY_PAIR_GEN)}
points = {}
for label, (kind, parameters, mechanism) in curves.items():
    domain = session.create_domain_parameters(kind, {Attribute.EC_PARAMS: bytes.fromhex(parameters)}, local=True)
    public, _ = domain.generate_keypair(mechanism=mechanism, store=True, label=label)
    points[label] = public[Attribute.EC_POINT][2:].hex()
for label in ("hub-kek", "other-kek"):
    session.generate_key(KeyType.AES, 256, label=label, store=True, template={Attribute.EXTRACTABLE: False, Attribute.SENSITIVE: True})
print(json.dumps(points))
"""
