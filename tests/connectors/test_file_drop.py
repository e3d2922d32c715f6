"""The drop folder: which files are deliveries, when they are whole, and what beside them must be true."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import connectors
from connectors import delivery, file_drop
from connectors.errors import ContractBroken, NothingNew, SourceUnavailable
from tests.connectors.conftest import NOW, credentials, make_resource, rows

HEADER = "编号,名称,地址,更新时间\n"


def put(drop: Path, name: str, content: str | bytes, age: int) -> Path:
    """A file whose time is `age` seconds before NOW."""
    path = drop / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    moment = NOW.timestamp() - age
    os.utime(path, (moment, moment))
    return path


def resource(**options):
    return make_resource(pattern="*.csv", stable_seconds=0, **options)


def pull_pending(drop: Path, lake: Path, **given):
    return connectors.pull_pending(given.pop("of", resource()), lake, credentials=credentials(drop=drop), now=lambda: NOW, **given)


def test_files_land_oldest_first_each_as_its_own_batch(drop, lake):
    put(drop, "b.csv", HEADER + "1,a,,\n", age=30)
    put(drop, "a.csv", HEADER + "2,a,,\n", age=10)
    put(drop, "c.csv", HEADER + "3,a,,\n", age=20)
    assert [batch.manifest.source for batch in pull_pending(drop, lake)] == ["b.csv", "c.csv", "a.csv"]
    assert pull_pending(drop, lake) == []


def test_pull_takes_the_oldest_and_says_when_nothing_waits(drop, lake):
    put(drop, "b.csv", HEADER + "1,a,,\n", age=30)
    put(drop, "a.csv", HEADER + "2,a,,\n", age=10)
    given = {"credentials": credentials(drop=drop), "now": NOW}
    assert connectors.pull(resource(), lake, **given).manifest.source == "b.csv"
    assert connectors.pull(resource(), lake, **given).manifest.source == "a.csv"
    with pytest.raises(NothingNew):
        connectors.pull(resource(), lake, **given)


def test_same_name_with_other_content_lands_again_and_so_does_a_return(drop, lake):
    hashes = []
    for content in ("1,a,,\n", "1,b,,\n", "1,a,,\n"):
        put(drop, "a.csv", HEADER + content, age=10)
        [batch] = pull_pending(drop, lake)
        assert pull_pending(drop, lake) == []
        hashes.append(batch.manifest.content_hash)
    assert hashes[0] == hashes[2] != hashes[1]


def test_as_of_is_the_files_own_time(drop, lake):
    put(drop, "a.csv", HEADER, age=3600)
    [batch] = pull_pending(drop, lake)
    assert batch.manifest.as_of == "2026-11-21T03:00:00+00:00"
    assert batch.manifest.source_bytes == len(HEADER.encode())
    assert batch.manifest.source_sha256 == hashlib.sha256(HEADER.encode()).hexdigest()


def test_drop_folder_may_be_a_file_url(drop, lake):
    folder = drop / "交 换"
    folder.mkdir()
    put(folder, "a.csv", HEADER, age=10)
    assert [path.name for path in file_drop.pending(resource(), lake, credentials(drop=folder.as_uri()))] == ["a.csv"]


@pytest.mark.parametrize("address", ["ftp://host/x", "file://elsewhere/x"])
def test_connection_that_is_no_folder_breaks_the_contract(lake, address):
    with pytest.raises(ContractBroken, match="not a folder"):
        file_drop.pending(resource(), lake, credentials(drop=address))


def test_missing_folder_is_unavailable(tmp_path, lake):
    with pytest.raises(SourceUnavailable, match="drop folder"):
        pull_pending(tmp_path / "none", lake)


def test_connection_nobody_set_breaks_the_contract(lake):
    with pytest.raises(ContractBroken) as fault:
        connectors.pull_pending(resource(), lake, credentials=credentials(), now=lambda: NOW)
    assert "HUB_CONN_DROP" in fault.value.hint


# T18: what is a delivery


def test_t18_only_plain_files_of_the_folder_itself_are_deliveries(drop, lake, tmp_path):
    secret = put(tmp_path, "secret.csv", HEADER + "1,机密,,\n", age=10)
    (drop / "link.csv").symlink_to(secret)
    (drop / "folder.csv").mkdir()
    put(drop / "folder.csv", "inner.csv", HEADER, age=10)
    os.mkfifo(drop / "pipe.csv")
    for name in (".hidden.csv", "~$open.csv", "a.csv.part", "b.csv.manifest.json", "c.txt"):
        put(drop, name, HEADER, age=10)
    put(drop, "good.csv", HEADER, age=10)
    assert [batch.manifest.source for batch in pull_pending(drop, lake, of=make_resource(pattern="*.csv*", stable_seconds=0))] == [
        "good.csv"
    ]


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_t18_input_that_is_no_plain_file_breaks_the_contract(drop, lake, tmp_path, kind):
    path = drop / "a.csv"
    if kind == "link":
        path.symlink_to(put(tmp_path, "secret.csv", HEADER, age=10))
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    with pytest.raises(ContractBroken):
        connectors.pull(resource(), lake, credentials=credentials(), now=NOW, input=path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(
    pattern=st.one_of(st.text("*./?[]!a~", min_size=1, max_size=8), st.sampled_from(["../*", "/etc/*", "**/*", "../../etc/passwd", "*"]))
)
def test_t18_no_pattern_leaves_the_folder(drop, tmp_path, pattern):
    (tmp_path / "a").write_text("outside")
    (drop / "a").write_text("inside")
    for path in file_drop.dropped(make_resource(pattern=pattern), drop):
        assert path.parent == drop and path.read_text() == "inside"


def test_t18_link_swapped_in_after_the_listing_is_refused(drop, lake, tmp_path, monkeypatch):
    path = put(drop, "a.csv", HEADER, age=10)
    secret = put(tmp_path, "secret.csv", HEADER + "1,机密,,\n", age=10)
    listed = file_drop.pending

    def swap(*given):
        found = listed(*given)
        path.unlink()
        path.symlink_to(secret)
        return found

    monkeypatch.setattr(file_drop, "pending", swap)
    with pytest.raises(ContractBroken, match="links are not followed"):
        pull_pending(drop, lake)


# when a file is whole


def test_file_that_grows_while_it_is_watched_is_unavailable(drop, lake):
    path = put(drop, "a.csv", HEADER, age=10)
    waited = []

    def grow(seconds: float) -> None:
        waited.append(seconds)
        with path.open("a") as file:
            file.write("1,a,,\n")

    with pytest.raises(SourceUnavailable, match="still growing"), file_drop.feed(make_resource(stable_seconds=7), path, sleep=grow):
        pass
    assert waited == [7.0]


def test_file_with_a_manifest_is_not_waited_for(drop):
    path = put(drop, "a.csv", HEADER + "1,a,,\n", age=10)
    put(drop, "a.csv.manifest.json", json.dumps({"rows": 1}), age=10)

    def never(seconds: float) -> None:
        raise AssertionError("waited")

    with file_drop.feed(make_resource(stable_seconds=7), path, sleep=never) as feed:
        assert sum(batch.num_rows for batch in feed.batches()) == 1


def test_file_that_changes_while_it_is_read_is_unavailable(drop, lake):
    path = put(drop, "a.csv", HEADER + "1,a,,\n", age=10)
    with file_drop.feed(resource(), path) as feed, path.open("a") as file:
        file.write("2,a,,\n")
        file.flush()
        with pytest.raises(SourceUnavailable, match="changed while it was read"):
            list(feed.batches())


# sidecar manifests


def test_manifest_that_holds_is_taken_and_gives_the_partition(drop, lake):
    content = (HEADER + "1,a,,\n2,a,,\n").encode()
    put(drop, "a.csv", content, age=10)
    said = {"rows": 2, "sha256": hashlib.sha256(content).hexdigest().upper(), "partition": "45"}
    put(drop, "a.csv.manifest.json", json.dumps(said), age=10)
    [batch] = pull_pending(drop, lake)
    assert (batch.manifest.rows, batch.manifest.partition) == (2, "45")


@pytest.mark.parametrize(
    "said",
    [{"rows": 3}, {"sha256": "0" * 64}, {"rows": "2"}, {}, [], {"rows": 2, "partition": 45}, "{"],
    ids=["rows", "sha256", "rows as text", "empty", "list", "partition as number", "cut"],
)
def test_manifest_that_does_not_hold_breaks_the_contract(drop, lake, said):
    put(drop, "a.csv", HEADER + "1,a,,\n2,a,,\n", age=10)
    put(drop, "a.csv.manifest.json", said if isinstance(said, str) else json.dumps(said), age=10)
    with pytest.raises(ContractBroken) as fault:
        pull_pending(drop, lake)
    assert fault.value.file.startswith("a.csv")
    assert not list((lake / "landing").glob("*/*"))


def test_manifest_counts_malformed_rows(drop, lake):
    put(drop, "a.csv", HEADER + "1,a,,\n2,a\n\n", age=10)
    put(drop, "a.csv.manifest.json", json.dumps({"rows": 2}), age=10)
    [batch] = pull_pending(drop, lake)
    assert (batch.manifest.rows, batch.manifest.malformed, batch.manifest.blank) == (2, 1, 1)


def test_t18_manifest_that_is_a_link_breaks_the_contract(drop, lake, tmp_path):
    put(drop, "a.csv", HEADER, age=10)
    (drop / "a.csv.manifest.json").symlink_to(put(tmp_path, "x.json", json.dumps({"rows": 0}), age=10))
    with pytest.raises(ContractBroken, match="manifest cannot be opened"):
        pull_pending(drop, lake)


def test_row_of_a_dropped_file_knows_where_it_came_from(drop, lake):
    put(drop, "a.csv", HEADER + "1,a,,\n", age=10)
    [batch] = pull_pending(drop, lake)
    assert [(row["_source"], row["_line"]) for row in rows(batch)] == [("a.csv", 2)]


def test_sidecar_suffix_is_what_the_documentation_says():
    assert delivery.SIDECAR == ".manifest.json"
