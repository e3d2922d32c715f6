from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from license_hub.domain.identifier import mint, serial
from license_hub.service.minting import first_identifiers, serials
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
