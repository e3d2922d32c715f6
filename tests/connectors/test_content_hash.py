from __future__ import annotations

import hashlib

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.content_hash import ContentHash

VALUE = st.none() | st.text(max_size=8)
UNTIMED = settings(deadline=None)
ROWS = st.lists(st.tuples(VALUE, VALUE), max_size=30)


def digest(rows: list[tuple[str | None, str | None]], names=("a", "b"), cuts: tuple[int, ...] = ()) -> str:
    columns = [pa.array([row[i] for row in rows], pa.string()) for i in range(2)]
    batch = pa.record_batch(columns, names=list(names))
    hashed = ContentHash(names)
    edges = [0, *sorted(cut % (len(rows) + 1) for cut in cuts), len(rows)]
    for start, end in zip(edges, edges[1:], strict=False):
        hashed.update(batch.slice(start, end - start))
    return hashed.hexdigest()


@UNTIMED
@given(ROWS, st.lists(st.integers(0, 100), max_size=4))
def test_hash_of_any_chunking_is_the_same(rows, cuts):
    assert digest(rows, cuts=tuple(cuts)) == digest(rows)


@UNTIMED
@given(ROWS)
def test_hash_of_reordered_columns_is_the_same(rows):
    assert digest([(b, a) for a, b in rows], names=("b", "a")) == digest(rows)


@UNTIMED
@given(ROWS, ROWS)
def test_hash_of_other_rows_differs(one, other):
    assert (digest(one) == digest(other)) == (one == other)


def test_hash_tells_null_from_empty():
    assert digest([(None, "x")]) != digest([("", "x")])


def test_hash_tells_where_a_value_ends():
    assert digest([("ab", ""), ("", "")]) != digest([("a", ""), ("b", "")])


def test_hash_is_what_the_contract_says():
    """Written out once by hand, so that a change of the format is seen."""
    lengths = hashlib.sha256(b"\x03\x00\x00\x00\xff\xff\xff\xff").digest()
    content = hashlib.sha256("张".encode()).digest()
    column = (1).to_bytes(4, "big") + b"a" + lengths + content
    expected = hashlib.sha256(b"mianzhengtong rows v1\n" + (2).to_bytes(8, "big") + column).hexdigest()
    hashed = ContentHash(["a"])
    hashed.update(pa.record_batch([pa.array(["张", None], pa.string())], names=["a"]))
    assert hashed.hexdigest() == expected


def test_hash_of_a_null_slot_that_owns_bytes_is_that_of_a_null():
    plain = pa.array(["ab", "cd"], pa.string())
    validity, offsets, data = pa.array([None, "cd"], pa.string()).buffers()[0], *plain.buffers()[1:]
    owning = pa.Array.from_buffers(pa.string(), 2, [validity, offsets, data])
    hashed = ContentHash(["a"])
    hashed.update(pa.record_batch([owning], names=["a"]))
    other = ContentHash(["a"])
    other.update(pa.record_batch([pa.array([None, "cd"], pa.string())], names=["a"]))
    assert hashed.hexdigest() == other.hexdigest()
