"""The outsider against the golden license and log: good ones pass; broken twins, flipped bytes, wrong keys and missing witnesses do not."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from license_hub.signing.sm2 import PrivateKey as sm2_load
from tests.conformance.outsider import No, Outsider, key_id, sha256

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "license"
CASE = yaml.safe_load((GOLDEN / "case.yaml").read_text("utf-8"))
NOW = datetime(2026, 11, 21, 8, 0, 0, tzinfo=UTC)
ROOT_NAME = f"{CASE['origin']}/root"
ROOT = Ed25519PrivateKey.from_private_bytes(bytes(range(200, 232)))
ED25519, COSIGNER, PQ_COSIGNER = 1, 4, 6
BROKEN = sorted(path.name.removesuffix(".license.json") for path in (GOLDEN / "broken").iterdir())


def text64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def public(key: object) -> bytes:
    return key.public_key().public_bytes_raw()


def vkey(name: str, kind: int, key: object) -> str:
    return f"{name}+{key_id(name, kind, public(key)).hex()}+{text64(bytes([kind]) + public(key))}"


def line(name: str, kind: int, key: object, signed: bytes) -> str:
    return f"— {name} {text64(key_id(name, kind, public(key)) + signed)}\n"


def manifest(policy: str = "", states: Mapping[str, dict[str, object]] | None = None, **changes: object) -> dict[str, object]:
    """The golden keys; `states` change what is said of a role's key."""
    keys = []
    for role, private in CASE["keys"].items():
        raw = public(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(private)))
        one = {"role": role, "kid": sha256(raw).hex()[:16], "alg": "Ed25519", "public": text64(raw), "state": "active"}
        keys.append(one | {"not_before": "2026-01-01T00:00:00Z", "changed_at": "2026-01-01T00:00:00Z"} | (states or {}).get(role, {}))
    times = {"issued_at": "2026-11-01T00:00:00Z", "expires_at": "2027-01-01T00:00:00Z"}
    return {"v": 1, "kind": "key-manifest", "origin": CASE["origin"], "sequence": 3, "policy": policy, "keys": keys} | times | changes


def signed_by(root: Ed25519PrivateKey, content: dict[str, object]) -> bytes:
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n"
    return (text + "\n" + line(ROOT_NAME, ED25519, root, root.sign(text.encode()))).encode()


class Shown(Outsider):
    """An outsider who is shown the golden log, with files of the test's own in place of some."""

    def __init__(self, folder: Path, files: Mapping[str, bytes] | None = None, **told: object):
        super().__init__("http://127.0.0.1:0", vkey(ROOT_NAME, ED25519, ROOT), folder / "seen.json", clock=lambda: NOW)
        self.files = {".well-known/hub-manifest": signed_by(ROOT, manifest(**told))} | dict(files or {})

    def get(self, path: str) -> bytes:
        if path in self.files:
            return self.files[path]
        file = GOLDEN / path
        if not file.is_file():
            raise No(f"the hub does not show {path}")
        return file.read_bytes()


def stored(name: str) -> bytes:
    return (GOLDEN / f"{name}.license.json").read_bytes()


@pytest.mark.parametrize("name", ["whole", "partly"])
def test_golden_license_is_issued(tmp_path, name):
    good, text = Shown(tmp_path).ask("license", stored(name))
    assert good and "was issued as entry 270" in text


@pytest.mark.parametrize("name", BROKEN)
def test_t1_broken_twin_of_the_golden_license_is_refused(tmp_path, name):
    good, reason = Shown(tmp_path).ask("license", stored(f"broken/{name}"))
    assert not good and reason


def test_t1_golden_license_with_any_byte_flipped_is_refused(tmp_path):
    outsider, data = Shown(tmp_path), stored("whole")
    for place in range(0, len(data), 3):
        twin = bytes([*data[:place], data[place] ^ 1, *data[place + 1 :]])
        assert not outsider.ask("license", twin)[0], place


def log_of_leaves(count: int) -> tuple[dict[str, bytes], bytes]:
    """Files of a small log of real leaves, and its root."""
    entries = [
        json.dumps({"at": "2026-11-21T08:00:00Z", "c": sha256(b"c", bytes([at])).hex(), "id": f"{at:032x}", "kind": "issue", "v": 1},
                   separators=(",", ":")).encode() for at in range(count)
    ]  # fmt: skip
    hashes = [sha256(b"\0", one) for one in entries]
    packed = b"".join(len(one).to_bytes(2, "big") + one for one in entries)
    files = {f"log/tile/0/000.p/{count}": b"".join(hashes), f"log/tile/entries/000.p/{count}": packed}
    while len(hashes) > 1:
        pairs = [sha256(b"\1", hashes[at], hashes[at + 1]) for at in range(0, len(hashes) - 1, 2)]
        hashes = pairs + hashes[len(pairs) * 2 :]
    return files | {"log/checkpoint": note(count, hashes[0])}, hashes[0]


