"""Real public files: every row lands, whatever the encoding; shifted rows land raw with their line."""

from __future__ import annotations

import csv
import gzip
import io

import pytest

import connectors
from tests.connectors.conftest import NOW, credentials, rows, table

REGISTRY = {"guangxi": 25_393, "ningxia": 4_920, "sichuan": 57_340}


def pull(catalog, lake, path):
    return connectors.pull(catalog.resources["enterprise_registry"], lake, credentials=credentials(), now=NOW, input=path)


@pytest.mark.parametrize(("province", "count"), REGISTRY.items())
def test_registry_lands_every_row_as_pythons_own_reader_sees_it(real_data, catalog, lake, province, count):
    path = real_data / "legal" / f"enterprises_{province}.csv.gz"
    batch = pull(catalog, lake, path)
    assert (batch.manifest.rows, batch.manifest.malformed, batch.manifest.blank) == (count, 0, 0)
    with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as file:
        expected = list(csv.DictReader(file))
    landed = table(batch)
    for name in expected[0]:
        assert landed.column(name).to_pylist() == [row[name] for row in expected]
    assert landed.column("_line").to_pylist() == list(range(2, count + 2))


@pytest.mark.parametrize("province", REGISTRY)
def test_registry_recoded_has_the_same_content_hash(real_data, catalog, lake, tmp_path, province):
    original = real_data / "legal" / f"enterprises_{province}.csv.gz"
    text = gzip.decompress(original.read_bytes()).decode("utf-8-sig")
    forms = {"gb.csv": text.encode("gb18030"), "bom.csv": text.encode("utf-8-sig"), "gb.csv.gz": gzip.compress(text.encode("gb18030"), 1)}
    first = pull(catalog, lake, original).manifest
    for name, content in forms.items():
        (tmp_path / name).write_bytes(content)
        again = pull(catalog, lake, tmp_path / name).manifest
        assert again.content_hash == first.content_hash
        assert (again.encoding, again.bom) == (("utf-8", True) if name == "bom.csv" else ("gb18030", False))


def test_dirt_pack_lands_shifted_rows_raw_with_their_line(real_data, catalog, lake, tmp_path):
    """Its four lead columns are cut off; rows of another width than the header's stay as they are."""
    with gzip.open(real_data / "legal" / "dirt_pack.csv.gz", "rt", encoding="utf-8-sig", newline="") as file:
        records = [record[4:] for record in csv.reader(file)]
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows(records)
    (tmp_path / "dirt.csv").write_text(out.getvalue(), encoding="utf-8")
    batch = pull(catalog, lake, tmp_path / "dirt.csv")
    found = rows(batch)
    assert (batch.manifest.rows, batch.manifest.malformed) == (2913, 464)
    assert [row["_line"] for row in found] == list(range(2, 2915))
    lines = out.getvalue().split("\n")
    for row, record in zip(found, records[1:], strict=True):
        if len(record) == 9:
            assert ([row[name] for name in records[0]], row["_raw"]) == (record, None)
        else:
            assert ({row[name] for name in records[0]}, row["_raw"]) == ({None}, lines[row["_line"] - 1])
