"""A corrected delivery that a body hands in on its page: it lands like any file of the drop folder, and the ordinary check runs.

    file ─► tried in scratch: does it read, are its rows the body's own? ─► landed like a dropped file ─► checked, oldest delivery first

- The providing department delivers for its resources, as their mode says: the whole, a partition, or changes alone.
- Any other body may hand in changes alone (increments), and only rows that name it and whose keys nobody else's row has: a delivery
  of the whole would say of other bodies' rows that they are gone.
- The file is kept in memory or where the lake spills, never on a plain disk, and its name is ours.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import duckdb
import sqlalchemy as sa

from catalogs.model import Catalog, Resource
from connectors import pulling
from connectors.errors import SourceError
from connectors.lake import Lake
from connectors.landing import LandedBatch
from connectors.settings import EnvironmentCredentials
from quality import engine, publications, responsible, scan
from quality.bodies import department
from quality.duplicates import key_of
from quality.errors import QualityError
from quality.report import BatchReport
from quality.scan import Landed
from quality.session import alone, scratch, session, spilling
from quality.sql import compose, literals

KINDS = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".xlsx")
MOST_UNPACKED = 256 * 1024**2
"""Bytes a file may unpack to."""
NAMED = 10
"""Lines an error names at most."""
_PERSON = re.compile(r"[^A-Za-z0-9]")


class UploadRefused(QualityError):
    """`why`: kind | empty | mode | contract | foreign | taken; `places`: columns or lines, never a value."""

    code = "UPLOAD_REFUSED"

    def __init__(self, why: str, message: str, places: Sequence[str] = (), count: int = 0):
        self.why, self.places, self.count = why, tuple(places), count
        super().__init__(message)


@dataclass(frozen=True)
class Upload:
    resource: str
    body: str
    name: str
    """As the person's computer calls it: only its ending counts."""
    content: bytes
    partition: str | None
    operator: str


@dataclass(frozen=True)
class Received:
    landed: LandedBatch
    report: BatchReport


def mode(catalog: Catalog, resource: Resource, body: str) -> str | None:
    """How the body delivers the resource here: snapshot | partition | increment; None = not here."""
    if department(catalog, resource.id).credit_code == body:
        return resource.delivery.mode
    return "increment" if resource.delivery.mode == "increment" and resource.responsible.organ else None


def receive(catalog: Catalog, upload: Upload, *, lake: Lake | Path, database: sa.Engine, now: datetime) -> Received:
    """Lands and checks it, after whatever landed before it. Raises UploadRefused; then nothing was landed."""
    resource, opened = catalog.resources[upload.resource], Lake.of(lake)
    here = mode(catalog, resource, upload.body)
    if here is None:
        raise UploadRefused("mode", f"{resource.id} is delivered whole by its department")
    ending = next((one for one in sorted(KINDS, key=len, reverse=True) if upload.name.lower().endswith(one)), None)
    if ending is None:
        raise UploadRefused("kind", f"a delivery is one of {', '.join(KINDS)}")
    if not upload.content.strip():
        raise UploadRefused("empty", "the file is empty")
    with spilling(opened) as folder:
        path = folder / f"upload-{now:%Y%m%dT%H%M%S}-{_PERSON.sub('', upload.operator)[:16]}{ending}"
        _put(path, upload.content, now)
        if department(catalog, resource.id).credit_code != upload.body:
            _check_own(catalog, resource, upload, path, opened, database, now)
        landed = _pulled(resource, path, opened, now, upload.partition if here == "partition" else None)
    return Received(landed, _checked(catalog, landed, opened, database, now, upload.operator))


def _put(path: Path, content: bytes, now: datetime) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    # What the source was like is as of the moment it was handed in.
    os.utime(path, (now.timestamp(), now.timestamp()))


