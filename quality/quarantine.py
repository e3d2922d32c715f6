"""Rejected rows, kept whole: origin, key, every failed rule, the source's own values, who answers for them. And their way out as CSV.

Rows go to `<lake>/quarantine/<resource>/<batch>/rows.parquet` in the order of delivery, without a cap, also when the gate stops the batch.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, BinaryIO

import duckdb
import pyarrow.parquet as pq

from catalogs.spreadsheets import inert
from connectors.lake import Lake
from quality.duplicates import SEPARATOR, key_of
from quality.files import claim
from quality.responsible import said
from quality.rulebook import Rulebook
from quality.scan import Landed
from quality.sql import Sql, commas, compose, ident, literal, trusted

_ROWS = """COPY (
    SELECT rejected._source || ':' || rejected._line AS origin, {key} AS key, named.rules AS failed_rules,
           CASE WHEN landed._raw IS NULL THEN to_json({values}) ELSE json_object('_raw', landed._raw) END::VARCHAR AS values,
           ({organ})::VARCHAR AS organ, ({division})::VARCHAR AS division
    FROM judged AS rejected
    JOIN {landed} AS landed ON landed.file_row_number = rejected._row
    JOIN rule_names AS named ON named.mask = rejected.failed
    WHERE rejected.fate = 'quarantined' ORDER BY rejected._row
) TO {path} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"""


def name_rules(connection: duckdb.DuckDBPyConnection, book: Rulebook, masks: Iterable[int]) -> None:
    """Table `rule_names(mask, rules)`: the rule ids of each set of failed rules that occurs."""
    found = sorted(set(masks) | {0})
    # Ids joined by a character no id contains: a list of lists of different lengths is slow to bind.
    texts = [SEPARATOR.join(book.named(mask)) for mask in found]
    connection.execute(
        """CREATE OR REPLACE TEMP TABLE rule_names AS
           SELECT mask, CASE WHEN ids = '' THEN []::VARCHAR[] ELSE string_split(ids, chr(31)) END AS rules
           FROM (SELECT unnest($1::BIGINT[]) AS mask, unnest($2::VARCHAR[]) AS ids)""",
        [found, texts],
    ).fetchall()


def write(connection: duckdb.DuckDBPyConnection, landed: Landed, book: Rulebook, lake: Lake, batch: str, written: Path) -> Path:
    """Write the batch's quarantine, first into the file `written`, and return its lasting path. Needs `judged` and `rule_names`."""
    columns = sorted(landed.columns - {"_source", "_line", "_raw"})
    pairs = [compose("{name} := {column}", name=ident(name), column=compose("landed.{name}", name=ident(name))) for name in columns]
    values = compose("struct_pack({pairs})", pairs=commas(pairs)) if pairs else trusted("{}")
    organ, division = said(book.resource)
    places = {
        "organ": organ,
        "division": division,
        "key": _key(book),
        "values": values,
        "landed": landed.table,
        "path": literal(lake.named(written)),
    }
    connection.execute(compose(_ROWS, **places).text).fetchall()
    return claim(lake, written, lake / "quarantine" / book.resource.id / batch, "rows", reuse=True)


def _key(book: Rulebook) -> Sql:
    return key_of(book.resource)


def rows(path: Path, wording: Mapping[str, str] | None = None, lake: Lake | None = None) -> Iterator[dict[str, str]]:
    """Flat rows of a quarantine file: origin, key, failed_rules (`;`), the rules' sentences if `wording` has them, the source's columns."""
    with (lake or Lake(path.parent)).open(path) as file:
        yield from _flat(file, wording)


def _flat(file: BinaryIO, wording: Mapping[str, str] | None) -> Iterator[dict[str, str]]:
    for batch in pq.ParquetFile(file).iter_batches(batch_size=10_000):
        told = (batch.column(name).to_pylist() for name in ("origin", "key", "failed_rules"))
        # One text for all: the parser keeps the columns' names it has seen, and is half as fast again.
        values = json.loads(f"[{','.join(batch.column('values').to_pylist())}]")
        for origin, key, failed, source in zip(*told, values, strict=True):
            flat = {"origin": origin, "key": (key or "").replace(SEPARATOR, "|"), "failed_rules": ";".join(failed)}
            if wording:
                flat["sentences"] = "；".join(wording.get(one, one) for one in failed)
            # Most rows have every column filled: looking for a gap is cheaper than rebuilding the row.
            yield flat | ({name: value or "" for name, value in source.items()} if None in source.values() else source)


def export(read: Callable[[], Iterable[Mapping[str, str]]], file: IO[str]) -> int:
    """Write flat rows as CSV that no spreadsheet will run; returns their number. Read twice, so memory stays flat."""
    columns: dict[str, None] = {}
    for row in read():
        columns |= dict.fromkeys(row)
    table, count = csv.DictWriter(file, [inert(name) for name in columns], restval="", quoting=csv.QUOTE_ALL), 0
    table.writeheader()
    for row in read():
        table.writerow({inert(name): inert(value) for name, value in row.items()})
        count += 1
    return count
