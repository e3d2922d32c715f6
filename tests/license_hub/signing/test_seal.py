from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from license_hub.errors import SignatureBad
from license_hub.log.tree import leaf_hash
from license_hub.signing import seal
from license_hub.signing.canonical import jcs, parse
from license_hub.signing.keyring import InsecureDevSigner, Keyring
from license_hub.signing.suites import PublicKey

ISSUER, OTHER = "119900000000000000", "119900000000000001"
RING = Keyring("unused", {f"organ/{ISSUER}": bytes(range(32)), f"organ/{OTHER}": bytes(32)})
SIGNER = RING.signer(f"organ/{ISSUER}")
KEYS = RING.public_keys(f"organ/{ISSUER}")
AT = "2026-11-21T08:00:00Z"


def attested(count: int = 5):
    hashes = [leaf_hash(b"%d" % number) for number in range(count)]
    root, tiles = seal.issuer_tree(hashes)
    return hashes, tiles, seal.attest(SIGNER, ISSUER, count, root, AT, resource="population", publication=3)


def test_statement_reads_back():
    hashes, _, made = attested()
    statement = seal.check(made, KEYS)
    assert statement == seal.Statement(ISSUER, "population", 3, 5, seal.issuer_tree(hashes)[0], AT)
    assert set(parse(made.statement)) == {"v", "kind", "issuer", "resource", "publication", "size", "root", "at"}


@given(st.integers(1, 600), st.data())
def test_path_of_every_row_is_covered_and_no_other(count, data):
    hashes, tiles, made = attested(count)
    statement = seal.check(made, KEYS)
    index = data.draw(st.integers(0, count - 1))
    path = seal.path_of(tiles, index, count)
    assert seal.covers(statement, hashes[index], path)
    assert not seal.covers(statement, leaf_hash(b"other"), path)
    assert count == 1 or not seal.covers(statement, hashes[index], replace(path, index=(index + 1) % count))


def test_statement_with_any_byte_flipped_is_refused():
    _, _, made = attested()
    for place in range(len(made.statement)):
        twin = bytes([*made.statement[:place], made.statement[place] ^ 1, *made.statement[place + 1 :]])
        with pytest.raises(SignatureBad):
            seal.check(replace(made, statement=twin), KEYS)
    for place in range(len(made.signature)):
        twin = bytes([*made.signature[:place], made.signature[place] ^ 1, *made.signature[place + 1 :]])
        with pytest.raises(SignatureBad):
            seal.check(replace(made, signature=twin), KEYS)


def test_attestation_under_another_algorithm_name_is_refused():
    _, _, made = attested()
    with pytest.raises(SignatureBad):
        seal.check(replace(made, alg="SM2-SM3"), KEYS)


def test_attestation_by_an_unregistered_key_is_refused():
    _, _, made = attested()
    with pytest.raises(SignatureBad, match="no registered key"):
        seal.check(made, RING.public_keys(f"organ/{OTHER}"))


def test_attestation_in_the_name_of_another_organ_is_refused_though_signed():
    """An organ's key may speak for that organ alone, even if a verifier trusts both."""
    made = seal.attest(SIGNER, OTHER, 1, bytes(32), AT, resource="population", publication=1)
    with pytest.raises(SignatureBad, match="not of the organ"):
        seal.check(made, KEYS)


@pytest.mark.parametrize(
    "change",
    [{"v": 2}, {"v": True}, {"kind": "other"}, {"size": "5"}, {"root": "00"}, {"root": "G" * 64}, {"publication": None}, {"more": 1}],
    ids=repr,
)
def test_statement_of_another_form_is_refused_though_signed(change):
    _, _, made = attested()
    statement = jcs(parse(made.statement) | change)
    with pytest.raises(SignatureBad):
        seal.check(replace(made, statement=statement, signature=SIGNER.sign(statement)), KEYS)


@pytest.mark.parametrize("statement", [b"[]", b"not json", b'{"v":1}', b"\xff"])
def test_statement_that_is_none_is_refused_though_signed(statement):
    _, _, made = attested()
    with pytest.raises(SignatureBad):
        seal.check(replace(made, statement=statement, signature=SIGNER.sign(statement)), KEYS)


def test_attestation_sealed_with_sm2_is_checked_by_the_key_that_made_it():
    hashes = [leaf_hash(b"%d" % number) for number in range(5)]
    root, tiles = seal.issuer_tree(hashes)
    signer = InsecureDevSigner("SM2", bytes(31) + b"\x03")
    key = PublicKey(f"organ/{ISSUER}", signer.kid, signer.alg, signer.public)
    made = seal.attest(signer, ISSUER, 5, root, AT, resource="population", publication=3)
    assert (made.alg, len(made.signature)) == ("SM2", 64)
    assert seal.covers(seal.check(made, [key]), hashes[2], seal.path_of(tiles, 2, 5))
    twin = made.signature[:-1] + bytes([made.signature[-1] ^ 1])
    for spoilt, keys in ((replace(made, signature=twin), [key]), (replace(made, alg="Ed25519"), [key]), (made, KEYS)):
        with pytest.raises(SignatureBad):
            seal.check(spoilt, keys)
