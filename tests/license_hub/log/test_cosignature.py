from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from license_hub.errors import NoteMalformed, SignatureBad
from license_hub.log import checkpoint, cosignature, note
from license_hub.log.cosignature import ED25519, ML_DSA_44, WitnessKey, add_lines, cosign, cosigned, witness_key
from license_hub.signing.keyring import InsecureDevSigner
from license_hub.witness.keys import WitnessSigner

ORIGIN, NAME, AT = "log.example/test", "witness.example/w1", 1_795_248_000
LOG = InsecureDevSigner("Ed25519", bytes(range(32)))
SIGNERS = {alg: WitnessSigner(alg, bytes([7]) * 32) for alg in (ED25519, ML_DSA_44)}
KEYS = {alg: WitnessKey(NAME, alg, one.public) for alg, one in SIGNERS.items()}
DATA = Path(__file__).with_name("data")


def head(size: int = 7, origin: str = ORIGIN) -> checkpoint.Checkpoint:
    return checkpoint.sign(origin, size, b"r" * 32, [LOG])


def with_lines(made: checkpoint.Checkpoint, *lines: str) -> checkpoint.Checkpoint:
    return replace(made, note=add_lines(made.note, lines))


def test_ml_dsa_44_signature_made_by_other_software_verifies():
    """Checkpoint and key from FiloSottile/torchwood on GitHub, cmd/litewitness/testdata/mldsa.txt; its time is 0."""
    text = DATA.joinpath("mldsa44.vkey").read_text("utf-8").strip()
    made = checkpoint.parse(DATA.joinpath("mldsa44.checkpoint").read_text("utf-8"))
    key = witness_key(text)
    assert key.text == text
    assert cosigned(made, [key]) == {}  # verified, but of time 0: says nothing about when
    with pytest.raises(SignatureBad):
        cosigned(replace(made, size=made.size + 1), [key])


@pytest.mark.parametrize("alg", SIGNERS)
def test_cosignature_verifies_with_its_time_and_key_text_reads_back(alg):
    made = with_lines(head(), cosign(head(), NAME, SIGNERS[alg], AT))
    assert cosigned(made, list(KEYS.values())) == {KEYS[alg]: AT}
    assert witness_key(KEYS[alg].text) == KEYS[alg]
    assert note.verify(made.note, checkpoint.keys(ORIGIN, [(LOG.alg, LOG.public)]))


def test_ed25519_cosignature_is_over_the_specifications_text():
    signature = note.parse(f"x\n\n{cosign(head(), NAME, SIGNERS[ED25519], AT)}").signatures[0].signature
    text = f"cosignature/v1\ntime {AT}\n{note.parse(head().note).text}".encode()
    assert signature[:8] == AT.to_bytes(8, "big")
    assert signature[8:] == SIGNERS[ED25519].sign(text)


def test_ml_dsa_44_message_is_the_specifications_structure():
    assert cosignature.message(head(), NAME, ML_DSA_44, AT) == (
        b"subtree/v1\n\0"
        + b"\x12"
        + NAME.encode()
        + AT.to_bytes(8, "big")
        + b"\x10"
        + ORIGIN.encode()
        + bytes(8)
        + (7).to_bytes(8, "big")
        + b"r" * 32
    )


@pytest.mark.parametrize("alg", SIGNERS)
def test_cosignature_moved_to_another_checkpoint_is_refused_whole(alg):
    line = cosign(head(), NAME, SIGNERS[alg], AT)
    for other in (head(8), head(origin="log.example/other"), replace(head(), root=b"s" * 32)):
        rebuilt = checkpoint.sign(other.origin, other.size, other.root, [LOG])
        with pytest.raises(SignatureBad, match=NAME):
            cosigned(with_lines(rebuilt, line), list(KEYS.values()))


@pytest.mark.parametrize("alg", SIGNERS)
def test_cosignature_with_any_byte_flipped_is_refused(alg):
    line = cosign(head(), NAME, SIGNERS[alg], AT)
    raw = note.decode(line.split(" ")[2].strip())
    for place in range(4, len(raw), 1 if alg == ED25519 else 23):
        twin = bytes([*raw[:place], raw[place] ^ 1, *raw[place + 1 :]])
        with pytest.raises(SignatureBad):
            cosigned(with_lines(head(), f"— {NAME} {note.encode(twin)}\n"), list(KEYS.values()))


@pytest.mark.parametrize("alg", SIGNERS)
def test_cosignature_cut_short_is_refused(alg):
    raw = note.decode(cosign(head(), NAME, SIGNERS[alg], AT).split(" ")[2].strip())
    for length in (5, 11, 12, 13, len(raw) - 1):
        with pytest.raises(SignatureBad):
            cosigned(with_lines(head(), f"— {NAME} {note.encode(raw[:length])}\n"), list(KEYS.values()))


def test_cosignature_of_an_unknown_key_or_under_another_name_is_not_counted():
    stranger = WitnessSigner(ED25519, bytes(32))
    lines = [cosign(head(), NAME, stranger, AT), cosign(head(), "witness.example/w2", SIGNERS[ED25519], AT)]
    assert cosigned(with_lines(head(), *lines), list(KEYS.values())) == {}


def test_logs_own_signature_type_is_no_cosignature():
    """An Ed25519 signature over the text (type 0x01) by the witness's own key says nothing about consistency."""
    plain = note.sign(note.parse(head().note).text, NAME, [InsecureDevSigner("Ed25519", bytes([7]) * 32)])
    made = replace(head(), note=plain)
    assert cosigned(made, list(KEYS.values())) == {}


def test_cosignature_of_time_zero_is_not_counted():
    assert cosigned(with_lines(head(), cosign(head(), NAME, SIGNERS[ML_DSA_44], 0)), list(KEYS.values())) == {}


def test_same_line_twice_counts_once_and_of_two_times_the_later():
    lines = [cosign(head(), NAME, SIGNERS[ED25519], at) for at in (AT, AT + 60, AT)]
    made = with_lines(head(), *lines)
    assert made.note.count(NAME) == 2
    assert cosigned(made, list(KEYS.values())) == {KEYS[ED25519]: AT + 60}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a+b",
        "a+00000000+",
        "a+00000000+AAAA",
        KEYS[ED25519].text[:-4],
        KEYS[ED25519].text.replace("w1", "w2"),
        " " + KEYS[ED25519].text,
        checkpoint.keys(ORIGIN, [(LOG.alg, LOG.public)])[0].text,
    ],
)
def test_text_that_is_no_cosigners_key_is_refused(text):
    with pytest.raises(NoteMalformed):
        witness_key(text)


@settings(max_examples=200)
@given(st.text(max_size=200))
def test_any_text_as_key_is_read_or_refused(text):
    with pytest.raises(NoteMalformed):
        witness_key(text)
