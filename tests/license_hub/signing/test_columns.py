from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from license_hub.hashing import column_of
from license_hub.log.tree import leaf_hash
from license_hub.signing.canonical import jcs
from license_hub.signing.columns import commit_each, jcs_each, leaf_hashes, leaves, stated_leaves
from license_hub.signing.commitment import commit, leaf

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NAMES = st.lists(
    st.sampled_from(["ZZBS", "ZZMC", "CZZT", "KZ_住所", "KZ_𠮷名", "KZ_Ａ", 'KZ_a"b']) | TEXT.filter(bool),
    unique=True,
    min_size=1,
    max_size=9,
)
AT = "2026-11-22T08:00:00Z"


@st.composite
def versions(draw) -> tuple[list[bytes], list[dict[str, str]]]:
    names = draw(NAMES)
    rows = draw(st.lists(st.fixed_dictionaries({names[0]: TEXT}, optional={name: TEXT for name in names[1:]}), min_size=1, max_size=8))
    return [bytes([at]) * 32 for at in range(len(rows))], rows


def columns(rows: list[dict[str, str]]) -> dict[str, pa.Array]:
    names = sorted({name for row in rows for name in row}, reverse=True)
    return {name: pa.array([row.get(name) for row in rows], pa.string()) for name in names}


@given(versions())
def test_commitments_of_columns_are_those_of_each_version(made):
    secrets, rows = made
    assert commit_each(secrets, columns(rows)).to_pylist() == [commit(secret, row) for secret, row in zip(secrets, rows, strict=True)]


def test_commitments_of_many_versions_take_the_kernel_and_stay_the_same():
    rows = [{"ZZMC": "食品经营许可证", "ZZBH": f"JY{at}"} | ({"KZ_住所": f"样例路{at}号"} if at % 3 else {}) for at in range(700)]
    secrets = [at.to_bytes(32, "big") for at in range(700)]
    assert commit_each(secrets, columns(rows)).to_pylist() == [commit(secret, row) for secret, row in zip(secrets, rows, strict=True)]


@given(versions())
def test_canonical_json_of_columns_is_that_of_each_version(made):
    _, rows = made
    assert jcs_each(columns(rows)).to_pylist() == [jcs(row) for row in rows]


@given(
    st.lists(
        st.tuples(st.binary(min_size=16, max_size=16), st.binary(min_size=32, max_size=32), st.sampled_from(["IN_FORCE", "REVOKED"])),
        min_size=1,
    )
)
def test_leaves_of_columns_are_those_of_each_version(rows):
    ids, commitments, statuses = zip(*rows, strict=True)
    made = leaves("issue", column_of(b"".join(ids), 16), AT, column_of(b"".join(commitments), 32), pa.array(statuses))
    expected = [leaf("issue", one.hex(), AT, commitment, None, status) for one, commitment, status in rows]
    assert made.to_pylist() == expected
    assert leaf_hashes(made).to_pylist() == [leaf_hash(one) for one in expected]


def test_leaves_with_a_status_that_is_none_are_refused():
    with pytest.raises(ValueError, match="status"):
        leaves("issue", column_of(bytes(16), 16), AT, column_of(bytes(32), 32), pa.array(["in force"]))


STATED = st.tuples(
    st.sampled_from(["0" * 32, "0123456789abcdef" * 2, "A" * 32, "0" * 31, ""]),
    st.sampled_from([AT, "2026-11-22T08:00:01Z", "2026-11-22", ""]),
    st.sampled_from([None, "f" * 32, "F" * 32, "0" * 33, ""]),
    st.sampled_from([None, "IN_FORCE", "x", ""]),
)


@given(st.lists(STATED, min_size=1, max_size=30))
def test_leaves_of_any_kind_and_time_are_those_of_each_version_and_null_where_there_is_none(rows):
    def expected(leaf_id, at, of, status):
        try:
            return leaf("change" if of is not None else "issue", leaf_id, at, bytes(range(32)), of, status)
        except ValueError:
            return None

    ids, ats, of, statuses = (pa.array(one, pa.string()) for one in zip(*rows, strict=True))
    made = stated_leaves(ids, ats, column_of(bytes(range(32)) * len(rows), 32), of, statuses)
    assert made.to_pylist() == [expected(*one) for one in rows]
