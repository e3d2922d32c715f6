from __future__ import annotations

import base64
import hashlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from license_hub.errors import NoteMalformed, SignatureBad
from license_hub.log import bundle, checkpoint, note
from license_hub.log.note import NoteKey
from license_hub.log.submission import parse_request
from license_hub.signing.keyring import InsecureDevSigner

ORIGIN = "log.example/test"
SIGNER = InsecureDevSigner("Ed25519", bytes(range(32)))
OTHER = InsecureDevSigner("Ed25519", bytes(32))
KEYS = checkpoint.keys(ORIGIN, [(SIGNER.alg, SIGNER.public)])

# The example of Go's golang.org/x/mod/sumdb/note documentation: a note made by other software.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def signed(size: int = 7, root: bytes = b"r" * 32) -> checkpoint.Checkpoint:
    return checkpoint.sign(ORIGIN, size, root, [SIGNER])


def test_note_made_by_go_verifies():
    name, key_hash, encoded = GO_KEY.split("+", 2)
    raw = base64.b64decode(encoded)
    key = NoteKey(name, "Ed25519", raw[1:])
    assert raw[0] == 1
    assert key.key_id.hex() == key_hash
    assert key.text == GO_KEY
    assert note.verify(GO_NOTE, [key]).text.startswith("If you think")


def test_checkpoint_reads_as_the_specification_has_it():
    lines = signed().note.split("\n")
    assert lines[:4] == [ORIGIN, "7", base64.b64encode(b"r" * 32).decode(), ""]
    dash, name, signature = lines[4].split(" ")
    raw = base64.b64decode(signature)
    assert (dash, name, len(raw), lines[5:]) == ("—", ORIGIN, 68, [""])
    assert raw[:4] == note.key_id(ORIGIN, "Ed25519", SIGNER.public)


@given(st.integers(0, 2**53), st.binary(min_size=32, max_size=32))
def test_checkpoint_of_any_size_and_root_verifies(size, root):
    made = signed(size, root)
    assert checkpoint.verify(made.note, ORIGIN, KEYS) == made


def test_checkpoint_with_any_byte_flipped_is_refused():
    data = signed().note.encode()
    for place in range(len(data)):
        for bit in range(8):
            twin = bytes([*data[:place], data[place] ^ (1 << bit), *data[place + 1 :]])
            with pytest.raises((NoteMalformed, SignatureBad)):
                checkpoint.verify(twin.decode("utf-8", "surrogateescape"), ORIGIN, KEYS)


def test_checkpoint_of_another_log_is_refused():
    made = checkpoint.sign("log.example/other", 7, b"r" * 32, [SIGNER])
    keys = checkpoint.keys("log.example/other", [(SIGNER.alg, SIGNER.public)])
    with pytest.raises(SignatureBad, match="another log"):
        checkpoint.verify(made.note, ORIGIN, keys)


def test_checkpoint_signed_by_an_unknown_key_alone_is_refused():
    made = checkpoint.sign(ORIGIN, 7, b"r" * 32, [OTHER])
    with pytest.raises(SignatureBad, match="no known key"):
        checkpoint.verify(made.note, ORIGIN, KEYS)


def test_checkpoint_with_a_further_unknown_signature_verifies():
    made = checkpoint.sign(ORIGIN, 7, b"r" * 32, [OTHER, SIGNER])
    assert checkpoint.verify(made.note, ORIGIN, KEYS).size == 7


def test_checkpoint_with_one_bad_signature_of_a_known_key_is_refused_whole():
    good, other = signed(), checkpoint.sign(ORIGIN, 8, b"r" * 32, [OTHER])
    grafted = good.note + other.note.split("\n\n")[1]
    both = (*KEYS, *checkpoint.keys(ORIGIN, [(OTHER.alg, OTHER.public)]))
    assert checkpoint.verify(good.note, ORIGIN, both).size == 7
    with pytest.raises(SignatureBad, match="does not verify"):
        checkpoint.verify(grafted, ORIGIN, both)


@pytest.mark.parametrize(
    "text",
    [
        "o\n07\ncnJycnJycnJycnJycnJycnJycnJycnJycnJycnJycnI=\n",
        "o\n-7\ncnJycnJycnJycnJycnJycnJycnJycnJycnJycnJycnI=\n",
        "o\n٧\ncnJycnJycnJycnJycnJycnJycnJycnJycnJycnJycnI=\n",
        "o\n7\ncnJycg==\n",
        "o\n7\n",
        "o\n7\ncnJycnJycnJycnJycnJycnJycnJycnJycnJycnJycnI=\nextension\n",
        "\n7\ncnJycnJycnJycnJycnJycnJycnJycnJycnJycnJycnI=\n",
    ],
)
def test_checkpoint_of_another_form_is_refused_though_signed(text):
    made = note.sign(text, "o", [SIGNER])
    with pytest.raises(NoteMalformed):
        checkpoint.parse(made)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u3000b"])
