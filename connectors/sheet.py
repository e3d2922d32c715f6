"""Excel workbooks (.xlsx) as a feed: one sheet, one header row, every cell as text.

- Dates are ISO text, numbers have no trailing `.0`, an empty cell is an empty text (as in a CSV file).
- `_line` is the row number of the sheet. Rows without any content are counted, not landed.
- A row with content beyond the header's last column is kept as raw text (cells separated by tabs).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import zipfile
from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa
import python_calamine

from catalogs.spreadsheets import room
from connectors.delivery import Delivery
from connectors.errors import ContractBroken
from connectors.protocol import Origin, schema

MAX_BYTES = 2 * 1024**3
"""Unpacked size of a workbook: calamine holds a sheet in memory."""
_ROWS = 20_000


class SheetFeed:
    def __init__(self, delivery: Delivery, options: Mapping[str, object]):
        self.source = delivery.name
        self._delivery = delivery
        with delivery.reader() as raw:
            self._sha256 = hashlib.file_digest(raw, "sha256").hexdigest()
        delivery.check_sha256(self._sha256)
        _check_size(delivery, int(options.get("max_bytes", MAX_BYTES)))
        self._header_row = int(options.get("header_row", 1))
        self._cells = _rows(delivery, options.get("sheet"))
        self.columns = self._header()
        self._blank = 0

    def batches(self) -> Iterator[pa.RecordBatch]:
        total, rows = 0, _Rows(self.columns)
        for line, cells in enumerate(self._cells, self._header_row + 1):
            texts = [as_text(cell) for cell in cells]
            if not any(texts):
                self._blank += 1
                continue
            rows.add(line, texts)
            if len(rows) == _ROWS:
                total += len(rows)
                yield rows.batch()
                rows = _Rows(self.columns)
        if len(rows):
            total += len(rows)
            yield rows.batch()
        self._delivery.check_rows(total)
        self._delivery.check_unchanged()

    def origin(self) -> Origin:
        sidecar = self._delivery.sidecar
        return Origin(
            connector="file_drop",
            as_of=self._delivery.as_of,
            partition=None if sidecar is None else sidecar.partition,
            blank=self._blank,
            sha256=self._sha256,
            size=self._delivery.size,
        )

    def _header(self) -> list[str]:
        """Header texts up to the last one that is not empty."""
        for number, cells in enumerate(self._cells, 1):
            if number == self._header_row:
                names = [as_text(cell).strip() for cell in cells]
                while names and not names[-1]:
                    names.pop()
                if names:
                    return names
                break
        raise ContractBroken(
            "no header is found",
            source=self._delivery.resource,
            file=self.source,
            row=self._header_row,
            hint="the provider delivers a header",
        )


class _Rows:
    """Rows on their way into one batch."""

    def __init__(self, columns: Sequence[str]):
        self._columns = columns
        self._values: list[Sequence[str | None]] = []
        self._lines: list[int] = []
        self._raw: list[str | None] = []

    def __len__(self) -> int:
        return len(self._lines)

    def add(self, line: int, texts: list[str]) -> None:
        width = len(self._columns)
        malformed = any(texts[width:])
        self._lines.append(line)
        self._raw.append("\t".join(texts) if malformed else None)
        self._values.append([None] * width if malformed else [*texts[:width], *[""] * (width - len(texts))])

    def batch(self) -> pa.RecordBatch:
        columns = [pa.array(column, pa.string()) for column in zip(*self._values, strict=True)]
        return pa.record_batch(
            [*columns, pa.array(self._lines, pa.int64()), pa.array(self._raw, pa.string())], schema=schema(self._columns)
        )


def as_text(cell: object) -> str:
    """A cell as a person reads it, dates in ISO form."""
    match cell:
        case str():
            return cell
        case bool():
            return "true" if cell else "false"
        case float() if cell.is_integer():
            return str(int(cell))
        case dt.datetime() if cell.time() == dt.time.min:
            return cell.date().isoformat()
        case dt.datetime():
            return cell.isoformat(sep=" ")
        case dt.date() | dt.time():
            return cell.isoformat()
        case _:
            return str(cell)


def _check_size(delivery: Delivery, max_bytes: int) -> None:
    """Refuses what is no workbook and what unpacks to too much, before anything is unpacked."""
    try:
        with delivery.reader() as raw, zipfile.ZipFile(raw) as archive:
            size = sum(member.file_size for member in archive.infolist())
            spread = size <= max_bytes and room(archive) > max_bytes
    except zipfile.BadZipFile:
        raise ContractBroken(
            "the workbook is cut off or not an .xlsx file",
            source=delivery.resource,
            file=delivery.name,
            hint="the provider delivers it again",
        ) from None
    if size > max_bytes or spread:
        raise ContractBroken(f"the workbook unpacks to more than {max_bytes} bytes", source=delivery.resource, file=delivery.name)


def _rows(delivery: Delivery, sheet: object) -> Iterator[list[object]]:
    try:
        with delivery.reader() as raw:
            workbook = python_calamine.CalamineWorkbook.from_filelike(raw)
        if sheet is None:
            found = workbook.get_sheet_by_index(0)
        else:
            found = workbook.get_sheet_by_name(str(sheet))
        return found.iter_rows()
    except python_calamine.WorksheetNotFound:
        raise ContractBroken(f"the workbook has no sheet {sheet}", source=delivery.resource, file=delivery.name) from None
    except (python_calamine.CalamineError, python_calamine.XmlError, python_calamine.ZipError, python_calamine.PasswordError) as fault:
        raise ContractBroken(
            f"the workbook cannot be read ({type(fault).__name__})",
            source=delivery.resource,
            file=delivery.name,
            hint="the provider saves it again as .xlsx without a password",
        ) from None
