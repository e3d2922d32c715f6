"""Sealed links to the framed pages: they open exactly what was sealed, for a minute, under the same key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quality import sealed

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
KEY, PATH = bytes(range(32)), "/quality/framed/rules"
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
PARAMETERS = st.dictionaries(TEXTS.filter(lambda name: name not in ("", sealed.UNTIL, sealed.SEAL)), TEXTS, max_size=4)


def given_by(address: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(address).query, keep_blank_values=True))


@given(PARAMETERS, st.integers(-sealed.SKEW_S, sealed.LIFETIME_S + sealed.SKEW_S - 1))
def test_sealed_link_opens_its_page_for_a_minute(parameters, later):
    address = sealed.address(KEY, PATH, parameters, NOW)
    assert urlsplit(address).path == PATH
    assert sealed.opens(KEY, PATH, given_by(address), NOW + timedelta(seconds=later))


@given(PARAMETERS, PARAMETERS)
def test_t32_seal_of_other_parameters_opens_nothing(parameters, others):
    told = given_by(sealed.address(KEY, PATH, parameters, NOW))
    changed = {**others, sealed.UNTIL: told[sealed.UNTIL], sealed.SEAL: told[sealed.SEAL]}
    assert sealed.opens(KEY, PATH, changed, NOW) == (others == parameters)


@pytest.mark.parametrize(
    ("key", "path", "changed", "later"),
    [
        (KEY[::-1], PATH, {}, 0),
        (b"", PATH, {}, 0),
        (KEY, "/quality/framed/summary", {}, 0),
        (KEY, PATH, {}, sealed.LIFETIME_S + sealed.SKEW_S),
        (KEY, PATH, {}, -sealed.SKEW_S - 1),
        (KEY, PATH, {sealed.SEAL: "x"}, 0),
        (KEY, PATH, {sealed.SEAL: "封"}, 0),
        (KEY, PATH, {sealed.UNTIL: "9" * 20}, 0),
        (KEY, PATH, {sealed.UNTIL: "-1"}, 0),
        (KEY, PATH, {sealed.UNTIL: "１"}, 0),
        (KEY, PATH, {sealed.UNTIL: ""}, 0),
    ],
    ids=[
        "other key",
        "no key",
        "other page",
        "too late",
        "too early",
        "bad seal",
        "foreign seal",
        "far expiry",
        "negative",
        "wide digit",
        "none",
    ],
)
def test_t32_link_that_is_not_ours_or_not_fresh_opens_nothing(key, path, changed, later):
    told = given_by(sealed.address(KEY, PATH, {"dag_id": "check_population"}, NOW)) | changed
    assert not sealed.opens(key, path, told, NOW + timedelta(seconds=later))


@pytest.mark.parametrize("text", ["", "zz", "ab" * 31, "密"])
def test_key_that_is_short_or_no_hex_is_refused(tmp_path, text):
    (tmp_path / "key").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError):
        sealed.read_key(tmp_path / "key")
