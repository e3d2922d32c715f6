"""The key manifest, and what it makes of bundles signed with keys that fell."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from license_hub.errors import HubError, ManifestMalformed, SignatureBad
from license_hub.log import checkpoint, cosignature, policy
from license_hub.log.cosignature import WitnessKey
from license_hub.signing import manifest as manifests
from license_hub.signing.bundle import Trust, trust_of, verify_bundle
from license_hub.signing.canonical import jcs
from license_hub.signing.keyring import InsecureDevSigner, Keyring, kid
from license_hub.signing.manifest import Head, KeyState, KnownKey, Logged, Manifest
from tests.golden.license.build import make, read_case

ORIGIN = "log.example/test"
NOW = datetime(2026, 11, 22, 8, 0, 0, tzinfo=UTC)
ROOT = InsecureDevSigner("Ed25519", b"r" * 32)
PINNED = manifests.root_key(ORIGIN, ROOT)
START = "2026-11-22T00:00:00Z"

instants = st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1)).map(lambda at: at.strftime("%Y-%m-%dT%H:%M:%SZ"))
heads = st.builds(Head, st.integers(0, 2**53 - 1), st.binary(min_size=32, max_size=32))
leaves = st.builds(Logged, st.integers(0, 2**53 - 1), st.binary(min_size=16, max_size=16).map(bytes.hex))


@st.composite
def known(draw) -> KnownKey:
    public = draw(st.binary(min_size=32, max_size=32))
    role = draw(st.sampled_from(["checkpoint", "status", "presentation", "witness", "organ/119901000000000" + "12X"]))
    reason = draw(st.text(st.characters(codec="utf-8"), max_size=20))
    rest = (draw(instants), draw(st.sampled_from(KeyState)), draw(instants), reason)
    since, until, logged = draw(st.none() | instants), draw(st.none() | heads), draw(st.none() | leaves)
    return KnownKey(role, kid(public), "Ed25519", public, *rest, since, until, logged)


def sample(*keys: KnownKey, **changes: object) -> Manifest:
    return replace(Manifest(ORIGIN, 1, START, "2027-02-20T00:00:00Z", keys), **changes)


def active(role: str = "checkpoint", public: bytes = b"p" * 32) -> KnownKey:
    return KnownKey(role, kid(public), "Ed25519", public, START, KeyState.ACTIVE, START)


@given(st.lists(known(), max_size=5, unique_by=lambda one: one.kid), st.text(st.characters(codec="utf-8"), max_size=50))
def test_manifest_of_any_keys_is_read_as_it_was_written(keys, policy):
    made = sample(*keys, policy=policy)
    assert manifests.read(made.text) == made
    assert manifests.verify(manifests.sign(made, ROOT), ORIGIN, [PINNED]) == made


def test_signed_text_is_one_line_of_canonical_json():
    note = manifests.sign(sample(active()), ROOT)
    line, blank, signature, end = note.split("\n")
    assert (blank, end, line.encode()) == ("", "", jcs(json.loads(line)))
    assert signature.startswith(f"— {ORIGIN}/root ")


def test_any_byte_changed_is_refused():
    note = manifests.sign(sample(active()), ROOT)
    for at in range(len(note)):
        twin = note[:at] + ("a" if note[at] != "a" else "b") + note[at + 1 :]
        with pytest.raises(HubError):
            manifests.verify(twin, ORIGIN, [PINNED])


def test_manifest_is_for_its_log_its_root_and_its_time():
    note = manifests.sign(sample(active()), ROOT)
    assert manifests.verify(note, ORIGIN, [PINNED], NOW).sequence == 1
    other = InsecureDevSigner("Ed25519", b"o" * 32)
    for origin, roots, now in (
        ("log.example/other", [manifests.root_key("log.example/other", ROOT)], NOW),
        (ORIGIN, [manifests.root_key(ORIGIN, other)], NOW),
        (ORIGIN, [], NOW),
        (ORIGIN, [PINNED], NOW - timedelta(days=2)),
        (ORIGIN, [PINNED], NOW + timedelta(days=90)),
    ):
        with pytest.raises(SignatureBad):
            manifests.verify(note, origin, roots, now)


WRONG = {
    "another version": lambda one: one | {"v": 2},
    "another kind": lambda one: one | {"kind": "checkpoint"},
    "a part more": lambda one: one | {"more": 1},
    "a key twice": lambda one: one | {"keys": one["keys"] * 2},
    "a token key": lambda one: one | {"keys": [one["keys"][0] | {"role": "token"}]},
    "a root key": lambda one: one | {"keys": [one["keys"][0] | {"role": "root"}]},
    "another kid": lambda one: one | {"keys": [one["keys"][0] | {"kid": "0" * 16}]},
    "a state of its own": lambda one: one | {"keys": [one["keys"][0] | {"state": "trusted"}]},
    "a key's part more": lambda one: one | {"keys": [one["keys"][0] | {"more": 1}]},
    "a time of another form": lambda one: one | {"expires_at": "2027-02-20"},
    "a negative size": lambda one: one | {"keys": [one["keys"][0] | {"until": {"size": -1, "root": base64.b64encode(bytes(32)).decode()}}]},
    "a head with more": lambda one: one | {"keys": [one["keys"][0] | {"until": {"size": 1, "root": "AA==", "x": 1}}]},
    "an empty reason": lambda one: one | {"keys": [one["keys"][0] | {"reason": ""}]},
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_manifest_that_is_not_of_the_format_is_refused(change):
    with pytest.raises(ManifestMalformed):
        manifests.read(jcs(change(json.loads(sample(active()).text))).decode() + "\n")


def test_leaf_of_a_change_commits_to_the_key_as_the_manifest_lists_it():
    logged = replace(active(), logged=Logged(7, "0" * 32))
    [listed] = json.loads(sample(logged).text)["keys"]
    assert listed.pop("log") == {"entry": 7, "id": "0" * 32}
    assert hashlib.sha256(manifests.statement(logged)).digest() == hashlib.sha256(jcs({"v": 1, "kind": "key", **listed})).digest()


@pytest.fixture(scope="module")
def case():
    return read_case()


@pytest.fixture(scope="module")
def bundle(case):
    return make(case, case.ring)


def trust(case, ring: Keyring, **states: dict) -> Trust:
    """By a manifest over the ring's keys; `states` change the records of `log` and `organ`."""
    found = []
    for role in ring.roles():
        [one] = ring.public_keys(role)
        record = KnownKey(role, one.kid, one.alg, one.public, "2020-01-01T00:00:00Z", KeyState.ACTIVE, START)
        found.append(replace(record, **states.get(role.replace("checkpoint", "log").partition("/")[0], {})))
    listed = tuple(one for one in found if manifests.listed(one.role))
    origin = case.content["origin"]
    note = manifests.sign(Manifest(origin, 1, START, "2090-01-01T00:00:00Z", listed), ROOT)
    return trust_of(manifests.verify(note, origin, [manifests.root_key(origin, ROOT)]))


