"""T19: fourteen ways a delivery goes bad on its way. None may land as if it were good; each error says where and what to do.

What a connector cannot see alone (yesterday's file, ten times the rows) lands unchanged and told apart by hash and count,
for the gate to judge.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path

import pytest

import connectors
from connectors.errors import ContractBroken
from tests.connectors.conftest import NOW, credentials, make_resource, rows

HEADER = "编号,名称,地址,更新时间"
GOOD = HEADER + "\n" + "".join(f"{n},单位{n},样例路{n}号,2026-01-05\n" for n in range(1, 201))
SOUND = {"rows": 200, "sha256": hashlib.sha256(GOOD.encode()).hexdigest()}


def land(lake: Path, drop: Path, content: bytes, name: str = "a.csv", manifest: dict | None = None):
    drop.mkdir(exist_ok=True)
    (drop / name).write_bytes(content)
    if manifest is not None:
        (drop / (name + ".manifest.json")).write_text(json.dumps(manifest), encoding="utf-8")
    return connectors.pull(make_resource(stable_seconds=0), lake, credentials=credentials(drop=drop), now=NOW)


BAD = {
    "empty": (b"", None, "is empty"),
    "header missing": (GOOD.split("\n", 1)[1].encode(), None, "required column"),
    "half written, manifest whole": (GOOD.encode()[:3000], SOUND, "SHA-256"),
    "half written, manifest with rows alone": (GOOD[: GOOD.index("\n100,") + 1].encode(), {"rows": 200}, "manifest says 200 rows"),
    "doubled, manifest of one": ((GOOD + GOOD.split("\n", 1)[1]).encode(), {"rows": 200}, "manifest says 200 rows, the file has 400"),
    "cut inside a quote": ((GOOD + '201,"单位').encode(), None, "quote is opened"),
    "cut inside a character": (GOOD.encode()[:-30] + "样".encode()[:2], None, "neither UTF-8 nor GB18030"),
    "two encodings": (GOOD.encode() + "201,单位,样例路,".encode("gb18030") + b"\n" + "国,".encode() * 7, None, "neither UTF-8 nor GB18030"),
    "UTF-16": (GOOD.encode("utf-16"), None, "neither UTF-8 nor GB18030"),
    "UTF-8 saved twice": (GOOD.encode().decode("gb18030", "replace").encode(), None, "required column"),
    "column renamed": (GOOD.replace("编号", "序号", 1).encode(), None, "required column"),
    "header doubled": (GOOD.replace("地址", "编号", 1).encode(), None, "occurs 2 times"),
    "column without a name": (GOOD.replace("地址", " ", 1).encode(), None, "no name"),
    "reserved name": (GOOD.replace("地址", "_line", 1).encode(), None, "reserved name"),
    "gzip cut": (gzip.compress(GOOD.encode())[:-20], None, "cut off or damaged"),
    "gzip damaged": (gzip.compress(GOOD.encode())[:200] + b"\0" * 400, None, "cut off or damaged"),
    "a picture": (b"\x89PNG\r\n\x1a\n\x00\xff\xfe", None, "neither UTF-8 nor GB18030"),
}


@pytest.mark.parametrize(("content", "manifest", "says"), BAD.values(), ids=BAD)
def test_t19_poisoned_file_breaks_the_contract_and_lands_nothing(lake, drop, content, manifest, says):
    good = land(lake, drop, GOOD.encode())
    with pytest.raises(ContractBroken, match=says) as fault:
        land(lake, drop, content, manifest=manifest)
    assert fault.value.source and (fault.value.hint or fault.value.row)
    assert "单位1" not in str(fault.value) and "样例路" not in str(fault.value)
    assert [batch.name for batch in (lake / "landing" / "ledger").iterdir()] == [good.batch]


@pytest.mark.parametrize("line", [2, 100, 201])
def test_t19_undecodable_byte_is_told_by_its_line(lake, drop, line):
    lines = GOOD.encode().split(b"\n")
    lines[line - 1] += b"\xff"
    with pytest.raises(ContractBroken) as fault:
        land(lake, drop, b"\n".join(lines))
    assert fault.value.row == line


def test_t19_header_only_lands_no_rows_for_the_gate_to_judge(lake, drop):
    for content in (HEADER, HEADER + "\n"):
        assert land(lake, drop, content.encode()).manifest.rows == 0


def test_t19_ten_times_the_rows_land_and_are_counted(lake, drop):
    body = GOOD.split("\n", 1)[1]
    batch = land(lake, drop, (HEADER + "\n" + body * 10).encode())
    assert batch.manifest.rows == 2000


def test_t19_yesterdays_file_has_yesterdays_hash(lake, drop):
    yesterday = land(lake, drop, GOOD.encode(), name="0101.csv")
    today = land(lake, drop, GOOD.encode(), name="0102.csv")
    assert today.manifest.content_hash == yesterday.manifest.content_hash
    assert today.manifest.source_sha256 == yesterday.manifest.source_sha256


def test_t19_mojibake_and_replacement_marks_land_as_they_are(lake, drop):
    batch = land(lake, drop, (HEADER + "\n1,锟斤拷�\ue000,,\n").encode())
    assert rows(batch)[0]["名称"] == "锟斤拷�\ue000"


def test_t19_shifted_columns_land_raw(lake, drop):
    batch = land(lake, drop, (GOOD + "201,单位,样例路,1号,2026-01-05\n202,单位\n").encode())
    assert [(row["_line"], row["_raw"]) for row in rows(batch)[200:]] == [(202, "201,单位,样例路,1号,2026-01-05"), (203, "202,单位")]


def test_header_that_is_a_row_of_data_is_never_repeated(lake, drop):
    with pytest.raises(ContractBroken) as fault:
        land(lake, drop, "110101199003070018,某人,某人,x\n".encode())
    assert "某人" not in str(fault.value) and "110101" not in str(fault.value)
