from __future__ import annotations

import hashlib

import pyarrow as pa
import pytest

from license_hub.hashing import bytes_of, column_of, hexed, joined, sha256_each


@pytest.mark.parametrize("count", [0, 1, 4_095, 4_096, 20_000])
def test_sha256_of_a_column_is_that_of_each_value(count):
    values = [at.to_bytes(4, "big") * (at % 40) for at in range(count)]
    assert sha256_each(pa.array(values, pa.binary())).to_pylist() == [hashlib.sha256(one).digest() for one in values]


def test_sha256_of_nothing_is_refused():
    with pytest.raises(ValueError, match="nothing"):
        sha256_each(pa.array([b"a", None], pa.binary()))


def test_columns_of_bytes_are_cut_joined_and_shown_in_place():
    column = column_of(b"abcdef", 2)
    assert joined(b"<", pa.array([b"1", None, b"3"]), column.cast(pa.binary())).to_pylist() == [b"<1ab", None, b"<3ef"]
    assert bytes_of(column.slice(1)).tobytes() == b"cdef"
    assert hexed(column.slice(1, 1)).to_pylist() == [b"6364"]
