"""Sealed links to the framed pages: they open exactly what was sealed, for a minute, under the same key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quality.board import link

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
KEY, PATH = bytes(range(32)), "/quality/framed/rules"
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
PARAMETERS = st.dictionaries(TEXTS.filter(lambda name: name not in ("", link.UNTIL, link.SEAL)), TEXTS, max_size=4)


def given_by(address: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(address).query, keep_blank_values=True))


@given(PARAMETERS, st.integers(-link.SKEW_S, link.LIFETIME_S + link.SKEW_S - 1))
def test_sealed_link_opens_its_page_for_a_minute(parameters, later):
    address = link.address(KEY, PATH, parameters, NOW)
    assert urlsplit(address).path == PATH
    assert link.opens(KEY, PATH, given_by(address), NOW + timedelta(seconds=later))


@given(PARAMETERS, PARAMETERS)
def test_t32_seal_of_other_parameters_opens_nothing(parameters, others):
    told = given_by(link.address(KEY, PATH, parameters, NOW))
    changed = {**others, link.UNTIL: told[link.UNTIL], link.SEAL: told[link.SEAL]}
    assert link.opens(KEY, PATH, changed, NOW) == (others == parameters)


@pytest.mark.parametrize(
    ("key", "path", "changed", "later"),
    [
        (KEY[::-1], PATH, {}, 0),
        (b"", PATH, {}, 0),
        (KEY, "/quality/framed/summary", {}, 0),
        (KEY, PATH, {}, link.LIFETIME_S + link.SKEW_S),
        (KEY, PATH, {}, -link.SKEW_S - 1),
        (KEY, PATH, {link.SEAL: "x"}, 0),
        (KEY, PATH, {link.SEAL: "封"}, 0),
        (KEY, PATH, {link.UNTIL: "9" * 20}, 0),
        (KEY, PATH, {link.UNTIL: "-1"}, 0),
        (KEY, PATH, {link.UNTIL: "１"}, 0),
        (KEY, PATH, {link.UNTIL: ""}, 0),
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
    told = given_by(link.address(KEY, PATH, {"dag_id": "check_population"}, NOW)) | changed
    assert not link.opens(key, path, told, NOW + timedelta(seconds=later))


@pytest.mark.parametrize("text", ["", "zz", "ab" * 31, "密"])
def test_key_that_is_short_or_no_hex_is_refused(tmp_path, text):
    (tmp_path / "key").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError):
        link.read_key(tmp_path / "key")
