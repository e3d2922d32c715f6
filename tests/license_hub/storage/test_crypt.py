from __future__ import annotations

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from license_hub.errors import DecryptionError
from license_hub.storage.crypt import PURPOSES, Crypt

NONCE = bytes(range(12))
CRYPT = Crypt(data_key=bytes(range(32)), index_key=bytes(range(32, 64)))


@given(st.binary(max_size=300), st.integers(0, 2**60))
def test_cell_in_its_place_decrypts_to_what_went_in(plain, row):
    cell = CRYPT.encrypt("hub_version", "payload", row, plain, NONCE)
    assert CRYPT.decrypt("hub_version", "payload", row, cell) == plain
    assert len(cell) == len(plain) + 37


@pytest.mark.parametrize("place", [("hub_held", "payload", 7), ("hub_version", "secret", 7), ("hub_version", "payload", 8)])
def test_cell_moved_to_another_place_is_refused(place):
    cell = CRYPT.encrypt("hub_version", "payload", 7, b"content", NONCE)
    with pytest.raises(DecryptionError, match=r"\|".join(str(part) for part in place)):
        CRYPT.decrypt(*place, cell)


def test_cell_with_any_flipped_byte_is_refused():
    cell = CRYPT.encrypt("hub_version", "payload", 7, b"content", NONCE)
    for at in range(len(cell)):
        twin = bytearray(cell)
        twin[at] ^= 1
        with pytest.raises(DecryptionError):
            CRYPT.decrypt("hub_version", "payload", 7, bytes(twin))


def test_cell_under_another_key_is_refused_and_says_so():
    cell = CRYPT.encrypt("hub_version", "payload", 7, b"content", NONCE)
    with pytest.raises(DecryptionError, match="another key"):
        Crypt(bytes(32), CRYPT.index_key).decrypt("hub_version", "payload", 7, cell)


@given(st.text(max_size=100))
def test_blind_index_is_hmac_under_the_purpose_key(value):
    text = value.encode("utf-8", "replace").decode()
    for purpose in PURPOSES:
        found = CRYPT.blind_index(purpose, text)
        assert found[1:] == hmac.digest(CRYPT.purpose_key(purpose), text.encode(), "sha256")[1:] and found[0] == CRYPT.index_kid == 1


def test_blind_index_of_one_value_differs_by_purpose():
    assert len({CRYPT.blind_index(purpose, "99010119500101001X") for purpose in PURPOSES}) == len(PURPOSES)


def test_blind_index_for_an_unknown_purpose_is_refused():
    with pytest.raises(KeyError):
        CRYPT.blind_index("name", "x")


def test_crypt_shown_to_people_shows_no_key():
    assert CRYPT.data_key.hex() not in repr(CRYPT) and repr(CRYPT) == "Crypt()"


GROWN = Crypt(bytes(range(64, 96)), CRYPT.index_key + bytes(range(96, 128)), older={CRYPT.kid: CRYPT.data_key})


def test_cell_under_a_former_data_key_opens_and_new_ones_are_under_the_current():
    cell = CRYPT.encrypt("hub_version", "payload", 7, b"content", NONCE)
    assert GROWN.decrypt("hub_version", "payload", 7, cell) == b"content"
    with pytest.raises(DecryptionError, match="another key"):
        CRYPT.decrypt("hub_version", "payload", 7, GROWN.encrypt("hub_version", "payload", 7, b"content", NONCE))


def test_cell_under_a_key_another_process_just_made_opens_after_one_look():
    asked = []
    late = Crypt(CRYPT.data_key, CRYPT.index_key, reload=lambda: asked.append(1) or {GROWN.kid: GROWN.data_key})
    cell = GROWN.encrypt("hub_version", "payload", 7, b"content", NONCE)
    assert [late.decrypt("hub_version", "payload", 7, cell) for _ in range(3)] == [b"content"] * 3
    assert asked == [1]


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_stored_index_advances_to_the_current_key_without_its_value(value):
    before, now = CRYPT.blind_index("holder", value), GROWN.blind_index("holder", value)
    assert GROWN.advance("holder", before) == now == GROWN.advance("holder", now)
    assert GROWN.probes("holder", value) == (now, before) and CRYPT.probes("holder", value) == (before,)
    assert (before[0], now[0]) == (1, 2) and before[1:] != now[1:]