RETIRED = {"state": KeyState.RETIRED}


def fallen(until: Head | None) -> dict[str, object]:
    return {"state": KeyState.COMPROMISED, "since": START, "until": until}


def test_t27_bundle_of_active_and_of_retired_keys_is_good(case, bundle):
    for states in ({}, {"log": RETIRED}, {"organ": RETIRED}, {"log": RETIRED, "organ": RETIRED}):
        assert verify_bundle(bundle, trust(case, case.ring, **states), case.now).good, states


def test_t28_bundle_of_a_compromised_organ_key_counts_if_its_leaf_stood_in_the_log_before(case, bundle):
    index = bundle.proof.index
    for size, good in ((index + 1, True), (index, False), (0, False)):
        report = verify_bundle(bundle, trust(case, case.ring, organ=fallen(Head(size, bytes(32)))), case.now)
        assert (report.good, report.failed) == (good, () if good else ("seal",))
    assert verify_bundle(bundle, trust(case, case.ring, organ=fallen(None)), case.now).failed == ("seal",)


def test_t28_bundle_under_a_compromised_checkpoint_key_counts_under_the_head_the_root_vouches_for_alone(case, bundle):
    head = checkpoint.parse(bundle.proof.checkpoint)
    assert verify_bundle(bundle, trust(case, case.ring, log=fallen(Head(head.size, head.root))), case.now).good
    for until in (None, Head(head.size, bytes(32)), Head(head.size + 1, head.root)):
        assert verify_bundle(bundle, trust(case, case.ring, log=fallen(until)), case.now).failed == ("log",)


@pytest.mark.parametrize(("seconds", "good"), [(-1, True), (0, False), (1, False)])
def test_t28_bundle_under_a_compromised_checkpoint_key_counts_if_its_head_was_witnessed_before_the_key_fell(case, bundle, seconds, good):
    witness, name = InsecureDevSigner("Ed25519", b"w" * 32), "witness.example/w1"
    asked = policy.parse(f"witness w1 {WitnessKey(name, 'Ed25519', witness.public).text}\nquorum w1\n".encode())
    fell = int(datetime.fromisoformat(START).timestamp())
    head = checkpoint.parse(bundle.proof.checkpoint)
    cosigned = cosignature.add_lines(head.note, [cosignature.cosign(head, name, witness, fell + seconds)])
    held = replace(bundle, proof=replace(bundle.proof, checkpoint=cosigned))
    going = replace(trust(case, case.ring, log=fallen(None)), policy=asked)
    assert verify_bundle(held, going, case.now).failed == (() if good else ("log",))
    assert verify_bundle(bundle, going, case.now).failed == ("log",), "without the cosignature"


def test_bundle_under_a_fallen_checkpoint_key_is_good_again_with_a_newer_proof(case, bundle):
    """The license, its leaf and its seal stay as they are."""
    successor = InsecureDevSigner("Ed25519", b"s" * 32)
    head = checkpoint.parse(bundle.proof.checkpoint)
    newer = checkpoint.sign(head.origin, head.size, head.root, [successor])
    going = trust(case, case.ring, log=fallen(None))
    going = replace(going, log_keys=checkpoint.keys(head.origin, [("Ed25519", successor.public)]))
    again = replace(bundle, proof=replace(bundle.proof, checkpoint=newer.note))
    assert not verify_bundle(bundle, going, case.now).good and verify_bundle(again, going, case.now).good


def test_seal_dated_before_its_key_was_in_use_is_refused(case, bundle):
    late = {"not_before": "2089-01-01T00:00:00Z"}
    assert verify_bundle(bundle, trust(case, case.ring, organ=late), case.now).failed == ("seal",)