def note(size: int, root: bytes, *lines: str) -> bytes:
    """A checkpoint signed with the golden log key."""
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(CASE["keys"]["checkpoint"]))
    text = f"{CASE['origin']}\n{size}\n{text64(root)}\n"
    return (text + "\n" + line(CASE["origin"], ED25519, key, key.sign(text.encode())) + "".join(lines)).encode()


def test_t7_any_flipped_byte_of_a_served_log_is_noticed(tmp_path):
    """Every byte of every file of a log of twelve entries, one at a time; the log itself passes."""
    files, _ = log_of_leaves(12)
    assert Shown(tmp_path, files).ask("audit") == (True, "all 12 entries and every tile over them")
    for path, data in files.items():
        for place in range(len(data)):
            twin = bytes([*data[:place], data[place] ^ 1, *data[place + 1 :]])
            (tmp_path / "seen.json").unlink(missing_ok=True)
            assert not Shown(tmp_path, files | {path: twin}).ask("audit")[0], (path, place)


def test_what_was_seen_last_must_be_continued(tmp_path):
    seven, root = log_of_leaves(7)
    twelve, _ = log_of_leaves(12)
    assert Shown(tmp_path, twelve).ask("look")[0]
    assert "rolled back" in Shown(tmp_path, seven).ask("look")[1]
    (tmp_path / "seen.json").unlink()
    assert Shown(tmp_path, seven).ask("look")[0] and Shown(tmp_path, twelve).ask("look")[0]
    (tmp_path / "seen.json").write_text(json.dumps({"sequence": 3, "size": 7, "head": sha256(root).hex()}))
    assert "rewritten" in Shown(tmp_path, twelve).ask("look")[1]


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"expires_at": "2026-11-21T08:00:00Z"}, "out of date"),
        ({"issued_at": "2026-11-21T08:00:01Z"}, "out of date"),
        ({"origin": "log.example/other"}, "another log"),
        ({"kind": "key-list"}, "another log"),
        ({"sequence": 2}, "older manifest"),
        ({"states": {"checkpoint": {"state": "compromised"}}}, "compromised key"),
        ({"states": {"organ/11990000GA0000011U": {"state": "compromised"}}}, "compromised then"),
        ({"states": {"organ/11990000GA0000011U": {"state": "compromised", "until": {"size": 270, "root": ""}}}}, "compromised then"),
        ({"states": {"organ/11990000GA0000011U": {"not_before": "2026-11-21T08:00:01Z"}}}, "not yet in use"),
        ({"states": {"organ/11990000GA0000011U": {"role": "organ/11990000GA000002XK"}}}, "no key of the organ"),
        ({"states": {"checkpoint": {"role": "status"}}}, "no trusted key"),
    ],
)
def test_t28_manifest_decides_which_keys_count(tmp_path, told, reason):
    (tmp_path / "seen.json").write_text(json.dumps({"sequence": 3}))
    good, text = Shown(tmp_path, **told).ask("license", stored("whole"))
    assert not good and reason in text, text


def test_t28_what_stood_in_the_log_before_a_key_was_compromised_still_counts(tmp_path):
    organ = {"state": "compromised", "until": {"size": 271, "root": ""}}
    assert Shown(tmp_path, states={"organ/11990000GA0000011U": organ}).ask("license", stored("whole"))[0]
    head = {"size": 300, "root": (GOLDEN / "log/checkpoint").read_text().split("\n")[2]}
    assert Shown(tmp_path, states={"checkpoint": {"state": "compromised", "until": head}}).ask("license", stored("whole"))[0]


def test_manifest_of_another_root_is_refused(tmp_path):
    outsider = Shown(tmp_path)
    outsider.files[".well-known/hub-manifest"] = signed_by(Ed25519PrivateKey.generate(), manifest())
    assert "no trusted key" in outsider.ask("look")[1]


def cosigned(name: str, key: object, size: int, root: bytes, time: int = 1_795_000_000) -> str:
    """A witness's line (C2SP tlog-cosignature)."""
    text, stamp = f"{CASE['origin']}\n{size}\n{text64(root)}\n", time.to_bytes(8, "big")
    if isinstance(key, Ed25519PrivateKey):
        return line(name, COSIGNER, key, stamp + key.sign(f"cosignature/v1\ntime {time}\n{text}".encode()))
    short = [bytes([len(one)]) + one for one in (name.encode(), CASE["origin"].encode())]
    message = b"subtree/v1\n\0" + short[0] + stamp + short[1] + bytes(8) + size.to_bytes(8, "big") + root
    return line(name, PQ_COSIGNER, key, stamp + key.sign(message))


@pytest.fixture(scope="module")
def witnesses() -> dict[str, tuple[int, object]]:
    return {
        "w1": (COSIGNER, Ed25519PrivateKey.generate()),
        "w2": (COSIGNER, Ed25519PrivateKey.generate()),
        "pq": (PQ_COSIGNER, MLDSA44PrivateKey.generate()),
    }


