"""Status lists: the draft's own vectors, places that reveal nothing, and tokens nobody else can make."""

from __future__ import annotations

import base64
import json
import time
import zlib
from datetime import UTC, datetime, timedelta

import jwt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from license_hub.domain.lifecycle import State
from license_hub.errors import JoseRefused, TokenMalformed
from license_hub.signing import jose, statuslist
from license_hub.signing.keyring import InsecureDevSigner
from license_hub.signing.statuslist import LISTED, SHARD, Listed, Places
from license_hub.signing.suites import PublicKey

AT = datetime(2026, 11, 22, 2, 0, 0, tzinfo=UTC)
URI = "https://hub.example/status/0"
SIGNER = InsecureDevSigner("Ed25519", bytes(range(32)))
KEYS = (PublicKey("status", SIGNER.kid, SIGNER.alg, SIGNER.public),)

VECTOR = {
    0: 1, 1993: 2, 25460: 1, 159495: 3, 495669: 1, 554353: 1, 645645: 2, 723232: 1, 854545: 1, 934534: 2, 1000345: 3,
}  # fmt: skip
"""draft-ietf-oauth-status-list-21, C.2: 2^20 entries of 2 bits, all others 0."""
VECTOR_LST = (
    "eNrt2zENACEQAEEuoaBABP5VIO01fCjIHTMStt9ovGVIAAAAAABAbiEBAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAEB5WwIAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAID0ugQAAAAAAAAAAAAAAAAAQG12SgAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAOCSIQEAAAAAAAAAAAAAAAAAAAAAAAD8ExIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAwJEuAQAAAAAAAAAAAAAAAAAAAAAAAMB9SwIAAA"
    "AAAAAAAAAAAAAAAACoYUoAAAAAAAAAAAAAAEBqH81gAQw"
)


def text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(values: dict[int, int] | None = None, **more: object) -> str:
    listed = np.zeros(SHARD, np.uint8)
    for index, value in (values or {}).items():
        listed[index] = value
    options = {"life_s": 3600, "ttl_s": 900} | more
    return statuslist.make(SIGNER, URI, statuslist.compress(statuslist.pack(listed)), AT, **options)


def test_short_example_of_the_draft_is_given_byte_for_byte():
    packed = statuslist.pack(np.array([1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3], np.uint8))
    assert (packed.hex(), text(statuslist.compress(packed))) == ("c944f9", "eNo76fITAAPfAgc")


def test_long_vector_of_the_draft_is_given_byte_for_byte_and_read():
    claims = jose.read_own(token(VECTOR), statuslist.TYPE, KEYS)
    assert claims["status_list"] == {"bits": 2, "lst": VECTOR_LST}
    read = statuslist.read(token(VECTOR), KEYS)
    assert [read.listed(index) for index in VECTOR] == list(VECTOR.values())
    assert read.listed(1) is read.listed(SHARD - 1) is Listed.VALID


def test_token_has_the_claims_of_the_draft_and_any_jwt_library_reads_it():
    made = token(aggregation_uri="https://hub.example/status")
    header = jwt.get_unverified_header(made)
    assert header == {"alg": "EdDSA", "kid": SIGNER.kid, "typ": "statuslist+jwt"}
    options = {"verify_exp": False, "verify_iat": False}
    claims = jwt.decode(made, jwt.PyJWK(KEYS[0].jwk()), algorithms=["EdDSA"], options=options)
    assert (claims["sub"], claims["iat"], claims["exp"] - claims["iat"], claims["ttl"]) == (URI, int(AT.timestamp()), 3600, 900)
    assert claims["status_list"]["bits"] == 2 and claims["status_list"]["aggregation_uri"] == "https://hub.example/status"


def test_read_gives_times_and_age():
    read = statuslist.read(token(), KEYS)
    assert (read.uri, read.issued_at, read.expires_at, read.ttl_s) == (URI, AT, AT + timedelta(hours=1), 900)
    assert read.age_s(AT + timedelta(minutes=5)) == 300


