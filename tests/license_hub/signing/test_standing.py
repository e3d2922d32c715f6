"""Offline status: a bundle with its reference and a list, every way it may be wrong or old."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from license_hub.errors import BundleMalformed
from license_hub.log.tree import leaf_hash
from license_hub.signing import bundle as bundles
from license_hub.signing import reference, statuslist
from license_hub.signing.canonical import jcs, parse
from license_hub.signing.keyring import InsecureDevSigner
from license_hub.signing.standing import Because, Standing
from license_hub.signing.statuslist import Listed
from license_hub.signing.suites import PublicKey
from tests.golden.license.build import FOLDER, read_case

CASE = read_case()
SIGNER = InsecureDevSigner("Ed25519", bytes(range(32)))
STRANGER = InsecureDevSigner("Ed25519", bytes(32))
TRUST = replace(CASE.trust, status_keys=(PublicKey("status", SIGNER.kid, SIGNER.alg, SIGNER.public),))
URI, INDEX = "https://hub.example/status/3", 1234
WHOLE = bundles.read((FOLDER / "whole.license.json").read_bytes())
NOW = CASE.now + timedelta(minutes=10)


def referring(bundle=WHOLE, signer=SIGNER, leaf: bytes | None = None, index: int = INDEX) -> bundles.Bundle:
    made = reference.make(signer, leaf_hash(leaf or bundle.leaf), URI, index, CASE.now)
    return bundles.read(bundles.write(replace(bundle, status=made)))


def token(value: Listed, signer=SIGNER, uri: str = URI, issued_at=CASE.now, life_s: int = 3600) -> str:
    values = np.zeros(statuslist.SHARD, np.uint8)
    values[INDEX] = value
    packed = statuslist.compress(statuslist.pack(values))
    return statuslist.make(signer, uri, packed, issued_at, life_s=life_s, ttl_s=60)


def standing(bundle: bundles.Bundle, listed: str | None, **more: object) -> Standing:
    options = {"now": NOW, "trust": TRUST} | more
    return bundles.verify_bundle(bundle, options.pop("trust"), options.pop("now"), status_list=listed, **options).standing


@pytest.mark.parametrize(("value", "status"), list(zip(Listed, ("VALID", "INVALID", "INVALID", "UNDETERMINED"), strict=True)))
def test_fresh_list_says_the_status_and_its_age(value, status):
    assert standing(referring(), token(value)) == Standing(status, Because.LISTED, value, 600)


def test_t5_stale_list_is_undetermined_whatever_it_says():
    for value in Listed:
        late = standing(referring(), token(value), now=CASE.now + timedelta(hours=1))
        assert late == Standing("UNDETERMINED", Because.LIST_STALE, value, 3600)
    assert standing(referring(), token(Listed.VALID), now=CASE.now + timedelta(minutes=59)).status == "VALID"


def test_verifier_may_demand_a_younger_list_than_the_hub_does():
    assert standing(referring(), token(Listed.VALID), max_age_s=600).status == "VALID"
    assert standing(referring(), token(Listed.VALID), max_age_s=599).because is Because.LIST_STALE


def test_without_list_or_reference_nothing_is_said():
    assert standing(referring(), None) == Standing("UNDETERMINED", Because.NO_LIST)
    assert standing(WHOLE, token(Listed.VALID)) == Standing("UNDETERMINED", Because.NO_REFERENCE)


@pytest.mark.parametrize(
    "made",
    [
        lambda: token(Listed.VALID, signer=STRANGER),
        lambda: token(Listed.VALID, uri="https://hub.example/status/4"),
        lambda: token(Listed.VALID, issued_at=NOW + timedelta(minutes=2)),
        lambda: token(Listed.VALID)[:-4] + "AAAA",
        lambda: "not a token",
        lambda: "",
    ],
    ids=["by another key", "of another address", "from the future", "spoilt", "no token", "empty"],
)
def test_t5_list_that_cannot_be_relied_on_is_undetermined(made):
    found = standing(referring(), made())
    assert (found.status, found.because) == ("UNDETERMINED", Because.LIST_BAD) and found.fault


def test_t5_bundle_without_trusted_status_keys_is_not_good():
    report = bundles.verify_bundle(referring(), CASE.trust, NOW, status_list=token(Listed.VALID))
    assert report.failed == ("status",)
    assert report.standing == Standing("INVALID", Because.PROOF_BAD)


def test_t5_place_of_another_license_cannot_be_borrowed():
    """A revoked license with the good reference of another one, or with a place its holder made up."""
    borrowed = referring(leaf=b"the leaf of another license")
    invented = referring(signer=STRANGER, index=7)
    for twin in (borrowed, invented):
        report = bundles.verify_bundle(twin, TRUST, NOW, status_list=token(Listed.VALID))
        assert report.failed == ("status",) and report.standing.status == "INVALID"
    head, _, signature = referring().status.split(".")
    other = referring(index=7).status.split(".")[1]
    twin = replace(WHOLE, status=f"{head}.{other}.{signature}")
    assert bundles.verify_bundle(twin, TRUST, NOW, status_list=token(Listed.VALID)).failed == ("status",)


def test_dates_of_the_face_count_before_any_list():
    after = CASE.now.replace(year=2057)
    found = standing(referring(), token(Listed.VALID, issued_at=after), now=after)
    assert (found.status, found.because) == ("INVALID", Because.DATES)


def test_spoilt_license_is_invalid_whatever_the_list_says():
    spoilt = bundles.read((FOLDER / "broken" / "field-changed.license.json").read_bytes())
    assert standing(referring(spoilt), token(Listed.VALID)) == Standing("INVALID", Because.PROOF_BAD)


def test_bundle_with_a_reference_is_read_back_and_old_bundles_stay_readable():
    made = referring()
    assert bundles.read(bundles.write(made)) == made != WHOLE
    steps = [step.name for step in bundles.verify_bundle(made, TRUST, NOW).steps]
    assert steps == ["identifier", "content", "leaf", "seal", "log", "status"]
    assert bundles.verify_bundle(WHOLE, TRUST, NOW).good


@pytest.mark.parametrize("status", ["", "x", "a.b.c", 5, None, {}])
def test_t29_bundle_whose_reference_has_another_form_is_refused(status):
    with pytest.raises(BundleMalformed):
        bundles.read(jcs({**parse(bundles.write(WHOLE)), "status": status}))


def test_t29_list_handed_over_as_a_reference_is_refused():
    with pytest.raises(BundleMalformed):
        bundles.read(bundles.write(replace(WHOLE, status=token(Listed.VALID))))