def _pulled(resource: Resource, path: Path, lake: Lake, now: datetime, partition: str | None) -> LandedBatch:
    # A file from a page is unpacked while its sender waits: less of it than of a department's own drop.
    options = {**resource.connector.options, "max_bytes": MOST_UNPACKED}
    resource = replace(resource, connector=replace(resource.connector, options=options))
    try:
        return pulling.pull(resource, lake, credentials=EnvironmentCredentials({}), now=now, input=path, partition=partition)
    except SourceError as fault:
        columns = fault.column.split("、") if fault.column else []
        raise UploadRefused("contract", f"the file is no delivery of {resource.id}: {fault.what}", columns, fault.row or 0) from None


def _checked(catalog: Catalog, landed: LandedBatch, lake: Lake, database: sa.Engine, now: datetime, operator: str) -> BatchReport:
    """Older deliveries nobody checked go first, so that this one is the newest."""
    shared = {"lake": lake, "database": database}
    engine.check_waiting(catalog, landed.resource, now=lambda: now, operator="upload", before=landed.batch, **shared)
    return engine.check(landed, catalog, now=now, operator=operator, **shared)


def _check_own(catalog: Catalog, resource: Resource, upload: Upload, path: Path, lake: Lake, database: sa.Engine, now: datetime) -> None:
    """Raises UploadRefused for rows of other bodies, and for keys whose trusted row is another body's."""
    with scratch(lake / "tmp") as folder:
        tried = _pulled(resource, path, Lake(folder, lake.keys, lake.spill), now, None)
        columns = frozenset((*tried.manifest.columns, "_source", "_line", "_raw"))
        with session(lake, alone(catalog, resource.id)) as connection:
            _lay(connection, resource, Landed(lake.named(tried.rows), columns))
            _check_rows(connection, catalog, resource, upload.body)
            _check_keys(connection, catalog, resource, upload.body, lake, database)


def _lay(connection: duckdb.DuckDBPyConnection, resource: Resource, landed: Landed) -> None:
    """Temp table `handed(line, key, organ, division)`."""
    organ, division = responsible.said(resource)
    query = compose(
        """CREATE OR REPLACE TEMP TABLE handed AS
           SELECT _line AS line, {key} AS key, ({organ})::VARCHAR AS organ, ({division})::VARCHAR AS division FROM ({rows})""",
        key=key_of(resource), organ=organ, division=division, rows=scan.cleaned(landed, resource),
    )  # fmt: skip
    connection.execute(query.text).fetchall()


def _check_rows(connection: duckdb.DuckDBPyConnection, catalog: Catalog, resource: Resource, body: str) -> None:
    sayings = connection.execute("SELECT organ, division, count(*), list(line ORDER BY line)[:10] FROM handed GROUP BY ALL").fetchall()
    _refuse_others(catalog, resource, body, sayings, "foreign", "rows are another body's")


def _refuse_others(catalog: Catalog, resource: Resource, body: str, sayings: Sequence[tuple], why: str, what: str) -> None:
    """`sayings`: (organ, division, rows, some of their lines)."""
    found = responsible.found(resource, catalog, [(organ, division) for organ, division, *_ in sayings])
    strange = [(count, lines) for organ, division, count, lines in sayings if found[organ, division].code != body]
    if strange:
        count, lines = sum(one for one, _ in strange), sorted(line for _, some in strange for line in some)[:NAMED]
        raise UploadRefused(why, f"{count} {what}", [str(line) for line in lines], count)


def _check_keys(
    connection: duckdb.DuckDBPyConnection, catalog: Catalog, resource: Resource, body: str, lake: Lake, database: sa.Engine
) -> None:
    with database.connect() as reading:
        paths = publications.rows_paths(reading, lake, resource.id)
    if not paths:
        return
    organ, division = responsible.said(resource)
    query = compose(
        """SELECT its_organ, its_division, count(*), list(line ORDER BY line)[:10] FROM handed
           JOIN (SELECT _key, ({organ})::VARCHAR AS its_organ, ({division})::VARCHAR AS its_division
                 FROM read_parquet([{paths}], union_by_name = true)) AS head ON head._key = handed.key
           GROUP BY ALL""",
        organ=organ, division=division, paths=literals(map(lake.named, paths)),
    )  # fmt: skip
    _refuse_others(catalog, resource, body, connection.execute(query.text).fetchall(), "taken", "keys are of rows of another body")
