"""The strict look at a token before any library's: one test per way two parsers may disagree (threats.md findings 1–3, T3, T4)."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from license_hub.api.jose import JoseRefused, precheck

TYPES = frozenset({"at+jwt"})
HEADER = {"alg": "EdDSA", "kid": "k1", "typ": "at+jwt"}


def encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def token(header: object = HEADER, claims: object = {"sub": "c1"}, signature: bytes = b"\x01" * 64) -> str:
    parts = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in (header, claims)]
    return ".".join(encode(one) for one in (*parts, signature))


def test_token_well_formed_gives_its_parts():
    text = token()
    read = precheck(text, types=TYPES, algorithms={"k1": "EdDSA"})
    assert (read.kid, read.claims, read.signature) == ("k1", {"sub": "c1"}, b"\x01" * 64)
    assert read.signing_input.decode() == text.rpartition(".")[0]


def test_token_type_with_media_prefix_and_capitals_is_the_same_type():
    assert precheck(token(HEADER | {"typ": "application/AT+JWT"}), types=TYPES).kid == "k1"


@pytest.mark.parametrize("name", ["jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256", "crit", "b64", "zip"])
def test_token_header_naming_a_key_or_extension_is_refused(name):
    with pytest.raises(JoseRefused, match="header carries"):
        precheck(token(HEADER | {name: "x"}), types=TYPES)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"typ": None}, "typ"),
        ({"typ": "jwt"}, "typ"),
        ({"typ": 1}, "typ"),
        ({"kid": None}, "kid"),
        ({"kid": ""}, "kid"),
        ({"kid": 7}, "kid"),
        ({"alg": None}, "alg"),
        ({"alg": "none"}, "alg"),
        ({"alg": "NoNe"}, "alg"),
        ({"alg": "HS256"}, "alg"),
        ({"alg": ["EdDSA"]}, "alg"),
    ],
)
def test_token_header_incomplete_or_symmetric_is_refused(change, why):
    header = {name: value for name, value in (HEADER | change).items() if value is not None}
    with pytest.raises(JoseRefused, match=why):
        precheck(token(header), types=TYPES)


@pytest.mark.parametrize(("kid", "alg"), [("k1", "ES256"), ("other", "EdDSA")])
def test_token_algorithm_not_the_one_of_its_kid_is_refused(kid, alg):
    with pytest.raises(JoseRefused, match="kid"):
        precheck(token(HEADER | {"kid": kid, "alg": alg}), types=TYPES, algorithms={"k1": "EdDSA"})


@pytest.mark.parametrize(
    "raw",
    [
        (b'{"alg":"none","alg":"EdDSA","kid":"k1","typ":"at+jwt"}', b'{"sub":"a"}'),
        (json.dumps(HEADER).encode(), b'{"sub":"a","sub":"b"}'),
        (json.dumps(HEADER).encode(), b'{"cnf":{"jkt":"a","jkt":"b"}}'),
    ],
    ids=["header", "claims", "nested"],
)
def test_token_with_a_name_twice_is_refused(raw):
    with pytest.raises(JoseRefused, match="twice"):
        precheck(token(*raw), types=TYPES)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text + "=",
        lambda text: text + ".x",
        lambda text: text.replace(".", "..", 1),
        lambda text: text.rpartition(".")[0],
        lambda text: text.rpartition(".")[0] + ".",
        lambda text: text + "\n",
        lambda text: " " + text,
        lambda text: text.replace(".", ".+", 1),
        lambda text: text.replace(".", "./", 1),
        lambda text: "A" * 5000,
        lambda text: "",
    ],
)
def test_token_with_other_characters_or_segments_is_refused(spoil):
    with pytest.raises(JoseRefused):
        precheck(spoil(token()), types=TYPES)


def test_token_second_spelling_of_the_same_bytes_is_refused():
    text = token(signature=b"\x00" * 64)
    assert text.endswith("AA")
    with pytest.raises(JoseRefused, match="canonical"):
        precheck(text[:-1] + "B", types=TYPES)


@pytest.mark.parametrize("claims", [b"[1]", b'"a"', b"1", b"{", b"\xff", b'{"exp":NaN}', b'{"exp":Infinity}', b"[" * 2000])
def test_token_payload_not_a_json_object_is_refused(claims):
    with pytest.raises(JoseRefused):
        precheck(token(claims=claims), types=TYPES)


@given(st.text(max_size=300))
def test_token_any_text_is_read_or_refused_never_a_crash(text):
    with pytest.raises(JoseRefused):
        precheck(text, types=TYPES)


@given(st.integers(0, len(token()) - 1), st.sampled_from("ABab01-_.=+"))
def test_token_one_character_changed_never_reads_as_the_same_token(place, character):
    text = token()
    changed = text[:place] + character + text[place + 1 :]
    try:
        read = precheck(changed, types=TYPES)
    except JoseRefused:
        return
    original = precheck(text, types=TYPES)
    assert changed == text or (read.signing_input, read.signature) != (original.signing_input, original.signature)