def test_every_state_is_listed():
    assert set(LISTED) == set(State)
    assert {state for state, one in LISTED.items() if one is Listed.VALID} == {State.IN_FORCE}


@given(st.lists(st.integers(0, 3), min_size=1, max_size=40))
def test_packed_values_come_back(values):
    values = values + [0] * (-len(values) % 4)
    packed = statuslist.pack(np.array(values, np.uint8))
    assert len(packed) == len(values) // 4
    assert statuslist.unpack(packed).tolist() == values


@settings(max_examples=5, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.integers(0, SHARD - 1))
def test_places_are_a_permutation_and_one_alone_is_the_same(seed, place):
    places = Places(seed)
    indices = places.indices(np.arange(SHARD, dtype=np.uint32))
    assert np.array_equal(np.sort(indices), np.arange(SHARD))
    assert places.index(place) == indices[place]


def test_places_reveal_no_neighbours():
    """Neighbours in the order of issue lie as far apart as chance puts them, and another seed puts them elsewhere."""
    indices = Places(bytes(32)).indices(np.arange(SHARD, dtype=np.uint32)).astype(np.int64)
    gaps = np.abs(np.diff(indices))
    # Two random places of n are n / 3 apart on average, within 1 / sqrt(n) of that many standard deviations.
    assert abs(gaps.mean() / (SHARD / 3) - 1) < 0.005
    assert (gaps < 1024).mean() < 0.0025
    other = Places(bytes(31) + b"\1").indices(np.arange(SHARD, dtype=np.uint32))
    assert (indices == other).sum() < 20
    assert abs(np.corrcoef(indices, np.arange(SHARD))[0, 1]) < 0.005


def test_places_of_a_seed_never_move():
    """Bundles carry their index for years: another value here would break every one."""
    assert [Places(bytes(32)).index(place) for place in (0, 1, 2, SHARD - 1)] == [561753, 48353, 856569, 498865]


def test_t5_list_signed_by_another_key_is_refused():
    stranger = InsecureDevSigner("Ed25519", bytes(32))
    theirs = PublicKey("status", stranger.kid, stranger.alg, stranger.public)
    with pytest.raises(JoseRefused, match="no key that is trusted"):
        statuslist.read(token(), (theirs,))
    with pytest.raises(JoseRefused):
        statuslist.read(token(), ())
    with pytest.raises(JoseRefused, match="does not verify"):
        statuslist.read(token(), (PublicKey("status", SIGNER.kid, "Ed25519", stranger.public),))


def test_t5_list_with_any_character_changed_is_refused():
    made = token({5: 1})
    for place in range(0, len(made), 7):
        twin = made[:place] + ("A" if made[place] != "A" else "B") + made[place + 1 :]
        with pytest.raises((JoseRefused, TokenMalformed)):
            statuslist.read(twin, KEYS)


def signed(**changes: object) -> str:
    claims = {"sub": URI, "iat": 1, "exp": 2, "ttl": 1, "status_list": {"bits": 2, "lst": text(zlib.compress(b"\0"))}}
    return jose.make(SIGNER, "statuslist+jwt", {name: one for name, one in (claims | changes).items() if one is not None})


@pytest.mark.parametrize(
    "changes",
    [
        {"sub": None}, {"iat": None}, {"exp": None}, {"ttl": None}, {"status_list": None}, {"more": 1}, {"sub": 1}, {"iat": "1"},
        {"exp": 1}, {"ttl": 0}, {"iat": -1}, {"exp": 2**40}, {"ttl": True}, {"status_list": []},
        {"status_list": {"bits": 1, "lst": ""}}, {"status_list": {"bits": 2}}, {"status_list": {"bits": 2, "lst": 5}},
        {"status_list": {"bits": 2, "lst": "*"}}, {"status_list": {"bits": 2, "lst": text(b"no zlib")}},
        {"status_list": {"bits": 2, "lst": text(zlib.compress(bytes(SHARD)))}},
        {"status_list": {"bits": 2, "lst": text(zlib.compress(b"\0")[:-1])}},
        {"status_list": {"bits": 2, "lst": text(zlib.compress(b"\0") + b"more")}},
    ],
    ids=str,
)  # fmt: skip
def test_t29_well_signed_list_of_another_form_is_refused(changes):
    assert statuslist.read(signed(), KEYS).listed(3) is Listed.VALID
    with pytest.raises(TokenMalformed):
        statuslist.read(signed(**changes), KEYS)


