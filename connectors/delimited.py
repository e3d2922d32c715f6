"""CSV and TSV files, plain or gzipped, as a feed.

- Every value is text as it stands; an empty field is an empty text, never NULL. Fields may hold line breaks and NULs.
- A row with too many or too few fields is kept as raw text in its place. A record without any content is counted, not landed.
- A quote that is opened and never closed would swallow the rest of the file unseen, so a sentinel line is fed behind
  the last byte: if it does not come out alone, the contract is broken.
- pyarrow gives record numbers to malformed rows only when it reads in one thread, so it does.
"""

from __future__ import annotations

import csv
import io
import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO

import pyarrow as pa
import pyarrow.csv as pc

from catalogs.model import Resource
from connectors import contract, encoding
from connectors.delivery import Delivery
from connectors.errors import ContractBroken
from connectors.numbering import Numbering
from connectors.protocol import Origin

BLOCK = 8 * 1024 * 1024
"""Bytes parsed at a time, and so the longest record."""
_DELIMITERS = (",", "\t", ";", "|")
MAX_BYTES = 16 * 1024**3


class DelimitedFeed:
    """A delivered text file. Reading the header already reads the whole file once (encoding, hash)."""

    def __init__(self, resource: Resource, delivery: Delivery, options: Mapping[str, object]):
        self.source = delivery.name
        self._delivery = delivery
        self._scan = encoding.scan(delivery, max_bytes=int(options.get("max_bytes", MAX_BYTES)))
        delivery.check_sha256(self._scan.sha256)
        self._header_row = int(options.get("header_row", 1))
        self._delimiter = str(options.get("delimiter") or _sniff(resource, delivery, self._scan.head, self._header_row))
        self.columns, lines = _header(delivery, self._scan.head, self._delimiter, self._header_row)
        self._numbering = Numbering(self.columns, record=self._header_row + 1, line=lines + 1)

    def batches(self) -> Iterator[pa.RecordBatch]:
        sentinel = _sentinel(self._delimiter, len(self.columns))
        packed = encoding.is_packed(self._delivery)
        with self._delivery.reader() as raw, io.BufferedReader(raw, 1024 * 1024) as buffered:
            stream = _Framed(encoding.unpacked(buffered, packed), self._scan.bom, sentinel)
            yield from self._parse(stream, sentinel)
        self._delivery.check_rows(self._numbering.rows)
        self._delivery.check_unchanged()

    def origin(self) -> Origin:
        sidecar = self._delivery.sidecar
        return Origin(
            connector="file_drop",
            as_of=self._delivery.as_of,
            encoding=self._scan.encoding,
            bom=self._scan.bom > 0,
            delimiter=self._delimiter,
            partition=None if sidecar is None else sidecar.partition,
            blank=self._numbering.blank,
            sha256=self._scan.sha256,
            size=self._delivery.size,
        )

    def _parse(self, stream: BinaryIO, sentinel: str) -> Iterator[pa.RecordBatch]:
        seen = False

        def keep(row: pc.InvalidRow) -> str:
            nonlocal seen
            if row.text == sentinel:
                seen = True
            else:
                self._numbering.malformed(row.number, row.text)
            return "skip"

        try:
            with self._reader(stream, keep) as reader:
                for batch in reader:
                    yield from self._numbering.place(batch)
        except pa.ArrowInvalid:
            seen = False
        if seen:
            yield from self._numbering.rest()
        else:
            raise ContractBroken(
                f"a quote is opened and not closed, or a record is longer than {BLOCK} bytes",
                source=self._delivery.resource,
                file=self.source,
                row=self._numbering.last_line,
                hint="the file was cut off, or the provider doubles the quotes inside fields",
            )

    def _reader(self, stream: BinaryIO, keep) -> pc.CSVStreamingReader:
        return pc.open_csv(
            pa.PythonFile(stream, mode="r"),
            read_options=pc.ReadOptions(
                column_names=self.columns,
                skip_rows_after_names=self._header_row,
                block_size=BLOCK,
                encoding=self._scan.encoding,
                use_threads=False,
            ),
            parse_options=pc.ParseOptions(
                delimiter=self._delimiter, newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=keep
            ),
            convert_options=pc.ConvertOptions(
                column_types={name: pa.string() for name in self.columns}, strings_can_be_null=False, null_values=[]
            ),
        )


class _Framed(io.RawIOBase):
    """The stream without its byte order mark and with the sentinel on a line of its own behind it."""

    def __init__(self, inner: BinaryIO, bom: int, sentinel: str):
        inner.read(bom)
        self._inner: BinaryIO | None = inner
        self._tail = sentinel.encode("ascii") + b"\n"
        self._last = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """Always as much as asked for until the end: the parser wants the header and a row in its first block."""
        chunk = b"" if self._inner is None else self._inner.read(size)
        if self._inner is not None and len(chunk) < size:
            self._inner = None
            self._tail = (b"" if (self._last + chunk)[-1:] in (b"\n", b"\r") else b"\n") + self._tail
        self._last = chunk[-1:]
        rest = size - len(chunk)
        if self._inner is None and rest > 0:
            chunk, self._tail = chunk + self._tail[:rest], self._tail[rest:]
        return chunk


def _sentinel(delimiter: str, columns: int) -> str:
    """A line that cannot be in the file and never has the right number of fields."""
    token = secrets.token_hex(16)
    return token if columns > 1 else token + delimiter + token


def _sniff(resource: Resource, delivery: Delivery, head: str, header_row: int) -> str:
    """The delimiter under which most of the catalogue's columns are found; the file's extension decides ties."""
    known = set(contract.declared(resource))
    usual = "\t" if delivery.name.lower().removesuffix(".gz").endswith((".tsv", ".tab")) else ","
    found = {one: len(known.intersection(_header(delivery, head, one, header_row)[0])) for one in _DELIMITERS}
    return max(_DELIMITERS, key=lambda one: (found[one], one == usual))


def _header(delivery: Delivery, head: str, delimiter: str, header_row: int) -> tuple[Sequence[str], int]:
    """Header names and the number of physical lines up to and with the header."""
    reader = csv.reader(io.StringIO(head, newline=""), delimiter=delimiter)
    try:
        for number, record in enumerate(reader, 1):
            if number == header_row:
                return [name.strip() for name in record], reader.line_num
    except csv.Error:
        pass
    raise ContractBroken(
        "no header is found", source=delivery.resource, file=delivery.name, row=header_row, hint="the provider delivers a header"
    )
