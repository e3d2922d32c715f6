"""Encrypted files of the lake: what is read is what was written, and nothing else opens."""

from __future__ import annotations

import io
import os
import random
import shutil
import sys
import threading
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.errors import LakeLocked
from connectors.lake import Lake, context_of
from connectors.sealed import CHUNK, HEAD, FileKeys, SealedReader, SealedWriter, kid_of

KEYS = FileKeys(b"kid-one.", {b"kid-one.": bytes(range(32))})
SIZES = (0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 17)


def written(folder: Path, content: bytes, step: int = 10_000, context: str = "thing/b1") -> Path:
    path = folder / f"{len(content)}-{step}-{os.urandom(4).hex()}"
    with SealedWriter(path, KEYS, context) as file:
        for at in range(0, len(content), step):
            file.write(content[at : at + step])
    return path


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("step", [1_000, CHUNK, 10**7])
def test_file_of_any_size_and_any_way_of_writing_reads_back(tmp_path, size, step):
    content = os.urandom(size)
    path = written(tmp_path, content, step)
    with SealedReader(path, KEYS, "thing/b1") as file:
        assert (file.size, file.read(), file.read(5)) == (size, content, b"")
    assert size < 32 or content[:32] not in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600 and kid_of(path) == KEYS.current


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3 * CHUNK + 30), st.integers(0, 2 * CHUNK)), min_size=1, max_size=6))
def test_reads_at_any_place_agree_with_the_plain_content(tmp_path_factory, reads):
    content = bytes(range(251)) * (3 * CHUNK // 251) + b"end"
    with SealedReader(written(tmp_path_factory.mktemp("sealed"), content), KEYS, "thing/b1") as file:
        plain = io.BytesIO(content)
        for at, size in reads:
            file.seek(at), plain.seek(at)
            assert (file.read(size), file.tell() >= at) == (plain.read(size), True)


@pytest.mark.parametrize("at", [0, 9, 20, HEAD, HEAD + 5, HEAD + CHUNK + 20, -1])
def test_file_with_a_flipped_byte_does_not_open_or_read(tmp_path, at):
    path = written(tmp_path, os.urandom(2 * CHUNK + 9))
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    with pytest.raises(LakeLocked), SealedReader(path, KEYS, "thing/b1") as file:
        file.read()


@pytest.mark.parametrize("left", [0, HEAD, HEAD + 16, HEAD + CHUNK + 16, HEAD + 2 * (CHUNK + 16), -1])
def test_file_cut_off_anywhere_even_between_chunks_does_not_open(tmp_path, left):
    path = written(tmp_path, os.urandom(2 * CHUNK + 9))
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(LakeLocked):
        SealedReader(path, KEYS, "thing/b1")


def test_chunks_that_changed_places_do_not_read(tmp_path):
    path = written(tmp_path, os.urandom(3 * CHUNK))
    data, step = path.read_bytes(), CHUNK + 16
    one, two = data[HEAD : HEAD + step], data[HEAD + step : HEAD + 2 * step]
    path.write_bytes(data[:HEAD] + two + one + data[HEAD + 2 * step :])
    with pytest.raises(LakeLocked), SealedReader(path, KEYS, "thing/b1") as file:
        file.read()


def test_file_under_another_key_or_in_another_batch_does_not_open(tmp_path):
    path = written(tmp_path, b"rows")
    other, none = FileKeys(KEYS.current, {KEYS.current: bytes(32)}), FileKeys(b"x" * 8, {})
    for keys, context in ((other, "thing/b1"), (none, "thing/b1"), (KEYS, "thing/b2")):
        with pytest.raises(LakeLocked):
            SealedReader(path, keys, context)


def test_file_under_a_former_key_still_opens(tmp_path):
    path = written(tmp_path, b"rows")
    with SealedReader(path, FileKeys(b"kid-two.", {**KEYS.keys, b"kid-two.": bytes(32)}), "thing/b1") as file:
        assert file.read() == b"rows"


@pytest.fixture
def lake(tmp_path) -> Lake:
    return Lake(tmp_path, KEYS)


def batch(lake: Lake, name: str = "b1") -> Path:
    folder = lake / "trusted" / "thing" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "rows.parquet"


def test_duckdb_and_arrow_read_what_the_other_wrote(lake):
    path, other = batch(lake), batch(lake, "b2")
    table = pa.table({"name": ["样例甲"] * 200_000, "n": pa.array(range(200_000), pa.int64())})
    with lake.create(path) as file:
        pq.write_table(table, file, row_group_size=50_000)
    with duckdb.connect(":memory:") as connection:
        lake.attach(connection)
        found = connection.execute(
            "SELECT count(*), sum(n), max(file_row_number) FROM read_parquet($1, file_row_number = true)", [lake.named(path)]
        )
        assert found.fetchall() == [(200_000, 200_000 * 199_999 // 2, 199_999)]
        connection.execute(f"COPY (SELECT * FROM read_parquet('{lake.named(path)}')) TO '{lake.named(other)}' (FORMAT parquet)").fetchall()
    with lake.open(other) as file:
        assert pq.read_table(file).sort_by("n").to_pydict() == table.to_pydict()
    assert "样例甲".encode() not in path.read_bytes() + other.read_bytes()
    assert lake.same(path, path) and not lake.same(path, other)


def test_t18_duckdb_reaches_nothing_outside_the_lake_by_the_lakes_own_names(lake, tmp_path_factory):
    outside = batch(Lake(tmp_path_factory.mktemp("outside"), KEYS))
    with lake.create(outside) as file:
        pq.write_table(pa.table({"n": [1]}), file)
    with duckdb.connect(":memory:") as connection:
        lake.attach(connection)
        connection.execute(f"SET allowed_directories = [{', '.join(repr(one) for one in lake.places([lake.root]))}]")
        connection.execute("SET enable_external_access = false")
        for name in (lake.named(outside), f"sealed://{lake.root}/../{outside.parents[3].name}/trusted/thing/b1/rows.parquet", str(outside)):
            with pytest.raises((duckdb.Error, LakeLocked)):
                connection.execute("SELECT * FROM read_parquet($1)", [name]).fetchall()


def test_encrypted_lake_refuses_a_plain_file(lake):
    pq.write_table(pa.table({"n": [1]}), batch(lake))
    with pytest.raises(LakeLocked, match="not encrypted"):
        lake.open(batch(lake))


def test_plain_lake_reads_and_writes_plain_files(lake):
    plain = replace(lake, keys=None)
    with plain.create(batch(plain)) as file:
        pq.write_table(pa.table({"n": [1]}), file)
    assert pq.read_table(batch(plain)).num_rows == 1 and plain.named(batch(plain)) == str(batch(plain))
    with pytest.raises(FileExistsError):
        plain.create(batch(plain))


def test_file_moved_to_another_batch_does_not_open(lake):
    with lake.create(batch(lake)) as file:
        file.write(b"rows")
    shutil.copy(batch(lake), batch(lake, "b2"))
    assert context_of(batch(lake)) == "thing/b1"
    with pytest.raises(LakeLocked):
        lake.open(batch(lake, "b2"))


def test_threads_that_share_a_reader_each_get_what_they_asked_for(tmp_path):
    """DuckDB's threads share one handle: each seeks, then reads."""
    content = os.urandom(20 * CHUNK)
    wrong, before = [], sys.getswitchinterval()

    def work(seed: int) -> None:
        draw = random.Random(seed)
        for _ in range(150):
            at, size = draw.randrange(19 * CHUNK), draw.randrange(1, CHUNK)
            file.seek(at)
            if file.read(size) != content[at : at + size]:
                wrong.append(at)

    sys.setswitchinterval(1e-6)
    try:
        with SealedReader(written(tmp_path, content), KEYS, "thing/b1") as file:
            threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
            for one in threads:
                one.start()
            for one in threads:
                one.join()
    finally:
        sys.setswitchinterval(before)
    assert not wrong