def test_index_beyond_the_list_is_refused():
    read = statuslist.read(signed(), KEYS)
    for index in (-1, 4, SHARD):
        with pytest.raises(TokenMalformed):
            read.listed(index)


def part(value: object) -> str:
    return text(json.dumps(value, separators=(",", ":"), sort_keys=True).encode())


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none", "kid": SIGNER.kid, "typ": "statuslist+jwt"},
        {"alg": "HS256", "kid": SIGNER.kid, "typ": "statuslist+jwt"},
        {"alg": "EdDSA", "kid": SIGNER.kid, "typ": "JWT"},
        {"alg": "EdDSA", "typ": "statuslist+jwt"},
        {"alg": "EdDSA", "jwk": {}, "kid": SIGNER.kid, "typ": "statuslist+jwt"},
        {"alg": "EdDSA", "crit": [], "kid": SIGNER.kid, "typ": "statuslist+jwt"},
    ],
    ids=str,
)
def test_t2_token_with_another_header_is_refused_though_well_signed(header):
    body = token().split(".")[1]
    head = f"{part(header)}.{body}"
    with pytest.raises(JoseRefused):
        statuslist.read(f"{head}.{text(SIGNER.sign(head.encode()))}", KEYS)


@pytest.mark.parametrize(
    "change", [lambda one: one + "=", lambda one: one + ".", lambda one: "." + one, lambda one: one.replace(".", "..", 1)]
)
def test_t2_token_in_another_spelling_is_refused(change):
    with pytest.raises(JoseRefused):
        statuslist.read(change(token()), KEYS)


@pytest.mark.parametrize("entries", [pytest.param(2 * SHARD, id="2m"), pytest.param(100_000_000, id="100m", marks=pytest.mark.nightly)])
def test_lists_of_many_entries_are_made_and_read_and_their_size_and_time_told(entries, capsys):
    """1 % invalid, 0.1 % suspended, the last shard partly empty. Time and size are recorded, the content is checked."""
    draws = np.random.default_rng(7)
    spent = dict.fromkeys(("values", "places", "pack", "zlib", "sign", "read"), 0.0)
    sizes = []
    for shard in range(-(-entries // SHARD)):
        began = time.perf_counter()
        held = min(SHARD, entries - shard * SHARD)
        values = draws.choice(np.array([0, 1, 2], np.uint8), held, p=[0.989, 0.01, 0.001])
        spent["values"] += time.perf_counter() - began
        began = time.perf_counter()
        listed, places = statuslist.empty(), Places(shard.to_bytes(32, "big"))
        listed[places.indices(np.arange(held, dtype=np.uint32))] = values
        spent["places"] += time.perf_counter() - began
        began = time.perf_counter()
        packed = statuslist.pack(listed)
        spent["pack"] += time.perf_counter() - began
        began = time.perf_counter()
        compressed = statuslist.compress(packed)
        spent["zlib"] += time.perf_counter() - began
        began = time.perf_counter()
        made = statuslist.make(SIGNER, URI, compressed, AT, life_s=3600, ttl_s=900)
        spent["sign"] += time.perf_counter() - began
        began = time.perf_counter()
        read = statuslist.read(made, KEYS)
        spent["read"] += time.perf_counter() - began
        sizes.append(len(made))
        assert all(read.listed(places.index(place)) == values[place] for place in draws.integers(0, held, 20).tolist())
    del spent["values"]
    with capsys.disabled():
        steps = ", ".join(f"{name} {seconds:.1f}" for name, seconds in spent.items())
        print(f"\nstatus lists: {entries:,} entries, {len(sizes)} shards, {sum(sizes) / 1e6:.2f} MB, {sum(spent.values()):.1f} s ({steps})")
