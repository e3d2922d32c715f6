from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from license_hub.signing import commitment
from license_hub.signing.canonical import jcs
from license_hub.signing.commitment import Shown

SECRETS = st.binary(min_size=32, max_size=32)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
FIELDS = st.dictionaries(TEXT, TEXT, max_size=6)
SECRET = bytes(range(32))
AT = "2026-11-21T08:00:00Z"
ID = "0123456789abcdef0123456789abcdef"


@given(SECRETS, FIELDS)
def test_commit_equals_its_definition(secret, fields):
    digests, stream = [], hashlib.shake_256(secret).digest(32 * len(fields))
    for place, (name, value) in enumerate(sorted(fields.items())):
        raw, salt = name.encode(), stream[32 * place : 32 * place + 32]
        digests.append(hashlib.sha256(salt + len(raw).to_bytes(2, "big") + raw + value.encode()).digest())
    assert commitment.commit(secret, fields) == hashlib.sha256(b"".join(sorted(digests))).digest()


@given(SECRETS, FIELDS)
def test_commit_is_built_from_salts_and_digests(secret, fields):
    salts = commitment.salts(secret, fields)
    digests = sorted(commitment.digest(salts[name], name, value) for name, value in fields.items())
    assert commitment.commit(secret, fields) == hashlib.sha256(b"".join(digests)).digest()


def test_commit_does_not_depend_on_the_order_of_fields():
    assert commitment.commit(SECRET, {"a": "1", "b": "2"}) == commitment.commit(SECRET, {"b": "2", "a": "1"})


@given(SECRETS, st.dictionaries(TEXT, TEXT, min_size=1, max_size=5), TEXT, TEXT)
def test_commit_changes_with_any_field(secret, fields, name, value):
    changed = {**fields, name: value}
    assert (commitment.commit(secret, changed) == commitment.commit(secret, fields)) == (changed == fields)


def test_commit_tells_name_from_value():
    assert commitment.digest(SECRET, "ab", "c") != commitment.digest(SECRET, "a", "bc")


@given(SECRETS, st.dictionaries(TEXT, TEXT, min_size=1, max_size=6), st.data())
def test_disclosure_of_some_fields_checks_without_the_others(secret, fields, data):
    names = data.draw(st.sets(st.sampled_from(sorted(fields))))
    shown, hidden = commitment.disclose(secret, fields, names)
    whole = commitment.commit(secret, fields)
    assert commitment.discloses(whole, shown, hidden)
    assert {one.name for one in shown} == names
    for place, one in enumerate(shown):
        for twin in (
            Shown(one.name, one.value + "x", one.salt),
            Shown(one.name + "x", one.value, one.salt),
            Shown(one.name, one.value, secret),
        ):
            assert not commitment.discloses(whole, [*shown[:place], twin, *shown[place + 1 :]], hidden)
    assert not commitment.discloses(whole, shown, [*hidden, bytes(32)])
    assert not hidden or not commitment.discloses(whole, shown, hidden[1:])


def test_disclosure_of_one_field_twice_is_refused():
    shown, hidden = commitment.disclose(SECRET, {"a": "1"}, ["a"])
    assert not commitment.discloses(commitment.commit(SECRET, {"a": "1"}), shown * 2, hidden)


def test_disclosure_of_an_unknown_field_is_refused():
    with pytest.raises(KeyError):
        commitment.disclose(SECRET, {"a": "1"}, ["b"])


def test_digests_of_other_lengths_never_pass_for_fields():
    """64 bytes passed off as one hidden digest would hide a field twice as long as any."""
    fields = {"a": "1", "b": "2"}
    shown, hidden = commitment.disclose(SECRET, fields, [])
    assert not commitment.discloses(commitment.commit(SECRET, fields), shown, [b"".join(hidden)])


@given(st.sampled_from(commitment.KINDS), st.uuids(), st.none() | st.uuids(), st.none() | st.sampled_from(["REVOKED", "IN_FORCE"]))
def test_leaf_is_the_canonical_json_of_its_parts(kind, number, of, status):
    parts = {"v": 1, "kind": kind, "id": number.hex, "at": AT, "c": SECRET.hex()}
    parts |= {"of": of.hex} if of else {}
    parts |= {"status": status} if status else {}
    assert commitment.leaf(kind, number.hex, AT, SECRET, of.hex if of else None, status) == jcs(parts)


@pytest.mark.parametrize(
    "bad",
    [
        {"kind": "other"},
        {"leaf_id": ID.upper()},
        {"leaf_id": ID[:-1]},
        {"at": "2026-11-21T08:00:00+00:00"},
        {"at": '2026-11-21T08:00:00Z"'},
        {"commitment": b"short"},
        {"of": "x" * 32},
        {"status": 'A","v":2'},
    ],
    ids=repr,
)
def test_leaf_of_parts_in_another_form_is_refused(bad):
    with pytest.raises(ValueError):
        commitment.leaf(**{"kind": "issue", "leaf_id": ID, "at": AT, "commitment": SECRET} | bad)


def test_instant_is_utc_seconds():
    moment = datetime(2026, 11, 21, 16, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=8)))
    assert commitment.instant(moment) == AT == commitment.instant(datetime(2026, 11, 21, 8, tzinfo=UTC))
    with pytest.raises(ValueError, match="time zone"):
        commitment.instant(datetime(2026, 11, 21, 8))


def test_secret_of_another_length_is_refused():
    for call in (
        lambda: commitment.commit(b"x" * 31, {}),
        lambda: commitment.salts(b"", ["a"]),
        lambda: commitment.act_secret(b"x" * 33, ID),
    ):
        with pytest.raises(ValueError, match="32 bytes"):
            call()


def test_act_secret_differs_by_act_and_from_every_salt():
    other = commitment.act_secret(SECRET, ID[::-1])
    assert len({SECRET, commitment.act_secret(SECRET, ID), other, commitment.salts(SECRET, [ID])[ID]}) == 4