def test_key_name_with_spaces_or_plus_is_refused(name):
    with pytest.raises(NoteMalformed, match="key name"):
        note.sign("text\n", name, [SIGNER])


@pytest.mark.parametrize("text", ["no newline", "tab\t\n", "bell\x07\n"])
def test_note_text_with_control_characters_is_refused(text):
    with pytest.raises(NoteMalformed):
        note.sign(text, "name", [SIGNER])


def test_note_beyond_its_largest_size_is_refused():
    with pytest.raises(NoteMalformed, match="too long"):
        note.parse("x" * note.MAX_NOTE_BYTES + "\n\n— a AAAAAAA=\n")


@given(st.text(max_size=200))
def test_parse_of_any_text_gives_a_note_or_refuses_it(text):
    try:
        note.parse(text)
    except NoteMalformed:
        return
    assert "\n\n" in text


def test_base64_in_a_second_spelling_is_refused():
    assert note.decode("AA==") == b"\0"
    for twin in ("AB==", "AA=", "AA", "A A==", "AA==\n", "-_==", "ＡＡ=="):
        with pytest.raises(NoteMalformed):
            note.decode(twin)


SM2_SIGNER = InsecureDevSigner("SM2", bytes(31) + b"\x05")
SM2_KEYS = checkpoint.keys(ORIGIN, [(SM2_SIGNER.alg, SM2_SIGNER.public)])


def test_checkpoint_with_an_sm2_line_verifies_by_either_key_or_both():
    made = checkpoint.sign(ORIGIN, 7, b"r" * 32, [SIGNER, SM2_SIGNER])
    for keys in (KEYS, SM2_KEYS, (*KEYS, *SM2_KEYS)):
        assert checkpoint.verify(made.note, ORIGIN, keys) == made


def test_note_sm2_line_is_of_type_0xff_and_our_documented_name():
    line = checkpoint.sign(ORIGIN, 7, b"r" * 32, [SM2_SIGNER]).note.split("\n")[4]
    raw = base64.b64decode(line.split(" ")[2])
    typed = b"\xffmianzhengtong.example/sm2-sm3/v1" + SM2_SIGNER.public
    assert raw[:4] == hashlib.sha256(ORIGIN.encode() + b"\n" + typed).digest()[:4]
    assert len(raw) == 4 + 64
    assert SM2_KEYS[0].text == f"{ORIGIN}+{raw[:4].hex()}+{base64.b64encode(typed).decode()}"


def test_note_sm2_line_under_the_ed25519_type_or_damaged_is_refused():
    made = checkpoint.sign(ORIGIN, 7, b"r" * 32, [SIGNER, SM2_SIGNER]).note
    both = (*KEYS, *SM2_KEYS)
    head, _, line = made.rstrip("\n").rpartition(" ")
    raw = bytearray(base64.b64decode(line))
    raw[10] ^= 1
    with pytest.raises(SignatureBad, match="does not verify"):
        checkpoint.verify(f"{head} {base64.b64encode(raw).decode()}\n", ORIGIN, both)
    # An old verifier that knows Ed25519 alone ignores the line, as C2SP signed-note demands.
    assert checkpoint.verify(f"{head} {base64.b64encode(raw).decode()}\n", ORIGIN, KEYS).size == 7


def test_note_key_of_an_algorithm_without_type_signs_no_note():
    stranger = InsecureDevSigner("ES256", bytes(31) + b"\x05")
    with pytest.raises(NoteMalformed, match="ES256"):
        checkpoint.sign(ORIGIN, 7, b"r" * 32, [stranger])


SIZES = st.one_of(
    st.integers(2**63, 10**30).map(str),
    st.sampled_from(["9" * 5000, "0" * 5000, "-1", "01", "1 ", "１", "²", "1_0", "+1", ""]),
    st.text(max_size=30).filter(lambda text: not (text.isascii() and text.isdigit())),
)


@given(SIZES)
def test_size_that_is_no_number_of_entries_is_malformed(size):
    text = f"{ORIGIN}\n{size}\n{note.encode(b'r' * 32)}\n\n— {ORIGIN} {note.encode(bytes(68))}\n"
    with pytest.raises(NoteMalformed):
        checkpoint.parse(text)
    with pytest.raises(NoteMalformed):
        bundle.parse(f"{bundle.HEAD}\nindex {size}\n\n{signed().note}")
    with pytest.raises(NoteMalformed):
        parse_request(f"old {size}\n\n{signed().note}".encode("utf-8", "replace"))


@given(st.text())
def test_any_text_is_a_checkpoint_or_malformed(text):
    for form in (text, f"{text}\n\n— {ORIGIN} {note.encode(bytes(68))}\n"):
        with suppress(NoteMalformed):
            checkpoint.parse(form)


def test_sizes_up_to_what_a_cosigned_message_holds_are_signed_and_no_more():
    assert checkpoint.parse(signed(2**63 - 1).note).size == 2**63 - 1
    with pytest.raises(NoteMalformed):
        signed(2**63)
