from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors import landing
from connectors.errors import BatchBroken, ContractBroken, SourceUnavailable
from connectors.protocol import Origin, schema
from tests.connectors.conftest import NOW, make_resource, rows

COLUMNS = ["编号", "名称", "地址", "更新时间"]


class Rows:
    """A feed of given batches; an exception in their place is raised when it is due."""

    source = "rows"
    columns = COLUMNS

    def __init__(self, *parts: pa.RecordBatch | Exception, partition: str | None = None):
        self._parts, self._partition = parts, partition

    def batches(self):
        for part in self._parts:
            if isinstance(part, Exception):
                raise part
            yield part

    def origin(self) -> Origin:
        return Origin("file_drop", NOW, partition=self._partition)


def batch(start: int, count: int, raw: str | None = None) -> pa.RecordBatch:
    values = [pa.array([None if raw else f"{name}{n}" for n in range(start, start + count)], pa.string()) for name in COLUMNS]
    lines = pa.array(range(start + 2, start + 2 + count), pa.int64())
    return pa.record_batch([*values, lines, pa.array([raw] * count, pa.string())], schema=schema(COLUMNS))


def test_batch_has_the_columns_of_the_contract(lake):
    landed = landing.land(make_resource(), Rows(batch(0, 3), batch(3, 1, raw="a,b")), lake, now=NOW)
    file = pq.ParquetFile(landed.rows)
    assert file.schema_arrow.names == [*COLUMNS, "_source", "_line", "_raw"]
    assert [file.schema_arrow.field(name).type for name in ("_source", "_line", "_raw")] == [pa.string(), pa.int64(), pa.string()]
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"
    assert rows(landed)[3] == dict.fromkeys(COLUMNS) | {"_source": "rows", "_line": 5, "_raw": "a,b"}


def test_manifest_says_what_was_landed(lake):
    landed = landing.land(make_resource(), Rows(batch(0, 3), batch(3, 1, raw="a,b")), lake, now=NOW, partition="45")
    said = json.loads((landed.path / "manifest.json").read_text(encoding="utf-8"))
    assert (said["rows"], said["malformed"], said["blank"], said["partition"]) == (4, 1, 0, "45")
    assert (said["batch"], said["resource"], said["mode"], said["columns"]) == (landed.path.name, "ledger", "snapshot", COLUMNS)
    assert (said["landed_at"], said["as_of"]) == ("2026-11-21T04:00:00+00:00", "2026-11-21T04:00:00+00:00")
    content = landed.rows.read_bytes()
    assert said["files"] == [{"name": "rows.parquet", "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}]
    assert landed.batch.startswith("ledger-20261121T040000-")
    assert landing.read_batch(lake, "ledger", landed.batch) == landed


def test_row_groups_do_not_change_the_content_hash(lake, monkeypatch):
    whole = landing.land(make_resource(), Rows(batch(0, 500)), lake, now=NOW)
    monkeypatch.setattr(landing, "GROUP_ROWS", 64)
    parts = landing.land(make_resource(), Rows(*(batch(n, 50) for n in range(0, 500, 50))), lake, now=NOW)
    assert parts.manifest.content_hash == whole.manifest.content_hash
    assert pq.ParquetFile(parts.rows).num_row_groups > 1
    assert rows(parts) == rows(whole)


@pytest.mark.parametrize("fault", [SourceUnavailable("gone", source="rows"), ContractBroken("bad", source="rows"), OSError("disk")])
def test_feed_that_fails_midway_leaves_nothing(lake, fault):
    with pytest.raises(type(fault)):
        landing.land(make_resource(), Rows(batch(0, 3), fault), lake, now=NOW)
    assert list((lake / "landing" / "ledger").iterdir()) == []
    assert landing.latest(lake, "ledger") is None


def test_partition_given_against_the_deliverys_own_breaks_the_contract(lake):
    with pytest.raises(ContractBroken, match="partition"):
        landing.land(make_resource(), Rows(batch(0, 1), partition="45"), lake, now=NOW, partition="51")
    assert landing.land(make_resource(), Rows(batch(0, 1), partition="45"), lake, now=NOW).manifest.partition == "45"


def test_latest_is_the_one_landed_last_even_within_a_second(lake):
    landed = [landing.land(make_resource(), Rows(batch(n, 1)), lake, now=NOW) for n in range(6)]
    assert landing.latest(lake, "ledger") == landed[-1]
    assert [one.batch for one in landing.batches(lake, "ledger")] == [one.batch for one in reversed(landed)]


def test_latest_of_a_resource_never_landed_is_none(lake):
    assert landing.latest(lake, "ledger") is None


@pytest.mark.parametrize(
    "name", ["../ledger-20261121T040000-00000000", "other-20261121T040000-00000000", "ledger-2026", "", "ledger-20261121T040000-0000000/"]
)
def test_t18_batch_ids_that_lead_elsewhere_are_refused(lake, name):
    with pytest.raises(BatchBroken):
        landing.read_batch(lake, "ledger", name)


def test_batch_without_manifest_never_happened(lake):
    landed = landing.land(make_resource(), Rows(batch(0, 1)), lake, now=NOW)
    (landed.path / "manifest.json").unlink()
    assert landing.latest(lake, "ledger") is None
    with pytest.raises(BatchBroken, match="manifest"):
        landing.read_batch(lake, "ledger", landed.batch)


@pytest.mark.parametrize("spoil", ["cut", "missing"])
def test_batch_whose_file_is_not_whole_is_broken(lake, spoil):
    landed = landing.land(make_resource(), Rows(batch(0, 9)), lake, now=NOW)
    if spoil == "cut":
        os.truncate(landed.rows, landed.manifest.files[0]["bytes"] - 1)
    else:
        landed.rows.unlink()
    with pytest.raises(BatchBroken, match="rows.parquet"):
        landing.read_batch(lake, "ledger", landed.batch)


KILLED = """
import os, signal, sys
from pathlib import Path
from connectors import landing, manifest
from tests.connectors.conftest import NOW, make_resource
from tests.connectors.test_landing import Rows, batch

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

place = sys.argv[2]
if place == "rows":
    landing._Sink.write = die
elif place == "described":
    landing._describe = die
else:
    manifest.os.link = die
landing.land(make_resource(), Rows(batch(0, 3)), Path(sys.argv[1]), now=NOW)
"""


@pytest.mark.parametrize("place", ["rows", "described", "manifest"])
def test_landing_killed_at_any_stage_leaves_no_batch(lake, place):
    root = Path(__file__).parents[2]
    ended = subprocess.run([sys.executable, "-c", KILLED, str(lake), place], cwd=root, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert landing.latest(lake, "ledger") is None
    landed = landing.land(make_resource(), Rows(batch(0, 3)), lake, now=NOW)
    assert landing.latest(lake, "ledger") == landed
