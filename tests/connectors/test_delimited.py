"""CSV and TSV: whatever Python's own csv module reads, the feed reads; what it would misread, the feed refuses."""

from __future__ import annotations

import csv
import gzip
import io
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import connectors
from connectors import delimited
from connectors.errors import ContractBroken
from tests.connectors.conftest import NOW, credentials, make_resource, rows

HEADER = ["编号", "名称", "地址", "更新时间"]
# No surrogates (they are in no encoding); CR is left out because Python's own reader turns it into LF outside of quotes.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=12)
RECORDS = st.lists(st.lists(TEXT, min_size=4, max_size=4).filter(any), max_size=20)
FILES = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)


def written(records, delimiter=",", header=HEADER, newline="\r\n") -> str:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator=newline).writerows([header, *records])
    return out.getvalue()


def landed(lake: Path, file: Path, content: bytes, **options):
    file.write_bytes(content)
    return connectors.pull(make_resource(**options), lake, credentials=credentials(), now=NOW, input=file)


def values(batch):
    return [[row[name] for name in HEADER] for row in rows(batch)]


@FILES
@given(RECORDS, st.sampled_from([",", "\t", ";", "|"]), st.sampled_from(["\r\n", "\n"]))
def test_file_of_any_text_lands_as_written(tmp_path, lake, records, delimiter, newline):
    batch = landed(lake, tmp_path / "a.csv", written(records, delimiter, newline=newline).encode())
    assert values(batch) == records
    assert batch.manifest.delimiter == delimiter
    assert batch.manifest.rows == len(records)
    assert batch.manifest.malformed == 0


@FILES
@given(RECORDS)
def test_file_in_any_encoding_and_packing_has_the_same_content_hash(tmp_path, lake, records):
    text = written(records)
    forms = {
        "plain.csv": (text.encode(), "utf-8", False),
        "bom.csv": (b"\xef\xbb\xbf" + text.encode(), "utf-8", True),
        "packed.csv.gz": (gzip.compress(text.encode()), "utf-8", False),
        "gb.csv": (text.encode("gb18030"), "gb18030", False),
        "gb_bom.csv": (("\ufeff" + text).encode("gb18030"), "gb18030", True),
        "tabs.tsv": (written(records, "\t").encode(), "utf-8", False),
    }
    hashes = set()
    for name, (content, encoding, bom) in forms.items():
        batch = landed(lake, tmp_path / name, content)
        assert (batch.manifest.encoding, batch.manifest.bom) == (encoding, bom), name
        hashes.add(batch.manifest.content_hash)
    assert len(hashes) == 1


@pytest.mark.parametrize("packed", [False, True])
def test_gb18030_that_begins_with_megabytes_of_ascii_is_seen(tmp_path, lake, packed):
    """No sample of the beginning tells: the header, too, may be plain ASCII."""
    fields = tuple(replace(field, source=field.name) for field in make_resource().fields)
    ascii_rows = "".join(f"{n},name,{'x' * 80},2026-01-01\n" for n in range(30_000))
    content = ("number,name,place,updated_at\n" + ascii_rows + "30000,单位𠮷,路,\n").encode("gb18030")
    (tmp_path / "a.csv").write_bytes(gzip.compress(content, 1) if packed else content)
    resource = replace(make_resource(), fields=fields)
    batch = connectors.pull(resource, lake, credentials=credentials(), now=NOW, input=tmp_path / "a.csv")
    assert (batch.manifest.encoding, batch.manifest.rows) == ("gb18030", 30_001)
    assert rows(batch)[-1]["name"] == "单位𠮷"


@FILES
@given(st.lists(st.lists(TEXT, min_size=1, max_size=6).filter(any), max_size=25))
def test_malformed_rows_stay_in_their_place_with_their_line(tmp_path, lake, records):
    """Rows of every width: those of four fields by column, the others raw, each with the line it starts on."""
    text = written(records, newline="\n")
    batch = landed(lake, tmp_path / "a.csv", text.encode())
    line, expected = 2, []
    for record in records:
        raw = None if len(record) == 4 else written([record], newline="\n").split("\n", 1)[1].removesuffix("\n")
        expected.append((line, record if raw is None else [None] * 4, raw))
        line += 1 + sum(field.count("\n") for field in record)
    found = [(row["_line"], [row[name] for name in HEADER], row["_raw"]) for row in rows(batch)]
    assert found == expected
    assert batch.manifest.malformed == sum(len(record) != 4 for record in records)


