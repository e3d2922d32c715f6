from __future__ import annotations

import pytest

from license_hub.errors import NoteMalformed, SignatureBad
from license_hub.log import bundle, checkpoint
from license_hub.log.bundle import Proof
from license_hub.log.proof import inclusion_proof
from license_hub.log.tiles import TileMap, build
from license_hub.log.tree import leaf_hash, root

from .conftest import ORIGIN


@pytest.fixture
def proven(signer):
    hashes = [leaf_hash(b"%d" % number) for number in range(13)]
    head = checkpoint.sign(ORIGIN, 13, root(hashes), [signer])
    proof = Proof(5, tuple(inclusion_proof(TileMap(build(hashes)), 5, 13)), head.note)
    return proof, hashes[5], checkpoint.keys(ORIGIN, [(signer.alg, signer.public)])


def test_proof_reads_as_the_specification_has_it(proven):
    proof, _, _ = proven
    head, signed = proof.text.split("\n\n", 1)
    assert head.split("\n")[:2] == ["c2sp.org/tlog-proof@v1", "index 5"]
    assert len(head.split("\n")) == 2 + 4
    assert signed == proof.checkpoint
    assert bundle.parse(proof.text) == proof


def test_proof_verifies_for_its_leaf_alone(proven):
    proof, leaf, keys = proven
    assert bundle.verify(bundle.parse(proof.text), leaf, ORIGIN, keys).size == 13
    with pytest.raises(SignatureBad, match="not at that place"):
        bundle.verify(proof, leaf_hash(b"6"), ORIGIN, keys)


def test_proof_with_any_byte_flipped_is_refused(proven):
    proof, leaf, keys = proven
    data = proof.text.encode()
    for place in range(len(data)):
        for bit in (0, 1, 5):
            twin = bytes([*data[:place], data[place] ^ (1 << bit), *data[place + 1 :]])
            with pytest.raises((NoteMalformed, SignatureBad)):
                bundle.verify(bundle.parse(twin.decode("utf-8", "surrogateescape")), leaf, ORIGIN, keys)


def test_proof_of_a_single_leaf_has_no_path(signer):
    head = checkpoint.sign(ORIGIN, 1, leaf_hash(b"only"), [signer])
    proof = Proof(0, (), head.note)
    assert bundle.parse(proof.text) == proof
    assert proof.text.startswith("c2sp.org/tlog-proof@v1\nindex 0\n\nlog.example/test\n1\n")


@pytest.mark.parametrize("change", [("index 5", "index 05"), ("index 5", "index -1"), ("index 5", "extra QQ==\nindex 5"), ("@v1", "@v2")])
def test_proof_in_another_form_is_refused(proven, change):
    with pytest.raises(NoteMalformed):
        bundle.parse(proven[0].text.replace(*change))