@pytest.mark.parametrize(
    ("quorum", "by", "enough"),
    [
        ("quorum none", "", True),
        ("quorum w1", "w1", True),
        ("quorum w1", "w2 pq", False),
        ("quorum w1", "", False),
        ("quorum pq", "pq", True),
        ("group g 2 w1 w2 pq\nquorum g", "w1 pq", True),
        ("group g 2 w1 w2 pq\nquorum g", "pq", False),
        ("group g all w1 w2\ngroup h any g pq\nquorum h", "w1 w2", True),
        ("group g all w1 w2\ngroup h any g pq\nquorum h", "w1", False),
        ("group g all w1 w2\ngroup h all g pq\nquorum h", "w1 w2 pq", True),
    ],
)
def test_quorum_of_the_policy_must_have_cosigned(tmp_path, witnesses, quorum, by, enough):
    policy = "# demo\n" + "".join(f"witness {one} {vkey(f'{one}.example', kind, key)}\n" for one, (kind, key) in witnesses.items())
    files, root = log_of_leaves(12)
    files["log/checkpoint"] = note(12, root, *(cosigned(f"{one}.example", witnesses[one][1], 12, root) for one in by.split()))
    good, text = Shown(tmp_path, files, policy=f"{policy}{quorum}\n").ask("look")
    assert good == enough and (good or "too few witnesses" in text)


@pytest.mark.parametrize("name", ["w1", "pq"])
def test_cosignature_on_another_history_refuses_the_checkpoint(tmp_path, witnesses, name):
    kind, key = witnesses[name]
    policy = f"witness {name} {vkey(f'{name}.example', kind, key)}\nquorum {name}\n"
    files, root = log_of_leaves(12)
    files["log/checkpoint"] = note(12, root, cosigned(f"{name}.example", key, 12, sha256(root)))
    assert "does not verify" in Shown(tmp_path, files, policy=policy).ask("look")[1]


def test_command_line_says_what_is_wrong_and_exits_1(tmp_path):
    script = Path(__file__).with_name("outsider.py")
    command = [sys.executable, str(script), "--hub", "http://127.0.0.1:9", "--root", vkey(ROOT_NAME, ED25519, ROOT)]
    ran = subprocess.run([*command, "--state", str(tmp_path / "s.json"), "look"], capture_output=True, text=True, cwd=tmp_path)
    assert (ran.returncode, ran.stderr) == (1, "") and ran.stdout.startswith("no: the hub does not show .well-known/hub-manifest")


SM2_ORGAN = sm2_load(bytes(range(33, 65)))


def sealed_with_sm2(name: str = "whole") -> tuple[dict[str, object], dict[str, dict[str, object]]]:
    """The golden license under an SM2 seal of its organ, and what the manifest says of that key."""
    bundle = json.loads(stored(name))
    seal = bundle["attestation"]
    kid = sha256(SM2_ORGAN.public).hex()[:16]
    signature = text64(SM2_ORGAN.sign(seal["statement"].encode()))
    bundle["attestation"] = seal | {"kid": kid, "alg": "SM2", "signature": signature}
    return bundle, {"organ/11990000GA0000011U": {"kid": kid, "alg": "SM2", "public": text64(SM2_ORGAN.public)}}


def written(bundle: dict[str, object]) -> bytes:
    return json.dumps(bundle, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def test_license_that_its_organ_sealed_with_sm2_is_issued(tmp_path):
    bundle, states = sealed_with_sm2()
    good, text = Shown(tmp_path, states=states).ask("license", written(bundle))
    assert good and "was issued as entry 270" in text, text


def test_t1_sm2_seal_with_any_byte_flipped_is_refused(tmp_path):
    bundle, states = sealed_with_sm2()
    outsider, seal = Shown(tmp_path, states=states), bundle["attestation"]
    signature = base64.b64decode(seal["signature"])
    twins = [bytes([*signature[:at], signature[at] ^ 1, *signature[at + 1 :]]) for at in range(0, len(signature), 7)]
    for twin in (*twins, signature[:-1], signature + b"\0", bytes(64), signature[32:] + signature[:32]):
        answer = outsider.ask("license", written(bundle | {"attestation": seal | {"signature": text64(twin)}}))
        assert answer == (False, "the organ's signature does not verify")


def test_t1_seal_of_one_suite_named_as_another_s_is_refused(tmp_path):
    bundle, states = sealed_with_sm2()
    seal = bundle["attestation"]
    assert not Shown(tmp_path, states=states).ask("license", written(bundle | {"attestation": seal | {"alg": "Ed25519"}}))[0]
    states["organ/11990000GA0000011U"]["public"] = text64(SM2_ORGAN.public[:-1] + bytes([SM2_ORGAN.public[-1] ^ 1]))
    assert not Shown(tmp_path, states=states).ask("license", written(bundle))[0]