def test_lines_are_right_over_many_blocks(tmp_path, lake, monkeypatch):
    monkeypatch.setattr(delimited, "BLOCK", 64)
    lines = [f"{n},a,b" if n % 7 == 0 else f"{n},a,b,c" for n in range(500)]
    batch = landed(lake, tmp_path / "a.csv", "\n".join([",".join(HEADER), *lines]).encode())
    found = rows(batch)
    assert [row["_line"] for row in found] == list(range(2, 502))
    assert [row["_raw"] or row["编号"] for row in found] == [lines[n] if n % 7 == 0 else str(n) for n in range(500)]


def test_blank_records_count_as_lines_but_not_as_rows(tmp_path, lake):
    text = ",".join(HEADER) + "\n\n1,a,b,c\n\n,,,\n2,a,b\n3,a,b,c\n\n"
    batch = landed(lake, tmp_path / "a.csv", text.encode())
    assert [(row["_line"], row["编号"], row["_raw"]) for row in rows(batch)] == [(3, "1", None), (6, None, "2,a,b"), (7, "3", None)]
    assert batch.manifest.blank == 4


def test_nul_inside_a_field_survives(tmp_path, lake):
    batch = landed(lake, tmp_path / "a.csv", (",".join(HEADER) + "\n1,甲\0乙,\0,\n").encode())
    assert values(batch) == [["1", "甲\0乙", "\0", ""]]


@pytest.mark.parametrize("cut", ['1,"甲,b,c\n2,乙,b,c\n', '1,甲,b,"c\n2,乙,b,c', '1,甲,b,c\n2,"', '1,"甲""'])
def test_quote_that_is_never_closed_breaks_the_contract(tmp_path, lake, cut):
    with pytest.raises(ContractBroken, match="quote is opened and not closed") as fault:
        landed(lake, tmp_path / "a.csv", (",".join(HEADER) + "\n" + cut).encode())
    assert fault.value.file == "a.csv"
    assert fault.value.row is not None
    assert "甲" not in str(fault.value)


def test_record_longer_than_a_block_breaks_the_contract(tmp_path, lake, monkeypatch):
    monkeypatch.setattr(delimited, "BLOCK", 64)
    with pytest.raises(ContractBroken, match="longer than 64 bytes"):
        landed(lake, tmp_path / "a.csv", (",".join(HEADER) + '\n1,"' + "x\n" * 100 + '",b,c\n').encode())


def test_header_on_a_later_row_is_found_where_the_catalogue_says(tmp_path, lake):
    text = "某局台账\n\n" + ",".join(HEADER) + "\n1,a,b,c\n2,a\n"
    batch = landed(lake, tmp_path / "a.csv", text.encode(), header_row=3)
    assert [(row["_line"], row["编号"], row["_raw"]) for row in rows(batch)] == [(4, "1", None), (5, None, "2,a")]


def test_file_unpacked_beyond_the_limit_breaks_the_contract(tmp_path, lake):
    bomb = gzip.compress((",".join(HEADER) + "\n").encode() + b"0" * 5_000_000)
    with pytest.raises(ContractBroken, match="unpacks to more than 1000000 bytes"):
        landed(lake, tmp_path / "a.csv.gz", bomb, max_bytes=1_000_000)


def test_single_column_file_lands(tmp_path, lake):
    resource = replace(make_resource(), fields=make_resource().fields[:1])
    (tmp_path / "a.csv").write_text("编号\n1\n\n2,3\n4", encoding="utf-8")
    batch = connectors.pull(resource, lake, credentials=credentials(), now=NOW, input=tmp_path / "a.csv")
    assert [(row["_line"], row["编号"], row["_raw"]) for row in rows(batch)] == [(2, "1", None), (4, None, "2,3"), (5, "4", None)]
