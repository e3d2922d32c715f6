from __future__ import annotations

import os

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from license_hub.domain.identifier import mint, parse, serial
from license_hub.service.minting import first_identifiers, parts_each, serials
from tests.license_hub.service.publishing import ORGAN, OTHER_ORGAN

TYPE = "11100000MB03271699001"
ORGANS = (ORGAN, OTHER_ORGAN)


def matrix(rows: list[bytes]) -> np.ndarray:
    return np.frombuffer(b"".join(rows), np.uint8).reshape(len(rows), 16)


@given(st.lists(st.binary(min_size=16, max_size=16), min_size=1, max_size=20))
def test_serials_of_a_column_are_those_of_each_row(rows):
    rows = [*rows, bytes(16), b"\xff" * 16]
    assert serials(matrix(rows)).to_pylist() == [serial(one) for one in rows]


def test_identifiers_of_a_column_are_those_of_each_row():
    rows = [os.urandom(16) for _ in range(300)]
    issuers = np.arange(300) % 2
    made = serials(matrix(rows))
    expected = [mint(TYPE, ORGANS[at % 2], serial(one), 1) for at, one in enumerate(rows)]
    assert first_identifiers(TYPE, ORGANS, issuers, made).to_pylist() == expected


def test_identifiers_of_an_issuer_with_a_wrong_code_are_refused():
    with pytest.raises(ValueError, match="issuer code"):
        first_identifiers(TYPE, (ORGAN[:-1] + "*",), np.zeros(1, int), serials(matrix([bytes(16)])))


GOOD = mint(TYPE, ORGAN, serial(bytes(range(16))), 27)
PLACES = st.integers(0, len(GOOD) - 1)


@example([(0, "0")], "000000000000000 ")
@given(st.lists(st.tuples(PLACES, st.sampled_from("0Z9Aa.Q")), min_size=1, max_size=20), st.text(max_size=90))
def test_parts_of_a_column_of_identifiers_hold_exactly_where_parse_accepts_them(changes, other):
    texts = [GOOD, other, *(GOOD[:at] + letter + GOOD[at + 1 :] for at, letter in changes), f"{GOOD} ", GOOD.replace(".027.", ".000.")]
    parts, good = parts_each(pa.array(texts))

    def accepted(text):
        try:
            return bool(parse(text))
        except ValueError:
            return False

    assert good.tolist() == [accepted(one) for one in texts] and good[0]
    assert parts.slice(0, 1).to_pylist() == [{"issuer_code": ORGAN, "serial": serial(bytes(range(16))), "version": "027"}]
